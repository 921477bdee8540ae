package hearth

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hearthws/hearth/internal/frame"
	"github.com/hearthws/hearth/internal/hub"
	"github.com/hearthws/hearth/internal/transport"
)

// Client is one connection. It is valid for ever; once disconnected it sends
// nothing any more. All methods may be called concurrently.
type Client struct {
	hub hub.Client

	// Static after the upgrade.
	server    *Server
	remote    string
	data      *UpgradeData // nil: none
	connected int64        // Unix milliseconds

	lastActivity atomic.Int64 // Server.uptime of the last message
	stateValue   atomic.Uint32
	encrypted    atomic.Bool
	congested    atomic.Bool
	spentAt      uint32 // milliseconds of the server's life; the reader's

	identity atomic.Pointer[identity] // nil until Authenticate accepts

	// Guarded by mu.
	mu   sync.Mutex
	work *work         // while hooks run or are due
	done chan struct{} // closed at the end; nil until somebody asks
	lent bool          // done, to a hook

	// The reader's, as spentAt. They are here since nothing of this size is
	// free elsewhere.
	strikes uint8  // mistakes before authentication
	owed    uint32 // microseconds, at spentAt

	// Guarded by mu.
	out *outbox // once something was transformed
}

// identity is what authentication has found out. It is not changed.
type identity struct {
	Identity
	handshake *handshakeOutcome // nil: none
}

// handshakeOutcome is what client and server have agreed on.
type handshakeOutcome struct {
	HandshakeResult
	session EncryptionSession // of Options.Encryption
}

// The values of Client.stateValue, in the order in which they follow.
const (
	stateUpgrading uint32 = iota // holds its id, and is seen by nobody
	stateUnauthorized
	stateAuthenticating
	stateAuthenticated
	stateDisconnected
)

var stateNames = [...]State{StateUnauthorized, StateUnauthorized, StateAuthenticating, StateAuthenticated, StateDisconnected}

// handler is a Client as its connection sees it.
type handler Client

func clientOf(c *hub.Client) *Client {
	if c == nil {
		return nil
	}
	return clientOfConn(&c.Conn)
}

func clientOfConn(c *transport.Conn) *Client { return (*Client)(c.Handler().(*handler)) }

func (c *Client) state() uint32 { return c.stateValue.Load() }

// ID is the client's id.
func (c *Client) ID() string { return c.hub.ID() }

// known is what Authenticate has said of the client; nil until it has accepted it.
func (c *Client) known() *identity { return c.identity.Load() }

// UserID is the user whose client this is; "" until Authenticate has accepted it,
// and when it has none. It stays when the client has gone.
func (c *Client) UserID() string {
	if id := c.known(); id != nil {
		return id.UserID
	}
	return ""
}

// Metadata is what Authenticate has said of the client; nil before. It stays when
// the client has gone.
func (c *Client) Metadata() any {
	if id := c.known(); id != nil {
		return id.Metadata
	}
	return nil
}

// Data is what the caller of [Server.Upgrade] has said of the connection.
func (c *Client) Data() UpgradeData {
	if c.data == nil {
		return UpgradeData{}
	}
	return *c.data
}

// State is where the client is in its life.
func (c *Client) State() State { return stateNames[c.state()] }

// RemoteAddr is the peer's address, as host:port; behind a trusted proxy the
// address that it forwards, without a port.
func (c *Client) RemoteAddr() string { return c.remote }

// ConnectedAt is when the connection was upgraded.
func (c *Client) ConnectedAt() time.Time { return time.UnixMilli(c.connected) }

// LastActivity is when the last message arrived, or the connection was made.
// Pings and pongs do not count.
func (c *Client) LastActivity() time.Time {
	silent := c.server.uptime() - c.lastActivity.Load()
	return time.Now().Add(-time.Duration(silent) * time.Millisecond)
}

// Encrypted reports whether what is sent to the client is sealed by
// Options.Encryption, or goes through Transform.
func (c *Client) Encrypted() bool { return c.encrypted.Load() }

// Backpressured reports whether the client's socket takes less than it is sent,
// so that messages wait.
func (c *Client) Backpressured() bool { return c.congested.Load() }

// Transport says which transport serves the client.
func (c *Client) Transport() Transport {
	if c.hub.OnEpoll() {
		return TransportLoop
	}
	return TransportStream
}

// Rooms are the names of the rooms that the client is in, sorted. The room of
// its own id is among them.
func (c *Client) Rooms() []string { return c.hub.Rooms() }

// InRoom reports whether the client is in room.
func (c *Client) InRoom(room string) bool { return c.server.hub.InRoom(&c.hub, room) }

// EnableEncryption lets everything that is sent to the client from now on go
// through Transform. It cannot be undone; calling it again changes nothing. With
// Options.Encryption it does nothing: only a handshake brings keys.
func (c *Client) EnableEncryption() {
	if c.server.opts.Encryption != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.encrypted.Load() {
		return
	}
	if c.server.opts.Transform != nil && c.state() == stateAuthenticated {
		c.hub.Loop().Post(transport.Transform(&c.hub.Conn))
	}
	c.encrypted.Store(true) // whoever sees it sends behind that
}

// Close ends the connection with a close frame behind everything that is
// queued, and does not wait for that. At once the client is in no room and
// receives no message any more, and its messages that wait for OnMessage are
// dropped. Of several calls the first counts. A code that may not
// stand in a close frame (RFC 6455 section 7.4) becomes 1000. reason is cut
// after 123 bytes.
func (c *Client) Close(code int, reason string) {
	if !frame.ValidCloseCode(code) {
		code = CloseNormal
	}
	reason = strings.ToValidUTF8(reason, "\uFFFD")
	if c.end(Cause{Code: code, Reason: reason}, true) {
		c.hub.Close(code, reason)
	}
}

// Snapshot is what is known of a client at one moment.
type Snapshot struct {
	ID              string    `json:"id"`
	UserID          string    `json:"userId"`
	HasUserID       bool      `json:"hasUserId"` // also true for a user id that is known, and empty
	State           State     `json:"state"`
	Rooms           []string  `json:"rooms"`
	Backpressured   bool      `json:"backpressured"`
	Encrypted       bool      `json:"encrypted"`
	ConnectedAt     time.Time `json:"connectedAt"`
	LastActivity    time.Time `json:"lastActivity"`
	Metadata        any       `json:"metadata,omitempty"`
	ServerPublicKey string    `json:"serverPublicKey,omitempty"`
	Salt            string    `json:"salt,omitempty"`
	RemoteAddr      string    `json:"remoteAddr"`
	Transport       Transport `json:"transport"`
	QueuedBytes     int64     `json:"queuedBytes"`
}

// Snapshot returns what is known of the client now.
func (c *Client) Snapshot() Snapshot {
	s := Snapshot{
		ID: c.ID(), UserID: c.UserID(), State: c.State(), Rooms: c.Rooms(), Backpressured: c.Backpressured(),
		Encrypted: c.Encrypted(), ConnectedAt: c.ConnectedAt(), LastActivity: c.LastActivity(),
		Metadata: c.Metadata(), RemoteAddr: c.remote, Transport: c.Transport(), QueuedBytes: c.hub.Queued(),
	}
	if id := c.known(); id != nil {
		s.HasUserID = id.UserID != "" || id.EmptyUserID
		if id.handshake != nil {
			s.ServerPublicKey, s.Salt = id.handshake.ServerPublicKey, id.handshake.Salt
		}
	}
	return s
}
