package hearth

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/hearthws/hearth/internal/handshake"
)

// Options configure a [Server]. The zero value of a field means its default,
// so a literal names only what differs. [New] works on a copy; hooks and
// slices must not be changed afterwards. When hooks run, where, and what their
// errors mean is told under "Hooks" in the documentation of the package.
type Options struct {
	// Identifier names the server in logs and metrics. Default: "hearth".
	Identifier string

	// Path is where the server expects to be mounted; requests for another
	// path get 404. "*" accepts every path. Default: [DefaultPath].
	Path string

	// Broker joins servers to a cluster. Default: a memory broker of the
	// server's own.
	Broker Broker

	// DefaultRooms are joined by every client once it is authenticated.
	// Default (nil): [DefaultRoom] and [DefaultNotificationRoom]; an empty
	// list means none.
	DefaultRooms []string

	// Authenticate decides who a client is. Required.
	Authenticate AuthenticateFunc

	// ValidateRooms decides which rooms a client may join. Default: none may
	// be joined by request.
	ValidateRooms ValidateRoomsFunc

	// OnConnect runs when a client has been authenticated, after `connected`
	// was sent and before its first message is handled.
	OnConnect func(ctx context.Context, c *Client) error

	// OnMessage gets every message of an authenticated client that is not of
	// the protocol itself, one after the other for each client. The client
	// learns nothing of an error; it is logged and counted. Default: messages
	// are dropped.
	OnMessage func(ctx context.Context, c *Client, m Message) error

	// OnDisconnect runs exactly once for every upgraded connection, after
	// any other hook of that client has returned. The client is in no room by
	// then, and still has its user id and metadata. ctx ends with Shutdown.
	OnDisconnect func(ctx context.Context, c *Client, cause Cause) error

	// OnBackpressure tells when a client's messages begin to queue up
	// (true), and when all have been handed to its socket (false). It must
	// not block: it runs where the socket is served.
	OnBackpressure func(c *Client, congested bool)

	// OnBroker gets the broker's changes of state, one after the other. It
	// must not block.
	OnBroker func(BrokerEvent)

	// OnGap hears that messages of other servers may not have reached the
	// clients of this one: nobody else can tell them. It runs before OnBroker
	// hears of the state that ends the gap. It must not block.
	OnGap func(Gap)

	// Transform may replace what is sent to an encrypted client. Messages of
	// one client are transformed one after the other, in order.
	Transform TransformFunc

	// Handshake makes a client encrypted. It runs when the client sent a
	// publicKey with its credentials, and always under RequireEncryption.
	Handshake HandshakeFunc

	// Encryption is ready-made encryption: package seal has it. It takes the
	// place of Handshake and Transform, and also opens what clients send
	// sealed. It is used for clients that send a publicKey with their
	// credentials, and under RequireEncryption for all.
	Encryption Encryption

	// RequireEncryption refuses clients for which the handshake does not
	// succeed. It needs Encryption or Handshake. Default: false.
	RequireEncryption bool

	// RequireSealedInbound answers messages, joins and leaves that an
	// encrypted client sends plain with an error, and does nothing else with
	// them. Clients of the original send nothing sealed. It needs Encryption.
	// Default: false.
	RequireSealedInbound bool

	// EncryptedBatchLimit is how many Transform hooks run at once for the
	// clients of one event loop. One that takes longer than a second does not
	// count any more. Encryption needs no hooks: each loop seals what it
	// writes, one message at a time. Default: [DefaultEncryptedBatchLimit].
	EncryptedBatchLimit int

	// PerMessageDeflate offers permessage-deflate (RFC 7692) to clients.
	// Default: false.
	PerMessageDeflate bool

	// MaxPayload is the largest message accepted from a client, in bytes
	// after decompression. Default: [DefaultMaxPayload].
	MaxPayload int

	// IdleTimeout drops a connection from which nothing at all was received,
	// not even a pong. Default: [DefaultIdleTimeout].
	IdleTimeout time.Duration

	// DisablePings stops the server from sending pings in time before
	// IdleTimeout. Default: pings are sent.
	DisablePings bool

	// BackpressureLimit bounds the bytes queued for one client: a message is
	// accepted while less than this is queued. Default:
	// [DefaultBackpressureLimit].
	BackpressureLimit int

	// CloseOnBackpressureLimit closes a client at its BackpressureLimit with
	// code 1013; otherwise the message is dropped. Default: false.
	CloseOnBackpressureLimit bool

	// MaxQueuedBytes bounds the bytes queued for all clients together: when an
	// eighth of it is left, the longest queues begin to count as being over their
	// limit, and shorter ones as less is left. A message counts once for each
	// client that it waits for. It is looked at every so many bytes. Default:
	// [DefaultMaxQueuedBytes].
	MaxQueuedBytes int64

	// PublishToSelf makes Client.Publish reach that client too. Default: false.
	PublishToSelf bool

	// MaxPendingMessages and MaxPendingBytes bound what one client has sent
	// and OnMessage has not handled yet; at either bound the client's socket
	// is not read. Defaults: [DefaultMaxPendingMessages],
	// [DefaultMaxPendingBytes].
	MaxPendingMessages int
	MaxPendingBytes    int

	// MessageRate is how many messages one client may send in a second, pings
	// and pongs included, and ByteRate how many bytes after decompression. What
	// a client has not used in the last second may come at once. Beyond that its
	// socket is not read until it is within the rates again, and nothing is
	// lost. Defaults: [DefaultMessageRate], [DefaultByteRate].
	MessageRate int
	ByteRate    int64

	// MessageCost says for how many messages one of an authenticated client
	// counts towards MessageRate, of size bytes: more than 1 for what causes
	// much work, as one that is passed on to thousands; less for clients that
	// may do more than others; 0 for what is free. It must not block: it runs
	// where the socket is served. Default: 1.
	MessageCost func(c *Client, event string, size int) float64

	// CloseOnRateLimit closes a client that sends more than its rates with code
	// 1008, instead of reading it more slowly. Default: false.
	CloseOnRateLimit bool

	// MaxRooms bounds the rooms that a client is in: a join that leads to more
	// is refused as a whole. MaxRoomsPerJoin bounds the names in one. Both
	// concern what clients ask for, and not [Client.Join]. Defaults:
	// [DefaultMaxRooms], [DefaultMaxRoomsPerJoin].
	MaxRooms        int
	MaxRoomsPerJoin int

	// MaxFragments is in how many frames a message may come, beyond one for
	// each 16 bytes of it. Default: [DefaultMaxFragments].
	MaxFragments int

	// MaxConnections bounds the open connections; beyond it upgrades are
	// refused. Default: [DefaultMaxConnections].
	MaxConnections int

	// MaxConnectionsPerUser bounds the clients that one user has on this
	// server. One more is closed with code 1008. Default: MaxConnections.
	MaxConnectionsPerUser int

	// MaxUnauthenticated bounds the connections that are not authenticated
	// yet; beyond it upgrades are refused. Default:
	// [DefaultMaxUnauthenticated].
	MaxUnauthenticated int

	// MaxUnauthenticatedPerAddress bounds those of them that come from one
	// address, or from one /64 network of IPv6. See TrustForwarded for servers
	// behind a proxy. Default: [DefaultMaxUnauthenticatedPerAddress] for public
	// addresses, and no bound for others, which are rather those of proxies
	// than of clients.
	MaxUnauthenticatedPerAddress int

	// MaxAuthPayload is the largest message accepted before authentication, in
	// bytes after decompression, if MaxPayload is not less. Default:
	// [DefaultMaxAuthPayload].
	MaxAuthPayload int

	// AuthTimeout is how long a client may take to send `authenticate`; from
	// then on, 3 times this until `connected`. Default: [DefaultAuthTimeout].
	AuthTimeout time.Duration

	// HeartbeatInterval is the time between two sweeps for silent clients.
	// Default: [DefaultHeartbeatInterval].
	HeartbeatInterval time.Duration

	// HeartbeatTimeout is how long an authenticated client may be silent;
	// pings and pongs do not count. The next sweep closes it. Default:
	// [DefaultHeartbeatTimeout].
	HeartbeatTimeout time.Duration

	// SubscribeWait is how long `connected`, or the message after a join,
	// waits for the broker's subscriptions. A client that goes on without them
	// may miss messages of other servers, which OnGap tells once they are
	// live. Default: [DefaultSubscribeWait].
	SubscribeWait time.Duration

	// Origins lists the origins of pages that may connect besides those of
	// the same host, as "https://example.com" or "https://*.example.com". The
	// origin "null" cannot be listed. Requests without Origin are not from a
	// page, and are accepted. Default: none besides.
	Origins []string

	// AllowAnyOrigin accepts every page; any web site can then use a
	// visitor's cookies with this server. Default: false.
	AllowAnyOrigin bool

	// TrustForwarded takes the host from X-Forwarded-Host and the client's
	// address from X-Forwarded-For. Only for servers that nobody reaches but
	// through a proxy that sets both. Default: false.
	TrustForwarded bool

	// Subprotocol selects one of the subprotocols that a client offers; ""
	// selects none. Default: the first offered.
	Subprotocol func(offered []string) string

	// Transport selects how sockets are served. Default: [TransportAuto].
	Transport Transport

	// Loops is the number of event loops, up to 1024. Default: GOMAXPROCS, as
	// it is when New is called.
	Loops int

	// DisableIOUring makes a system call for each write. Otherwise event loops
	// give writes to many sockets to io_uring, where the kernel (Linux 5.12 or
	// newer) has and allows it, and nothing else. Default: false.
	DisableIOUring bool

	// InlineHooks runs OnMessage where the socket is served instead of on
	// another goroutine. It saves the way there, and is only for hooks that
	// never block, since others wait meanwhile. Default: false.
	InlineHooks bool

	// Logger receives one line an event. Default: slog.Default().
	Logger *slog.Logger
}

