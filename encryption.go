package hearth

import (
	"context"
	"encoding/json"

	"github.com/hearthws/hearth/internal/wire"
)

// Encryption agrees on keys with clients. Package seal makes one. It may be
// used by several servers, and concurrently.
type Encryption interface {
	// Handshake agrees on keys with a client from the data of its
	// `authenticate` message. Errors as for [AuthenticateFunc].
	Handshake(ctx context.Context, c *Client, credentials json.RawMessage) (HandshakeResult, EncryptionSession, error)
}

// EncryptionSession seals and opens the messages of one client. Each method is
// called by one goroutine at a time, but both may be called at once. They must
// not block: they run where the socket is served.
type EncryptionSession interface {
	// AppendSealed appends to dst the message that is sent instead of message,
	// {event, data} in JSON. It is called once for every message, in the order
	// in which the client receives them. If it appends nothing, nothing is
	// sent; if it panics, the client is closed with 1011.
	AppendSealed(dst, message []byte) []byte

	// Open appends to dst the message that is sealed in the data of an
	// `encrypted` message, which it is called with in the order in which they
	// came; data may be nil. The error is logged, and a panic is taken for one.
	Open(dst []byte, data json.RawMessage) ([]byte, error)
}

// encrypts reports whether there is a handshake of any kind.
func (o *Options) encrypts() bool { return o.Encryption != nil || o.Handshake != nil }

// session is the client's, if it is encrypted by Options.Encryption.
func (c *Client) session() *handshakeOutcome {
	if id := c.known(); id != nil && id.handshake != nil && id.handshake.session != nil {
		return id.handshake
	}
	return nil
}

// Seal is called by the transport for each message to the client. When the session
// panics the message is not sent, and none can be sent after it.
func (h *handler) Seal(dst, payload []byte) (out []byte) {
	c := (*Client)(h)
	defer func() {
		if p := recover(); p != nil {
			_ = c.panicked("AppendSealed", p)
			c.Close(CloseInternal, reasonSealFailed)
			out = dst
		}
	}()
	return c.session().session.AppendSealed(dst, payload)
}

// openSealed takes an `encrypted` message. What is inside is handled as if it
// had come by itself.
func (c *Client) openSealed(h *handshakeOutcome, data json.RawMessage) (pause bool, cost float64) {
	message, err := c.open(h, data)
	if err != nil {
		c.refuseSealed(h, err)
		return false, 1
	}
	m, err := wire.DecodeMessage(message)
	if err != nil {
		c.sendError(errorInvalidFormat)
		return false, 1
	}
	return c.take(&m, message)
}

// open takes a panic of the session for a message that does not open.
func (c *Client) open(h *handshakeOutcome, data json.RawMessage) (message []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = c.panicked("Open", p)
		}
	}()
	return h.session.Open(nil, data)
}

// refuseSealed answers a message that does not open. Where messages are counted
// none that follows can be the next one: the connection is of no use any more.
func (c *Client) refuseSealed(h *handshakeOutcome, err error) {
	c.server.counters.sealRefused.Add(1)
	if debugging(c.server.opts.Logger) {
		c.server.opts.Logger.Debug("sealed message refused", "client", c.ID(), "error", err)
	}
	c.sendError(errorSealRefused)
	if h.Counted {
		c.Close(CloseSealRefused, reasonSealRefused)
	}
}

// mustSeal reports whether a plain message with this event is refused. Those
// that change nothing are not.
func (c *Client) mustSeal(event string) bool {
	return c.server.opts.RequireSealedInbound && event != "" && event != EventHeartbeat && event != EventAuthenticate
}
