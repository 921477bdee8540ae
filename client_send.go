package hearth

import (
	"errors"

	"github.com/hearthws/hearth/internal/transport"
)

// ErrEncrypted says that a raw message cannot be sent to an encrypted client,
// since only {event, data} messages are.
var ErrEncrypted = errors.New("hearth: client is encrypted, and raw messages are not")

// Send sends a message to the client; data as for [Server.ToClient]. The
// result is decided at once: Sent or Queued messages are written in the order
// in which they were sent, as long as the connection lives. The error of a
// Dropped one is [ErrBackpressure], [ErrNotAuthenticated], [ErrClosed], or
// says why data cannot be encoded.
func (c *Client) Send(event string, data any) (SendResult, error) {
	f, err := newMessage(event, data)
	if err != nil {
		return Dropped, err
	}
	return c.send(f)
}

// SendRaw sends a message without the {event, data} form. Results as for
// [Client.Send]; a client whose messages are encrypted does not get it,
// see [ErrEncrypted].
func (c *Client) SendRaw(raw Raw) (SendResult, error) {
	f, err := rawFrame(raw)
	if err != nil {
		return Dropped, err
	}
	if c.Encrypted() && (c.server.opts.Transform != nil || c.server.opts.Encryption != nil) {
		return Dropped, ErrEncrypted
	}
	return c.send(f)
}

func (c *Client) send(f *transport.Frame, more ...*transport.Frame) (SendResult, error) {
	switch c.state() {
	case stateAuthenticated:
		return c.enqueue(f, more...)
	case stateDisconnected:
		return Dropped, ErrClosed
	}
	return Dropped, ErrNotAuthenticated
}

// Publish sends a message without the {event, data} form to the members of
// room on this node, but to none whose messages are encrypted, and to the
// client itself only with Options.PublishToSelf. The client need not be a
// member. The error is [ErrClosed] when it has gone, or says what is wrong with raw.
func (c *Client) Publish(room string, raw Raw) error {
	f, err := rawFrame(raw)
	if err != nil {
		return err
	}
	if c.state() == stateDisconnected {
		return ErrClosed
	}
	var skip []*transport.Conn
	if !c.server.opts.PublishToSelf {
		skip = []*transport.Conn{&c.hub.Conn}
	}
	return c.server.taken(c.server.hub.ToRoom(room, f, skip))
}

// Batch is a number of messages to one client that are written together.
type Batch struct {
	frames []*transport.Frame
	err    error
}

// Send adds a message; data as for [Server.ToClient].
func (b *Batch) Send(event string, data any) {
	f, err := newMessage(event, data)
	if err != nil {
		b.err = errors.Join(b.err, err)
		return
	}
	b.frames = append(b.frames, f)
}

// Batch sends the messages that fill adds, all or none, with one write where
// the socket takes them. Nothing else gets between them. A message that cannot
// be encoded makes it none.
func (c *Client) Batch(fill func(b *Batch)) (SendResult, error) {
	var b Batch
	fill(&b)
	switch {
	case b.err != nil:
		return Dropped, b.err
	case len(b.frames) == 0:
		return Sent, nil
	}
	return c.send(b.frames[0], b.frames[1:]...)
}
