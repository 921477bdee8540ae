package client

import (
	"context"
	"fmt"
	"unicode/utf8"
)

// SendOption changes what Send does with a message.
type SendOption func(*sendOptions)

type sendOptions struct {
	id      any
	noQueue bool
}

// WithID sends id, as JSON, along with a message, for the server's application.
func WithID(id any) SendOption { return func(o *sendOptions) { o.id = id } }

// NoQueue rather drops a message than has it go to another connection, or wait
// for one. Send returns ErrDropped where it knows, and OnError tells what the
// connection there is had no time to write.
func NoQueue() SendOption { return func(o *sendOptions) { o.noQueue = true } }

// Send sends a message, or keeps it until there is a connection. data is
// encoded as JSON, of which a [json.RawMessage] is some already; nil sends
// none.
//
// The error is nil when the message is on its way or waits in the queue, and
// an *[Error] with the code ErrDropped or ErrUsage. The protocol has no
// receipts: what was given to the network just before a connection broke may be
// lost.
//
// ctx bounds the waiting for room: in the connection's buffer of 64 KiB while
// the server does not read, or in the queue with [Block]. Nothing was sent if
// the error is ctx's. In a handler it does not wait for room in the queue, which
// there may not be before the handler returns: the error is ErrDropped then.
func (c *Client) Send(ctx context.Context, event string, data any, opts ...SendOption) error {
	if event == "" {
		return usage("a message needs the name of its event")
	}
	var o sendOptions
	for _, opt := range opts {
		opt(&o)
	}
	m, err := encode(event, data, o.id)
	if err != nil {
		return err
	}
	otherwise := keep
	if o.noQueue {
		otherwise = drop
	}
	return c.send(ctx, m, otherwise)
}

// SendRaw is [Client.Send] for a whole message, which must be UTF-8 and is sent
// as it is.
func (c *Client) SendRaw(ctx context.Context, raw []byte) error {
	if !utf8.Valid(raw) {
		return usage("a message must be UTF-8")
	}
	return c.send(ctx, parse(append([]byte(nil), raw...)), keep)
}

func (c *Client) send(ctx context.Context, m Message, otherwise fate) error {
	defer c.calls.start() // tells of older messages that had to make room
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("hearth: not sent: %w", err)
		}
		var room <-chan struct{}
		ok := false
		if c.session != nil {
			room, ok = c.session.socket.full()
		}
		switch {
		case ok && room == nil:
			c.session.socket.put(otherwise, m)
			return nil
		case ok:
		case otherwise == drop:
			return dropped(m)
		default:
			pushed, older := c.queue.push(m)
			c.dropLocked(older)
			if pushed {
				return nil
			}
			// There is no other connection before a handler has returned.
			if c.opts.Queue.Overflow != Block || !c.queue.admits(m) || calledByHandler() {
				return dropped(m)
			}
			room = c.changed
		}
		if err := c.waitLocked(ctx, room); err != nil {
			return fmt.Errorf("hearth: not sent: %w", err)
		}
	}
}

// dropped is the error for a message that was not sent.
func dropped(m Message) *Error {
	return &Error{
		Code: ErrDropped, Message: m,
		Text: fmt.Sprintf("the message %q was dropped: there was no connection in time, see Options.Queue", m.Event),
	}
}

// Join joins rooms, in this connection and all that follow. The server decides,
// and does not reply. The error tells of names that no room can have; then
// nothing was joined.
func (c *Client) Join(rooms ...string) error {
	if err := checkRooms(rooms); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requestLocked(c.rooms.join(rooms))
	return nil
}

// Leave leaves rooms, also those the server puts everybody in. Its error is as
// that of Join.
func (c *Client) Leave(rooms ...string) error {
	if err := checkRooms(rooms); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requestLocked(c.rooms.leave(rooms))
	return nil
}

func (c *Client) requestLocked(requests []Message) {
	if c.session != nil {
		c.session.socket.put(forget, requests...)
	}
}
