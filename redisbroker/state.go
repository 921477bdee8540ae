package redisbroker

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/hearthws/hearth"
)

// The lines that are logged; everything else is in their attributes.
const (
	logConnected     = "broker connected"
	logResubscribing = "broker is resubscribing"
	logDisconnected  = "broker disconnected"
	logGap           = "broker may have missed envelopes"
	logMalformed     = "broker received what is no envelope"
	logRefused       = "broker may not subscribe"
	logNoProbe       = "broker may not subscribe to its own probes; a failover may go unnoticed"
)

// update tells the sessions what has changed for them.
func (l *link) update() {
	l.change(func() *hearth.Gap { return nil })
}

// nodesChanged: other nodes work than before.
func (l *link) nodesChanged() {
	l.update()
	signal(l.subscriber.moved)
}

// change changes what is guarded by mu, and tells the sessions. A gap that f
// returns concerns those that receive.
func (l *link) change(f func() *hearth.Gap) {
	l.mu.Lock()
	gap := f()
	if gap != nil {
		l.gaps.Add(1)
	}
	sessions := make([]*session, 0, len(l.sessions))
	for s := range l.sessions {
		s.observeLocked(gap)
		sessions = append(sessions, s)
	}
	l.mu.Unlock()
	for _, s := range sessions {
		s.tell()
	}
}

// subscriberFailed: a connection could not be made.
func (l *link) subscriberFailed(err error) {
	l.change(func() *hearth.Gap {
		l.feedErr = l.options.unavailable(err)
		return nil
	})
}

// subscriberLost: the connection is gone; until from, everything arrived.
func (l *link) subscriberLost(from time.Time, err error) {
	l.change(func() *hearth.Gap {
		l.feed, l.feedErr = feedDown, l.options.unavailable(err)
		if l.lostAt.IsZero() {
			l.lostAt = from
		}
		return nil
	})
	l.topology.suspectAll()
}

// subscriberConnected: there is a connection, and nothing is subscribed yet.
func (l *link) subscriberConnected() {
	l.change(func() *hearth.Gap {
		l.feed, l.feedErr = feedRestoring, l.options.unavailable(errRestoring)
		return nil
	})
}

// subscriberRestored: everything that was wanted is subscribed.
func (l *link) subscriberRestored() {
	l.change(func() *hearth.Gap {
		l.feed = feedLive
		if l.lostAt.IsZero() {
			return nil
		}
		gap := &hearth.Gap{From: l.lostAt, To: time.Now(), Missed: -1}
		l.lostAt = time.Time{}
		l.reconnects.Add(1)
		return gap
	})
}

// overflowed: the sessions are slower than what arrives.
func (l *link) overflowed(o *overflow) {
	l.overflows.Add(o.count)
	l.change(func() *hearth.Gap {
		return &hearth.Gap{Channel: o.channel, From: o.from, To: o.to, Missed: o.count}
	})
}

// stateLocked is how the link looks to a session.
func (s *session) stateLocked() hearth.BrokerState {
	switch {
	case len(s.link.topology.table.Load().nodes) == 0:
		return hearth.BrokerDisconnected
	case s.receives() && s.link.feed != feedLive:
		return hearth.BrokerResubscribing
	}
	return hearth.BrokerConnected
}

// observeLocked queues an event if there is something to tell.
func (s *session) observeLocked(gap *hearth.Gap) {
	state := s.stateLocked()
	if s.state == "" {
		s.connectingLocked(state)
		return
	}
	if !s.receives() {
		gap = nil
	}
	if state == s.state && gap == nil {
		return
	}
	changed := state != s.state
	if changed {
		s.state, s.since = state, time.Now()
	}
	event := hearth.BrokerEvent{State: state, Gap: gap}
	if state == hearth.BrokerDisconnected {
		event.Err = s.link.reasonLocked()
	}
	s.pending = append(s.pending, notice{event: event, changed: changed, open: s.opened})
}

// connectingLocked is observeLocked until the session is connected for the
// first time: only the log hears of it, and of the first reason why not.
func (s *session) connectingLocked(state hearth.BrokerState) {
	if state == hearth.BrokerConnected {
		s.state, s.since = state, time.Now()
		close(s.connected)
		s.pending = append(s.pending, notice{event: hearth.BrokerEvent{State: state}, changed: true})
		return
	}
	if err := s.link.reasonLocked(); !s.complained && !errors.Is(err, errNotYet) && !errors.Is(err, errRestoring) {
		s.complained = true
		s.pending = append(s.pending, notice{event: hearth.BrokerEvent{State: hearth.BrokerDisconnected, Err: err}, changed: true})
	}
}

// notice is an event on its way to the log and, if the session is open, to
// Notify.
type notice struct {
	event   hearth.BrokerEvent
	changed bool // the state did; otherwise there is a gap
	open    bool // the session was
}

// tell hands over what is pending, in order, by one goroutine at a time.
func (s *session) tell() {
	s.link.mu.Lock()
	defer s.link.mu.Unlock()
	if s.telling {
		return
	}
	s.telling = true
	for len(s.pending) > 0 {
		n := s.pending[0]
		s.pending = s.pending[1:]
		s.link.mu.Unlock()
		s.log(n)
		if n.open && s.node.Notify != nil && s.calls.Enter() {
			s.node.Notify(n.event)
			s.calls.Leave()
		}
		s.link.mu.Lock()
	}
	s.telling = false
}

func (s *session) log(n notice) {
	attributes := []slog.Attr{slog.String("broker", kindName), slog.String("redis", s.link.name)}
	if n.event.Err != nil {
		attributes = append(attributes, slog.Any("err", n.event.Err))
	}
	if g := n.event.Gap; g != nil {
		attributes = append(attributes, slog.String("channel", g.Channel),
			slog.Time("from", g.From), slog.Time("to", g.To), slog.Int64("missed", g.Missed))
	}
	level, message := slog.LevelWarn, logGap
	if n.changed {
		switch n.event.State {
		case hearth.BrokerConnected:
			level, message = slog.LevelInfo, logConnected
		case hearth.BrokerResubscribing:
			message = logResubscribing
		case hearth.BrokerDisconnected:
			message = logDisconnected
		}
	}
	s.node.Logger.LogAttrs(context.Background(), level, message, attributes...)
}