// Transport says how a socket is served.
type Transport string

// The transports.
const (
	TransportAuto   Transport = "auto"   // loop where it can be, else stream
	TransportLoop   Transport = "loop"   // event loops on epoll: Linux, plain TCP; New fails elsewhere
	TransportStream Transport = "stream" // a goroutine a connection: everything that is a net.Conn
)

// Identity is what Authenticate knows of a client.
type Identity struct {
	// UserID is the user whose connection this is; empty: an anonymous one.
	UserID string

	// EmptyUserID says that UserID is known, and empty: `connected` then has
	// the member userId, as "".
	EmptyUserID bool

	// Metadata is kept with the client, see [Client.Metadata].
	Metadata any
}

// HandshakeResult is what `connected` tells an encrypted client.
type HandshakeResult struct {
	ServerPublicKey string
	Salt            string // left out when empty

	// Counted says that the client has announced that it counts what it
	// seals, and that it is told that the server does so too, and opens sealed
	// messages. After one that does not open its connection is closed. Only
	// for [Options.Encryption].
	Counted bool
}

// Outgoing is a message on its way to an encrypted client.
type Outgoing struct {
	Event string
	Data  json.RawMessage // nil: the message has no data
}

// AuthenticateFunc decides who a client is from the data of its
// `authenticate` message, {} when there is none; it may keep data. [ErrRejected]
// refuses the client; any other error is a failure, which the client is told
// without its text. Either ends the connection. ctx ends with the connection,
// at the latest at the time limit.
type AuthenticateFunc func(ctx context.Context, c *Client, data json.RawMessage) (Identity, error)

