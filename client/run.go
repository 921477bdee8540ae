package client

import (
	"context"
	"time"
)

// stable is how long a connection has lived that was a good one: the next
// backoff starts afresh.
const stable = 5 * time.Second

// run is the time from a Start to the Close that follows, or to an error for
// which the client gives up. It is one goroutine.
type run struct {
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	ended  chan struct{} // closed when nothing of it, and of those before, is left
}

// isOver reports whether Close was called.
func (r *run) isOver() bool { return r.ctx.Err() != nil }

func (c *Client) startLocked() {
	if c.run != nil {
		return
	}
	r := &run{ended: make(chan struct{})}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	before := c.last
	c.run, c.last, c.err = r, r, nil
	c.changeLocked(Change{State: Connecting})
	go func() {
		defer close(r.ended)
		defer r.cancel()
		c.keepConnected(r)
		if before != nil {
			<-before.ended
		}
	}()
}

// keepConnected makes one connection after the other.
func (c *Client) keepConnected(r *run) {
	for failed := 0; ; failed++ {
		c.calls.run() // tells of the change before
		s := &session{client: c, run: r}
		l, err := s.live()
		if s.lasted() >= stable {
			failed = 0
		}
		delay := c.opts.Backoff.wait(failed)
		if err.RetryAfter > 0 {
			delay += err.RetryAfter
		}
		if !c.ended(r, l, err, Change{State: Connecting, Attempt: failed + 1, Delay: delay, Err: err}) {
			c.calls.run()
			return
		}
		c.calls.run()
		select {
		case <-time.After(delay):
		case <-r.ctx.Done():
			c.calls.run()
			return
		}
	}
}

// attach makes a session the client's: `connected` has arrived.
func (c *Client) attach(s *session, conn Connection) {
	c.mu.Lock()
	if c.run == s.run {
		c.session, c.connection, c.err = s, conn, nil
		s.socket.put(forget, c.rooms.restore()...)
		s.socket.put(keep, c.queue.clear()...)
		c.changeLocked(Change{State: Connected, Connection: conn})
	}
	c.mu.Unlock()
	c.calls.run()
}

// detach takes the session away: its connection has ended.
func (c *Client) detach(s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == s {
		c.session, c.connection = nil, Connection{}
	}
}

// ended is what follows a connection, or an attempt. It returns whether there
// is to be another one, which next tells.
func (c *Client) ended(r *run, l left, err *Error, next Change) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropLocked(l.drop)
	if c.run != r { // Close has told everything but this
		c.dropLocked(l.keep)
		return false
	}
	c.err = err
	c.dropLocked(c.queue.putBack(l.keep))
	if err.Final() {
		c.run = nil
		c.changeLocked(Change{State: Disconnected, Err: err})
		c.calls.put(func() { c.gaveUp(err) })
		return false
	}
	c.changeLocked(next)
	if !err.isLoss() {
		c.calls.put(func() { of(&c.handlers, &c.handlers.errors).call(err) })
	}
	return true
}

// gaveUp tells an error for which there will be no further attempt.
func (c *Client) gaveUp(err *Error) {
	hs := &c.handlers
	errors := of(hs, &hs.errors)
	if len(errors) == 0 && len(of(hs, &hs.states)) == 0 {
		c.opts.Logger.Error("client gave up", "url", c.dialer.name, "error", err)
	}
	errors.call(err)
}

// changeLocked changes the state, and has it told.
func (c *Client) changeLocked(to Change) {
	c.state = to.State
	c.changedLocked()
	c.calls.put(func() { of(&c.handlers, &c.handlers.states).call(to) })
}
