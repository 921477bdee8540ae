package sim

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/internal/gate"
)

var errAway = errors.New("sim: the broker is away")

// session is one node's use of the broker.
type session struct {
	b      *broker
	node   hearth.BrokerNode
	number int
	calls  *gate.Gate

	notifying sync.Mutex

	mu       sync.Mutex
	closed   bool
	state    hearth.BrokerState
	since    time.Time
	deaf     bool      // the connection is broken, and nobody has noticed
	gapFrom  time.Time // of the gap that is open; zero: none
	round    int       // of connections
	subs     map[string]*sub
	lanes    [lanes]lane
	pending  map[*pending]bool
	counted  int // publishes, for decisions
	gapCount int64

	published, failed, received, reconnects, missed int64
}

// sub is a channel that a session wants.
type sub struct {
	refs   int
	since  time.Time
	liveAt time.Time
	off    bool // not on its way to be live, as the broker is away
}

// pending is a call whose answer is to come.
type pending struct{ done func(error) }

func (s *session) live(channel string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.subs[channel]
	return !s.closed && !s.deaf && sub != nil && !sub.off && !time.Now().Before(sub.liveAt)
}

// answer calls done after a while, or with an error once the session is closed
// or disconnected. d < 0: with an error only.
func (s *session) answer(d time.Duration, done func(error)) {
	p := &pending{done}
	s.mu.Lock()
	closed := s.closed
	s.pending[p] = true
	s.mu.Unlock()
	if closed { // meanwhile
		s.resolve(p, hearth.ErrClosed)
		return
	}
	if d >= 0 {
		time.AfterFunc(d, func() { s.resolve(p, nil) })
	}
}

func (s *session) resolve(p *pending, err error) {
	s.mu.Lock()
	there := s.pending[p]
	delete(s.pending, p)
	s.mu.Unlock()
	if there {
		p.done(err)
	}
}

// resolveAll answers every call that waits.
func (s *session) resolveAll(err error) {
	s.mu.Lock()
	all := s.pending
	s.pending = map[*pending]bool{}
	s.mu.Unlock()
	for p := range all {
		p.done(err)
	}
}

func (s *session) Publish(env hearth.Envelope, done func(error)) {
	env, err := hearth.ParseEnvelope(env.AppendJSON(nil)) // as over a wire
	if err != nil {
		panic(err)
	}
	s.mu.Lock()
	s.counted++
	n := s.counted
	d := roll(s.b.seed, "publish", s.number, n, time.Now())
	closed, away, deaf := s.closed, s.state == hearth.BrokerDisconnected, s.deaf
	if closed || away && s.b.fault != accepting {
		s.failed++
	} else {
		s.published++
	}
	s.mu.Unlock()
	switch {
	case closed:
		done(hearth.ErrClosed)
	case away && s.b.fault == accepting:
		done(nil)
	case away:
		done(hearth.ErrBrokerUnavailable)
	case deaf:
		if d.one(2) {
			s.b.bus(env, d)
		}
		s.answer(-1, done)
	case s.b.trouble && d.one(30):
		if d.one(2) { // it was delivered, and nobody knows
			s.b.bus(env, d)
		}
		done(hearth.ErrBrokerOverloaded)
	default:
		s.b.bus(env, d)
		if delay := s.b.delay("answer", s.number, n); delay > 0 {
			s.answer(delay, done)
		} else {
			done(nil)
		}
	}
}

func (s *session) Unfiltered() bool { return false }

func (s *session) Subscribe(channels []string, done func(error)) {
	now := time.Now()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		done(hearth.ErrClosed)
		return
	}
	away, deaf := s.state == hearth.BrokerDisconnected, s.deaf
	liveAt := now
	for _, channel := range channels {
		c := s.subs[channel]
		if c == nil {
			c = &sub{off: away || deaf, since: now, liveAt: now.Add(s.subscribing(channel))}
			s.subs[channel] = c
		}
		c.refs++
		if c.liveAt.After(liveAt) {
			liveAt = c.liveAt
		}
	}
	s.mu.Unlock()
	switch {
	case away:
		done(hearth.ErrBrokerUnavailable)
	case deaf:
		s.answer(-1, done)
	case liveAt.After(now):
		s.answer(liveAt.Sub(now), done)
	default:
		done(nil)
	}
}

// subscribing is how long it takes.
func (s *session) subscribing(channel string) time.Duration {
	d := s.b.delay("subscribe", s.number, channel)
	if s.b.trouble && roll(s.b.seed, "slow", s.number, channel, time.Now()).one(30) {
		d += s.b.wait + time.Second
	}
	return d
}

func (s *session) Unsubscribe(channels []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, channel := range channels {
		c := s.subs[channel]
		if c == nil || s.b.fault == leaking && laneOf(channel) == 0 {
			continue
		}
		if c.refs--; c.refs == 0 {
			delete(s.subs, channel)
		}
	}
}

