package hearth

import (
	"context"
	"time"
	"unsafe"

	"github.com/hearthws/hearth/internal/frame"
	"github.com/hearthws/hearth/internal/transport"
	"github.com/hearthws/hearth/internal/wire"
)

// work is what one client's hooks have to do. It exists while there is any, or
// a hook runs.
type work struct {
	pending []Message
	bytes   int
	holds   holds       // reasons why the socket is not read
	timer   *time.Timer // of holdRate
	running bool        // the goroutine exists that does it, one after the other
	aside   int         // hooks that run elsewhere, which OnDisconnect waits for
	cause   *Cause      // the connection has ended: OnDisconnect is the last
}

// holds are reasons why a socket is not read. The handler pauses reading with
// the first, and resumes with the last.
type holds uint8

const (
	holdPending holds = 1 << iota // too much is pending
	holdRate                      // too much came in too short a time
)

// workLocked is the client's work, which it makes if there is none.
func (c *Client) workLocked() *work {
	if c.work == nil {
		c.work = &work{}
	}
	return c.work
}

// goOnLocked starts the goroutine if there is something for it to do, and
// forgets the work if there is none.
func (c *Client) goOnLocked() {
	w := c.work
	switch {
	case w.running:
	case len(w.pending) > 0, w.cause != nil && w.aside == 0:
		w.running = true
		c.server.crew.run(job{client: c})
	case w.aside == 0 && w.holds == 0:
		c.restLocked()
	}
}

// releaseLocked goes on reading if nothing else is in the way.
func (c *Client) releaseLocked(hold holds) {
	w := c.work
	before := w.holds
	if w.holds &^= hold; before != 0 && w.holds == 0 {
		c.lastActivity.Store(c.server.uptime())
		c.hub.Resume()
	}
}

// silentSince reports whether nothing has come from the client since uptime,
// though its socket was read.
func (c *Client) silentSince(uptime int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return (c.work == nil || c.work.holds == 0) && c.lastActivity.Load() < uptime
}

// enter lets a hook run outside of the client's goroutine, unless the client
// has ended. leave has to follow.
func (c *Client) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state() == stateDisconnected {
		return false
	}
	c.workLocked().aside++
	return true
}

func (c *Client) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.work.aside--
	c.goOnLocked()
}

// Message is called by the transport for each message of the client.
func (h *handler) Message(op frame.Opcode, payload []byte) (pause bool) {
	c := (*Client)(h)
	now := time.Now()
	c.lastActivity.Store(now.Sub(c.server.began).Milliseconds())
	c.server.counters.messagesIn.Add(1)
	decode := wire.DecodeMessage
	if op == frame.Text {
		decode = wire.DecodeText
	}
	cost := 1.0
	if m, err := decode(payload); err != nil {
		c.scold(errorInvalidFormat)
	} else {
		pause, cost = c.receive(&m, payload)
	}
	if excess := c.spend(now, cost, len(payload)); excess > 0 {
		return c.throttle(excess, pause)
	}
	return pause
}

// receive takes a message that is well formed, in whatever state.
func (c *Client) receive(m *wire.Message, payload []byte) (pause bool, cost float64) {
	if c.state() == stateAuthenticated {
		if h := c.session(); h != nil {
			switch {
			case string(m.Event) == EventEncrypted:
				return c.openSealed(h, m.Data)
			case c.mustSeal(string(m.Event)):
				c.sendError(errorEncryptionRequired)
				return false, 1
			}
		}
	}
	return c.take(m, payload)
}

// take does what a message asks for, or queues it for the hooks.
func (c *Client) take(m *wire.Message, payload []byte) (pause bool, cost float64) {
	switch string(m.Event) {
	case "":
		if debugging(c.server.opts.Logger) {
			c.server.opts.Logger.Debug("message without event dropped", "client", c.ID())
		}
	case EventHeartbeat:
	case EventAuthenticate:
		c.startAuth(m.Data)
	default:
		switch c.state() {
		case stateAuthenticated:
			cost := 1.0
			if c.server.opts.MessageCost != nil {
				cost = c.costOf(string(m.Event), len(payload))
			}
			return c.accept(m, payload), cost
		case stateDisconnected: // sent away, and the close frame is on its way
		default:
			c.scold(errorNotAuthenticated)
		}
	}
	return false, 1
}

// accept queues a message for the hooks, or handles it at once under
// InlineHooks.
func (c *Client) accept(m *wire.Message, payload []byte) (pause bool) {
	if c.server.opts.InlineHooks && c.runInline(m, payload) {
		return false
	}
	msg := keep(m, payload)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state() == stateDisconnected {
		return false // sent away meanwhile
	}
	w := c.workLocked()
	w.pending = append(w.pending, msg)
	w.bytes += len(msg.Raw)
	if len(w.pending) >= c.server.opts.MaxPendingMessages || w.bytes >= c.server.opts.MaxPendingBytes {
		w.holds |= holdPending
		c.server.counters.pauses.Add(1)
	}
	c.goOnLocked()
	return w.holds != 0
}