// HandshakeFunc agrees on keys with a client from the data of its
// `authenticate` message. Errors as for [AuthenticateFunc].
type HandshakeFunc func(ctx context.Context, c *Client, data json.RawMessage) (HandshakeResult, error)

// ValidateRoomsFunc returns the rooms that a client joins out of those it
// asked for, whose names have a form that is allowed. It may change rooms, and
// return others as well. After an error the client joins none.
type ValidateRoomsFunc func(ctx context.Context, c *Client, rooms []string) ([]string, error)

// TransformFunc returns what is sent to an encrypted client instead of m; nil
// is m as it is. After an error the client does not get the message at all. It
// is called for several clients at the same time.
type TransformFunc func(ctx context.Context, c *Client, m Outgoing) (*Outgoing, error)

// withDefaults is a copy of o in which every field has its value.
func (o Options) withDefaults() Options {
	setDefault(&o.Identifier, "hearth")
	setDefault(&o.Path, DefaultPath)
	if o.DefaultRooms == nil {
		o.DefaultRooms = []string{DefaultRoom, DefaultNotificationRoom}
	}
	setDefault(&o.EncryptedBatchLimit, DefaultEncryptedBatchLimit)
	setDefault(&o.MaxPayload, DefaultMaxPayload)
	setDefault(&o.IdleTimeout, DefaultIdleTimeout)
	setDefault(&o.BackpressureLimit, DefaultBackpressureLimit)
	setDefault(&o.MaxQueuedBytes, DefaultMaxQueuedBytes)
	setDefault(&o.MaxPendingMessages, DefaultMaxPendingMessages)
	setDefault(&o.MaxPendingBytes, DefaultMaxPendingBytes)
	setDefault(&o.MessageRate, DefaultMessageRate)
	setDefault(&o.ByteRate, DefaultByteRate)
	setDefault(&o.MaxRooms, DefaultMaxRooms)
	setDefault(&o.MaxRoomsPerJoin, DefaultMaxRoomsPerJoin)
	setDefault(&o.MaxFragments, DefaultMaxFragments)
	setDefault(&o.MaxConnections, DefaultMaxConnections)
	setDefault(&o.MaxConnectionsPerUser, o.MaxConnections)
	setDefault(&o.MaxUnauthenticated, DefaultMaxUnauthenticated)
	setDefault(&o.MaxUnauthenticatedPerAddress, DefaultMaxUnauthenticatedPerAddress)
	setDefault(&o.MaxAuthPayload, DefaultMaxAuthPayload)
	setDefault(&o.AuthTimeout, DefaultAuthTimeout)
	setDefault(&o.HeartbeatInterval, DefaultHeartbeatInterval)
	setDefault(&o.HeartbeatTimeout, DefaultHeartbeatTimeout)
	setDefault(&o.SubscribeWait, DefaultSubscribeWait)
	setDefault(&o.Transport, TransportAuto)
	if o.Broker == nil {
		o.Broker = NewMemoryBroker()
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Bounds of numbers that are certainly mistakes beyond them.
const (
	maxDuration = 365 * 24 * time.Hour
	maxBytes    = 1 << 40
	maxCount    = 1 << 24
)

// validate expects defaults to be set.
func (o *Options) validate() error {
	fail := func(field string, value any, format string, args ...any) error {
		return &OptionError{Field: field, Value: value, Reason: fmt.Sprintf(format, args...)}
	}
	if o.Authenticate == nil {
		return fail("Authenticate", "nil", "a server has to decide who its clients are")
	}
	if o.Path != "*" && (!strings.HasPrefix(o.Path, "/") || strings.ContainsAny(o.Path, "?# ")) {
		return fail("Path", o.Path, "must begin with / and have no query, or be *")
	}
	if o.RequireEncryption && !o.encrypts() {
		return fail("RequireEncryption", true, "needs Encryption or Handshake, or no client could ever connect")
	}
	if o.RequireEncryption && o.Encryption == nil && o.Transform == nil {
		return fail("RequireEncryption", true, "needs Transform besides Handshake, or all messages would be plain; one that returns nil leaves them to you")
	}
	if o.RequireSealedInbound && o.Encryption == nil {
		return fail("RequireSealedInbound", true, "needs Encryption, or nothing could be opened")
	}
	if o.Encryption != nil && (o.Handshake != nil || o.Transform != nil) {
		return fail("Encryption", "set", "takes the place of Handshake and Transform; leave them out")
	}
	for _, d := range []struct {
		field string
		value time.Duration
	}{
		{"IdleTimeout", o.IdleTimeout},
		{"AuthTimeout", o.AuthTimeout},
		{"HeartbeatInterval", o.HeartbeatInterval},
		{"HeartbeatTimeout", o.HeartbeatTimeout},
		{"SubscribeWait", o.SubscribeWait},
	} {
		if d.value < time.Millisecond || d.value > maxDuration {
			return fail(d.field, d.value, "must be from 1ms to %s", maxDuration)
		}
	}
	for _, n := range []struct {
		field    string
		value    int64
		min, max int64
	}{
		{"MaxPayload", int64(o.MaxPayload), 1, 1 << 30},
		{"BackpressureLimit", int64(o.BackpressureLimit), 1, maxBytes},
		{"MaxQueuedBytes", o.MaxQueuedBytes, 1, maxBytes},
		{"MaxPendingMessages", int64(o.MaxPendingMessages), 1, 1 << 20},
		{"MaxPendingBytes", int64(o.MaxPendingBytes), 1, maxBytes},
		{"MessageRate", int64(o.MessageRate), 1, 1_000_000},
		{"ByteRate", o.ByteRate, 1, maxBytes},
		{"MaxRooms", int64(o.MaxRooms), 1, maxCount},
		{"MaxRoomsPerJoin", int64(o.MaxRoomsPerJoin), 1, maxCount},
		{"MaxFragments", int64(o.MaxFragments), 1, maxCount},
		{"MaxConnections", int64(o.MaxConnections), 1, maxCount},
		{"MaxConnectionsPerUser", int64(o.MaxConnectionsPerUser), 1, maxCount},
		{"MaxUnauthenticated", int64(o.MaxUnauthenticated), 1, maxCount},
		{"MaxUnauthenticatedPerAddress", int64(o.MaxUnauthenticatedPerAddress), 1, maxCount},
		{"MaxAuthPayload", int64(o.MaxAuthPayload), 1, 1 << 30},
		{"EncryptedBatchLimit", int64(o.EncryptedBatchLimit), 1, 1 << 16},
		{"Loops", int64(o.Loops), 0, 1024},
	} {
		if n.value < n.min || n.value > n.max {
			return fail(n.field, n.value, "must be from %d to %d", n.min, n.max)
		}
	}
	if int64(o.BackpressureLimit) > o.MaxQueuedBytes {
		return fail("BackpressureLimit", o.BackpressureLimit, "is more than MaxQueuedBytes (%d), the bound for all clients together", o.MaxQueuedBytes)
	}
	switch o.Transport {
	case TransportAuto, TransportStream:
	case TransportLoop:
		if runtime.GOOS != "linux" {
			return fail("Transport", o.Transport, "there are no event loops on %s", runtime.GOOS)
		}
	default:
		return fail("Transport", o.Transport, "must be %q, %q or %q", TransportAuto, TransportLoop, TransportStream)
	}
	for _, room := range o.DefaultRooms {
		if room == "" {
			return fail("DefaultRooms", o.DefaultRooms, "a room needs a name")
		}
	}
	for _, origin := range o.Origins {
		if reason := handshake.CheckOrigin(origin); reason != "" {
			return fail("Origins", origin, "%s", reason)
		}
	}
	return nil
}

// UpgradeData is what a caller of [Server.Upgrade] knows of a connection
// before it is one. It authenticates nobody.
type UpgradeData struct {
	// ClientID is the id of the client; the caller's care, and no client may
	// hold it already. Default: a new UUID of version 8.
	ClientID string

	// UserID and Metadata are carried to the hooks, see [Client.Data].
	UserID   string
	Metadata any

	// Header is sent with the response.
	Header http.Header
}
