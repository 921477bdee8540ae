package redisbroker

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/internal/gate"
)

// session is one server's or emitter's use of the broker.
type session struct {
	// Static after construction.
	broker    *broker
	link      *link
	node      hearth.BrokerNode
	calls     *gate.Gate    // Deliver, Notify, and calls of done that are due
	connected chan struct{} // closed when it was connected once
	gone      chan struct{} // closed when it is closed

	topics                      atomic.Int64 // wanted
	live                        tally        // of those, confirmed
	published, failed, received atomic.Int64

	numbers numbers // owned by the publisher's goroutine

	// Guarded by link.mu.
	state      hearth.BrokerState // "": not connected yet
	since      time.Time          // of state
	opened     bool               // Open returned it
	complained bool               // the log says why it is not connected yet
	pending    []notice
	telling    bool // somebody hands over what is pending
}

func newSession(b *broker, l *link, node hearth.BrokerNode) *session {
	return &session{
		broker: b, link: l, node: node, calls: gate.New(),
		connected: make(chan struct{}), gone: make(chan struct{}),
	}
}

// receives reports whether envelopes are delivered to the session.
func (s *session) receives() bool { return s.node.Deliver != nil }

func (s *session) holds(r reference) bool { return r.session == s }

// open lets Notify hear of what happens from now on.
func (s *session) open() {
	s.link.mu.Lock()
	defer s.link.mu.Unlock()
	s.opened = true
}

// itemOverhead is what an envelope takes in the queue besides its texts.
const itemOverhead = 256

// Publish implements [hearth.BrokerSession].
func (s *session) Publish(env hearth.Envelope, done func(error)) {
	if !s.calls.Enter() {
		s.failed.Add(1)
		done(hearth.ErrClosed)
		return
	}
	it := item{
		env: env, done: done, session: s,
		size: int64(itemOverhead + len(env.Target) + len(env.Event) + len(env.Data)),
	}
	for _, id := range env.Exclude {
		it.size += int64(len(id) + itemOverhead/16)
	}
	if err := s.link.publisher.add(it); err != nil {
		it.finish(err)
	}
}

// Subscribe implements [hearth.BrokerSession].
func (s *session) Subscribe(channels []string, done func(error)) {
	if !s.calls.Enter() {
		done(hearth.ErrClosed)
		return
	}
	w := newWaiter(s, done)
	switch {
	case !s.receives():
	case s.Unfiltered(): // and so subscribed; only that it is live is to be told
		s.add(everything, w)
		s.remove(everything)
	default:
		s.add(channels, w)
	}
	w.release()
}

// Unsubscribe implements [hearth.BrokerSession].
func (s *session) Unsubscribe(channels []string) {
	if !s.Unfiltered() {
		s.remove(channels)
	}
}

// Unfiltered implements [hearth.BrokerSession].
func (s *session) Unfiltered() bool { return s.link.options.Patterns }

// subscribe references topics for the session's life.
func (s *session) subscribe(topics []string) {
	s.calls.Enter()
	w := newWaiter(s, func(error) {})
	s.add(topics, w)
	w.release()
}

// add references topics. w waits until they are live.
func (s *session) add(topics []string, w *waiter) {
	there := true
	for _, topic := range topics {
		there = s.link.interest.add(topic, s, w) && there
	}
	if s.calls.Closed() { // meanwhile: Close may have missed some
		s.link.interest.forget(s)
	}
	if !there {
		w.finish(s.link.reason())
	}
}

func (s *session) remove(topics []string) {
	for _, topic := range topics {
		s.link.interest.remove(topic, s)
	}
}

// deliver hands over an envelope that the session wants.
func (s *session) deliver(env hearth.Envelope) {
	if s.calls.Enter() {
		defer s.calls.Leave()
		s.received.Add(1)
		s.node.Deliver(env)
	}
}

// Close implements [hearth.BrokerSession].
func (s *session) Close(ctx context.Context) error {
	if s.calls.Close() {
		s.link.publisher.drop(s)
		s.link.interest.forget(s)
		s.broker.leave(s)
	}
	if err := s.calls.Wait(ctx); err != nil {
		return err
	}
	select {
	case <-s.gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
