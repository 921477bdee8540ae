package redisbroker

import (
	"context"
	"errors"
	"log/slog"
	"slices"
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
	l.change(func() {})
}

// nodesChanged: other nodes work than before.
func (l *link) nodesChanged() {
	l.update()
	signal(l.subscriber.moved)
}

// change changes what is guarded by mu, and tells the sessions.
func (l *link) change(f func()) {
	l.tell(func() *hearth.Gap { f(); return nil }, nil)
}

// tell is change; a gap that f returns is told to those sessions that receive,
// or only to some of them.
func (l *link) tell(f func() *hearth.Gap, concerned []*session) {
	l.mu.Lock()
	gap := f()
	if gap != nil {
		l.gaps.Add(1)
		l.missing.Add(max(gap.Missed, 0))
	}
	sessions := make([]*session, 0, len(l.sessions))
	for s := range l.sessions {
		if gap != nil && (concerned == nil || slices.Contains(concerned, s)) {
			s.missLocked(gap)
		}
		s.observeLocked()
		sessions = append(sessions, s)
	}
	l.mu.Unlock()
	for _, s := range sessions {
		s.tell()
	}
}

// subscriberFailed: a connection could not be made.
func (l *link) subscriberFailed(err error) {
	l.change(func() { l.feedErr = l.options.unavailable(err) })
}

// subscriberLost: the connection is gone; until from, everything arrived.
func (l *link) subscriberLost(from time.Time, err error) {
	l.change(func() {
		l.feed, l.feedErr = feedDown, l.options.unavailable(err)
		if l.lostAt.IsZero() {
			l.lostAt = from
		}
		if !l.doubt.from.IsZero() {
			l.lostAt = minTime(l.lostAt, l.doubt.from)
			l.doubt.from = time.Time{} // until the next gap is told
		}
	})
	l.topology.suspectAll()
}

// electionDoubt is how long others may have published at an elected master
// before this process left the old one, which served it well all the while, and
// how long they may go on at the old one, which takes what they publish, after it
// did. The Sentinels tell each other every two seconds, and are asked every
// second; on a busy machine all of it took a little more than five. Too long a gap
// does less harm than one that leaves out what was lost.
const electionDoubt = 15 * time.Second

// subscriberConnected: there is a connection, and nothing is subscribed yet.
// elected: there was another master meanwhile, which may be gone again.
func (l *link) subscriberConnected(elected bool) {
	l.change(func() {
		l.feed, l.feedErr = feedRestoring, l.options.unavailable(errRestoring)
		if elected && !l.lostAt.IsZero() {
			l.elected = true
			l.lostAt = l.lostAt.Add(-electionDoubt)
		}
	})
}

// subscriberRestored: everything that was wanted is subscribed.
func (l *link) subscriberRestored() {
	l.tell(func() *hearth.Gap {
		l.feed = feedLive
		if l.lostAt.IsZero() {
			return nil
		}
		gap := &hearth.Gap{From: l.lostAt, To: time.Now(), Missed: -1}
		l.lostAt = time.Time{}
		l.reconnects.Add(1)
		l.doubtLocked(gap.To)
		return gap
	}, nil)
}

// doubtLocked sees to it that what others publish at a master that is none any
// more is told as a gap, too. now: a gap ends.
func (l *link) doubtLocked(now time.Time) {
	if l.elected {
		l.elected, l.doubt.to = false, now.Add(electionDoubt)
	}
	if !now.Before(l.doubt.to) {
		return
	}
	l.doubt.from = now
	end := l.doubt.to
	l.tasks.Go(func() {
		if sleep(l.ctx, time.Until(end)) {
			l.doubtOver()
		}
	})
}

// doubtOver: others have left the old master, too.
func (l *link) doubtOver() {
	l.tell(func() *hearth.Gap {
		gap := &hearth.Gap{From: l.doubt.from, To: time.Now(), Missed: -1}
		if gap.From.IsZero() || gap.To.Before(l.doubt.to) { // a later gap has taken its place
			return nil
		}
		l.doubt = interval{}
		return gap
	}, nil)
}

// overflowed: the sessions are slower than what arrives.
func (l *link) overflowed(o *overflow) {
	l.overflows.Add(o.count)
	gap := &hearth.Gap{Channel: o.channel, From: l.timeOf(o.from), To: o.to, Missed: o.count}
	l.tell(func() *hearth.Gap { return gap }, nil)
}

// missed: numbers are missing.
func (l *link) missed(c *counted) {
	l.tell(func() *hearth.Gap { return &c.gap }, c.sessions)
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

// observeLocked queues an event if the state is another one.
func (s *session) observeLocked() {
	state := s.stateLocked()
	switch s.state {
	case "":
		s.connectingLocked(state)
		return
	case state:
		return
	}
	s.state, s.since = state, time.Now()
	event := hearth.BrokerEvent{State: state}
	if state == hearth.BrokerDisconnected {
		event.Err = s.link.reasonLocked()
	}
	s.pending = append(s.pending, notice{event: event, open: s.opened})
}

// missLocked queues a gap, if the session could miss anything.
func (s *session) missLocked(gap *hearth.Gap) {
	if s.receives() && s.state != "" {
		s.pending = append(s.pending, notice{gap: gap, open: s.opened})
	}
}

// connectingLocked is observeLocked until the session is connected for the
// first time: only the log hears of it, and of the first reason why not.
func (s *session) connectingLocked(state hearth.BrokerState) {
	if state == hearth.BrokerConnected {
		s.state, s.since = state, time.Now()
		close(s.connected)
		s.pending = append(s.pending, notice{event: hearth.BrokerEvent{State: state}})
		return
	}
	if err := s.link.reasonLocked(); !s.complained && !errors.Is(err, errNotYet) && !errors.Is(err, errRestoring) {
		s.complained = true
		s.pending = append(s.pending, notice{event: hearth.BrokerEvent{State: hearth.BrokerDisconnected, Err: err}})
	}
}

// notice is an event or a gap on its way to the log and, if the session is
// open, to its node.
type notice struct {
	event hearth.BrokerEvent
	gap   *hearth.Gap // nil: it is an event
	open  bool        // the session was
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
		if n.open && s.calls.Enter() {
			n.hand(&s.node)
			s.calls.Leave()
		}
		s.link.mu.Lock()
	}
	s.telling = false
}

func (n notice) hand(node *hearth.BrokerNode) {
	switch {
	case n.gap == nil && node.Notify != nil:
		node.Notify(n.event)
	case n.gap != nil && node.ReportGap != nil:
		node.ReportGap(*n.gap)
	}
}

func (s *session) log(n notice) {
	attributes := []slog.Attr{slog.String("broker", kindName), slog.String("redis", s.link.name)}
	level, message := slog.LevelWarn, logGap
	switch {
	case n.gap != nil:
		attributes = append(attributes, slog.String("channel", n.gap.Channel), slog.Time("from", n.gap.From),
			slog.Time("to", n.gap.To), slog.Int64("missed", n.gap.Missed), slog.String("from_server", n.gap.Server))
	case n.event.State == hearth.BrokerConnected:
		level, message = slog.LevelInfo, logConnected
	case n.event.State == hearth.BrokerResubscribing:
		message = logResubscribing
	default:
		message = logDisconnected
	}
	if n.event.Err != nil {
		attributes = append(attributes, slog.Any("err", n.event.Err))
	}
	s.node.Logger.LogAttrs(context.Background(), level, message, attributes...)
}
