package client

import "time"

// Change is what has become of a client.
type Change struct {
	State State

	// Of Connected.
	Connection Connection

	// Of Connecting: an attempt starts after Delay, and so many have failed
	// since the last good connection.
	Attempt int
	Delay   time.Duration

	// Err is of Connecting what ended the last connection or attempt, nil for
	// the first; of Disconnected why there will be no further attempt, nil
	// after Close.
	Err *Error
}

// Raw is a frame of the server that is no message.
type Raw struct {
	Payload []byte // must not be changed
	Binary  bool
}

// Handlers are called one at a time, in the order of what they are told.
// Until one returns nothing more is read from the connection.

// On calls f at every message of the server with this event.
func (c *Client) On(event string, f func(Message)) (remove func()) {
	return c.handlers.on(event, f, false)
}

// Once calls f at the next message of the server with this event.
func (c *Client) Once(event string, f func(Message)) (remove func()) {
	return c.handlers.on(event, f, true)
}

// Off removes all handlers of an event.
func (c *Client) Off(event string) { c.handlers.off(event) }

// OnMessage calls f at every message of the server, before the handlers of its
// event.
func (c *Client) OnMessage(f func(Message)) (remove func()) {
	return add(&c.handlers, &c.handlers.messages, f)
}

// OnRaw calls f at every frame of the server that is no message.
func (c *Client) OnRaw(f func(Raw)) (remove func()) {
	return add(&c.handlers, &c.handlers.raw, f)
}

// OnState calls f when the state has changed, and before every further attempt.
func (c *Client) OnState(f func(Change)) (remove func()) {
	return add(&c.handlers, &c.handlers.states, f)
}

// OnError calls f for everything that went wrong, but for lost connections,
// which OnState tells.
func (c *Client) OnError(f func(*Error)) (remove func()) {
	return add(&c.handlers, &c.handlers.errors, f)
}