// drop loses an envelope and tells of it, as a queue that runs over does.
func (s *session) drop(channel, server string) {
	now := time.Now()
	s.mu.Lock()
	s.gapCount++
	s.missed++
	s.mu.Unlock()
	time.AfterFunc(s.b.delay("gap", s.number), func() {
		gap := &hearth.Gap{Channel: channel, From: now, To: now.Add(time.Millisecond), Missed: 1, Server: server}
		if !s.tell(gap, "", nil) { // the node has ended before
			s.b.untold(s.node.ServerID, gap.From, gap.To)
		}
	})
}

// tell reports a gap, if there is one, and then a state, if that is not empty.
// It returns false when the session is closed.
func (s *session) tell(gap *hearth.Gap, state hearth.BrokerState, why error) bool {
	if !s.calls.Enter() {
		return false
	}
	defer s.calls.Leave()
	s.notifying.Lock()
	defer s.notifying.Unlock()
	if gap != nil && s.node.ReportGap != nil && s.b.fault != gapless {
		s.node.ReportGap(*gap)
	}
	if state != "" && s.node.Notify != nil {
		s.node.Notify(hearth.BrokerEvent{State: state, Err: why})
	}
	return true
}

// deafen breaks the connection, which nobody notices until disconnect.
func (s *session) deafen() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.deaf || s.state == hearth.BrokerDisconnected {
		return
	}
	s.deaf = true
	s.openGapLocked()
	for i := range s.lanes {
		s.lanes[i].items = nil
	}
}

// openGapLocked remembers since when envelopes may be missing: also those that
// were on their way are.
func (s *session) openGapLocked() {
	if s.gapFrom.IsZero() {
		s.gapFrom = time.Now().Add(-brokerDelay)
	}
}

// disconnect is when the loss of the connection is noticed.
func (s *session) disconnect() {
	s.mu.Lock()
	if s.closed || s.state == hearth.BrokerDisconnected {
		s.mu.Unlock()
		return
	}
	s.openGapLocked()
	s.state, s.since, s.deaf = hearth.BrokerDisconnected, time.Now(), false
	s.round++
	for i := range s.lanes {
		s.lanes[i].items = nil
	}
	for _, c := range s.subs {
		c.off = true
	}
	s.mu.Unlock()
	s.resolveAll(hearth.ErrBrokerUnavailable)
	s.tell(nil, hearth.BrokerDisconnected, errAway)
}

// reconnect restores every subscription, each in its time.
func (s *session) reconnect() {
	s.mu.Lock()
	if s.closed || s.state != hearth.BrokerDisconnected {
		s.mu.Unlock()
		return
	}
	s.state, s.since = hearth.BrokerResubscribing, time.Now()
	s.round++
	round := s.round
	s.reconnects++
	now := time.Now()
	allLive := now
	for channel, c := range s.subs {
		c.off, c.liveAt = false, now.Add(s.b.delay("resubscribe", s.number, channel))
		if c.liveAt.After(allLive) {
			allLive = c.liveAt
		}
	}
	s.mu.Unlock()
	s.tell(nil, hearth.BrokerResubscribing, nil)
	time.AfterFunc(allLive.Sub(now), func() { s.restored(round) })
}

func (s *session) restored(round int) {
	s.mu.Lock()
	if s.closed || s.round != round || s.deaf {
		if s.round == round && s.deaf {
			// The next disconnect makes it a longer gap.
			s.state = hearth.BrokerConnected
		}
		s.mu.Unlock()
		return
	}
	gap := &hearth.Gap{From: s.gapFrom, To: time.Now(), Missed: -1}
	s.gapFrom = time.Time{}
	s.gapCount++
	s.state, s.since = hearth.BrokerConnected, time.Now()
	s.mu.Unlock()
	s.tell(gap, hearth.BrokerConnected, nil)
}

func (s *session) Stats() hearth.BrokerStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := hearth.BrokerStats{
		Kind: "model", State: s.state, Since: s.since, Channels: len(s.subs),
		Published: s.published, Failed: s.failed, Received: s.received,
		Reconnects: s.reconnects, Gaps: s.gapCount, Missed: s.missed,
	}
	for _, c := range s.subs {
		if !c.off && !s.deaf && !time.Now().Before(c.liveAt) {
			st.Live++
		}
	}
	return st
}

func (s *session) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	// Its clients are sent away, and know that they may have missed something.
	now := time.Now()
	if !s.gapFrom.IsZero() {
		s.b.untold(s.node.ServerID, s.gapFrom, now)
	}
	for _, c := range s.subs {
		if c.liveAt.After(now) {
			s.b.untold(s.node.ServerID, c.since, now)
		}
	}
	s.subs = map[string]*sub{}
	s.mu.Unlock()
	s.b.mu.Lock()
	for i, o := range s.b.sessions {
		if o == s {
			s.b.sessions = append(s.b.sessions[:i:i], s.b.sessions[i+1:]...)
			break
		}
	}
	s.b.mu.Unlock()
	s.calls.Close()
	s.resolveAll(hearth.ErrClosed)
	return s.calls.Wait(ctx)
}
