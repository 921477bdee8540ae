package client

import (
	"context"
	"fmt"
	"sync"
)

// State is that of a client.
type State int

const (
	// Disconnected is before Connect, after Close, and after an error that trying
	// again does not cure.
	Disconnected State = iota
	// Connecting means that a connection is being made, or the next attempt waits.
	Connecting
	// Connected is authenticated, and in its rooms.
	Connected
)

// String returns the state's name in lower case.
func (s State) String() string {
	switch s {
	case Disconnected:
		return "disconnected"
	case Connecting:
		return "connecting"
	case Connected:
		return "connected"
	}
	return fmt.Sprintf("State(%d)", int(s))
}

// Client is a client of a Hearth server, over as many connections as it takes.
// Its methods may be called concurrently, and by handlers, except where they
// say otherwise.
type Client struct {
	// Static after New.
	opts   Options
	dialer *dialer

	handlers handlers
	calls    calls

	// Guarded by mu. No user code runs under it.
	mu         sync.Mutex
	state      State
	run        *run     // nil: Disconnected
	last       *run     // the latest, perhaps ended; nil: there was none
	session    *session // nil: not Connected
	connection Connection
	err        *Error        // why it is not Connected; nil: nothing has gone wrong
	changed    chan struct{} // closed at the next change of anything above, or of the queue
	rooms      rooms
	queue      queue
	drops      drops
}

// New checks options and connects nothing yet. Its error is an *[Error] that
// names the option.
func New(opts Options) (*Client, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Client{opts: opts, queue: queue{bounds: opts.Queue}, changed: make(chan struct{})}
	if c.dialer, err = newDialer(&c.opts); err != nil {
		return nil, err
	}
	if opts.Encryption != nil {
		if _, _, err := offerSeal(opts.Encryption, nil); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// State returns what the client is at the moment.
func (c *Client) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Connection returns the connection there is; false unless [Connected].
func (c *Client) Connection() (Connection, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.connection, c.session != nil
}

// Rooms returns those asked for with Join, in that order.
func (c *Client) Rooms() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rooms.names()
}

// Queued returns how many messages wait for a connection.
func (c *Client) Queued() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.queue.waiting)
}

// Start connects, and stays connected until Close. It waits for nothing: what
// becomes of it is told by OnState. On a client that was started it does
// nothing.
func (c *Client) Start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.startLocked()
}

// Connect is [Client.Start], and waits for the connection. Its error is that
// for which the client gives up, an *[Error], or wraps ctx's; ctx bounds the
// waiting only, and the client goes on trying until Close. A handler must not
// call it.
func (c *Client) Connect(ctx context.Context) (Connection, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.startLocked()
	for {
		switch {
		case c.session != nil:
			return c.connection, nil
		case c.run == nil:
			return Connection{}, c.err
		}
		if err := c.waitLocked(ctx, c.changed); err != nil {
			return Connection{}, c.notYetLocked(err)
		}
	}
}

// notYetLocked is the error of a context that ended too early.
func (c *Client) notYetLocked(err error) error {
	if c.err == nil {
		return fmt.Errorf("hearth: not connected: %w", err)
	}
	return fmt.Errorf("hearth: not connected: %w (%w)", err, c.err)
}

// Close ends the connection after what was sent, and drops what is queued. It
// returns when nothing of the client is left running, within seconds unless a
// handler takes longer. A handler may call it: then it returns when all was
// written, and the handler is the last thing to end. Rooms stay noted for the
// next Connect or Start.
//
// Options.Credentials and Dial must not call it, and end with their contexts; a
// handler must not wait for others that do.
func (c *Client) Close() {
	c.mu.Lock()
	c.dropLocked(c.queue.clear())
	session := c.session
	if r := c.run; r != nil {
		c.err = &Error{Code: ErrDisconnected, Text: "the client was closed"}
		c.run, c.session, c.connection = nil, nil, Connection{}
		c.changeLocked(Change{State: Disconnected})
		r.cancel()
	}
	last := c.last
	c.mu.Unlock()
	c.calls.start()
	if calledByHandler() {
		if session != nil {
			session.socket.close()
			<-session.socket.flushed
		}
		return
	}
	if last != nil {
		<-last.ended
	}
	<-c.calls.quiet()
}

// waitLocked waits without the lock until ready is closed, or ctx has ended.
func (c *Client) waitLocked(ctx context.Context, ready <-chan struct{}) error {
	c.mu.Unlock()
	defer c.mu.Lock()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// changedLocked wakes those who wait for a change.
func (c *Client) changedLocked() {
	close(c.changed)
	c.changed = make(chan struct{})
}