// runInline calls OnMessage where the message was read, if nothing of the
// client is under way. Joins and leaves may wait for the broker, so they take
// the other way.
func (c *Client) runInline(m *wire.Message, payload []byte) bool {
	if string(m.Event) == EventJoin || string(m.Event) == EventLeave {
		return false
	}
	c.mu.Lock()
	idle := c.work == nil
	c.mu.Unlock()
	if !idle || !c.enter() {
		return false
	}
	defer c.leave()
	c.handle(keep(m, payload))
	return true
}

// keep is a Message with memory of its own: one copy that all its parts share.
func keep(m *wire.Message, payload []byte) Message {
	raw := append(make([]byte, 0, len(payload)), payload...)
	part := func(p []byte) []byte {
		if p == nil {
			return nil
		}
		at := uintptr(unsafe.Pointer(unsafe.SliceData(p))) - uintptr(unsafe.Pointer(unsafe.SliceData(payload)))
		return raw[at:][:len(p):len(p)]
	}
	return Message{Event: string(m.Event), Data: part(m.Data), ID: part(m.ID), Raw: raw}
}

// run is the goroutine that does the client's work.
func (c *Client) run() {
	for {
		m, cause := c.next()
		switch {
		case cause != nil:
			c.disconnect(*cause)
			return
		case m == nil:
			return
		}
		c.handle(*m)
	}
}

// next takes the oldest message, or the end of the connection once there is
// none; neither means that there is nothing to do.
func (c *Client) next() (*Message, *Cause) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.work
	if len(w.pending) == 0 {
		if w.cause != nil && w.aside == 0 {
			return nil, w.cause
		}
		w.running = false
		c.goOnLocked()
		return nil, nil
	}
	m := w.pending[0]
	w.pending[0] = Message{}
	w.pending = w.pending[1:]
	w.bytes -= len(m.Raw)
	if w.holds&holdPending != 0 && len(w.pending) <= c.server.opts.MaxPendingMessages/2 && w.bytes <= c.server.opts.MaxPendingBytes/2 {
		c.releaseLocked(holdPending)
	}
	return &m, nil
}

// restLocked follows the last of the work. The channel of a context that a hook
// has used stays: what it has started may wait for the end of the connection.
func (c *Client) restLocked() {
	c.work = nil
	if !c.lent {
		c.done = nil
	}
}

// handle does what a message of an authenticated client asks for.
func (c *Client) handle(m Message) {
	switch m.Event {
	case EventJoin:
		c.joinAsked(m)
	case EventLeave:
		c.leaveAsked(m)
	default:
		if hook := c.server.opts.OnMessage; hook != nil {
			_ = c.guard("OnMessage", func(ctx context.Context) error { return hook(ctx, c, m) })
		}
	}
}

// Closed is called by the transport when the connection has ended.
func (h *handler) Closed(cause transport.Cause) {
	c := (*Client)(h)
	c.server.countViolation(cause.Err)
	c.end(Cause{Code: cause.Code, Reason: cause.Reason, Err: cause.Err}, false)
}

// end takes the client out of everything and lets OnDisconnect follow what
// hooks are under way. What the client has sent is still handled if it was the
// peer who left, and dropped if it was sent away. It returns false if the
// client had ended already.
func (c *Client) end(cause Cause, dropPending bool) bool {
	before := c.stateValue.Swap(stateDisconnected)
	if before == stateDisconnected {
		return false
	}
	s := c.server
	if before < stateAuthenticated {
		s.doorway.leave(c.remote)
	}
	s.hub.Remove(&c.hub)
	s.counters.disconnects.Add(1)
	c.mu.Lock()
	w := c.workLocked()
	w.cause = &cause
	if dropPending {
		w.pending, w.bytes = nil, 0
	}
	if w.timer != nil {
		w.timer.Stop()
	}
	if c.done != nil {
		close(c.done)
	}
	c.goOnLocked()
	c.mu.Unlock()
	return true
}

// disconnect is the last thing that happens to a client.
func (c *Client) disconnect(cause Cause) {
	s := c.server
	defer s.live.Done()
	if c.congested.Swap(false) { // nobody sets it any more
		s.counters.congested.Add(-1)
	}
	if debugging(s.opts.Logger) {
		s.opts.Logger.Debug("disconnected", "client", c.ID(), "code", cause.Code, "reason", cause.Reason, "error", cause.Err)
	}
	if hook := s.opts.OnDisconnect; hook != nil {
		_ = c.guard("OnDisconnect", func(context.Context) error { return hook(s.base, c, cause) })
	}
}

// Congested is called by the transport.
func (h *handler) Congested(on bool) {
	c := (*Client)(h)
	if !c.enter() {
		return
	}
	defer c.leave()
	if c.congested.Swap(on) != on {
		c.server.counters.congested.Add(map[bool]int64{true: 1, false: -1}[on])
	}
	if hook := c.server.opts.OnBackpressure; hook != nil {
		_ = c.guard("OnBackpressure", func(context.Context) error { hook(c, on); return nil })
	}
}

// Dropped is called by the transport for each message of a room that the
// client's queue had no room for.
func (h *handler) Dropped() { (*Client)(h).dropped() }

func (c *Client) dropped() {
	s := c.server
	s.counters.drops.Add(1)
	if s.opts.CloseOnBackpressureLimit {
		c.Close(CloseTryAgainLater, reasonBackpressure)
	}
}
