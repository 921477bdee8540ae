package sim

import (
	"context"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/internal/gate"
)

// brokerDelay is how long an envelope takes at most from publisher to node.
const brokerDelay = 120 * time.Millisecond

// fault is a planted bug of a broker, which the checks have to find.
type fault string

const (
	faultless  fault = ""
	losing     fault = "loses an envelope of 50 for one node"
	doubling   fault = "delivers an envelope of 50 twice"
	swapping   fault = "swaps an envelope of 50 with the next"
	misrouting fault = "delivers an envelope of 50 to another room"
	accepting  fault = "accepts what it does not deliver, while it is away"
	leaking    fault = "forgets to unsubscribe"
	gapless    fault = "tells of no gap"
)

// broker is a model of a hearth.Broker. Without trouble it is a perfect one,
// with delays; with trouble it fails in the ways that a broker may.
type broker struct {
	seed    uint64
	pace    time.Duration // the longest delay
	trouble bool          // publishing fails now and then, envelopes are dropped and told of
	fault   fault
	wait    time.Duration                         // SubscribeWait of the nodes
	untold  func(node string, from, to time.Time) // of a gap that a node cannot tell, as it ends

	mu       sync.Mutex
	sessions []*session
	up       chan struct{} // closed while it is up
	opened   int
}

func newBroker(seed uint64) *broker {
	b := &broker{seed: seed, pace: brokerDelay, up: make(chan struct{}), untold: func(string, time.Time, time.Time) {}}
	close(b.up)
	return b
}

func (b *broker) Open(ctx context.Context, node hearth.BrokerNode) (hearth.BrokerSession, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for {
		b.mu.Lock()
		up := b.up
		select {
		case <-up:
			s := &session{b: b, node: node, number: b.opened, calls: gate.New(), state: hearth.BrokerConnected, since: time.Now()}
			s.subs, s.pending = map[string]*sub{}, map[*pending]bool{}
			b.opened++
			b.sessions = append(b.sessions, s)
			b.mu.Unlock()
			return s, nil
		default:
		}
		b.mu.Unlock()
		select {
		case <-up:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// all are the open sessions.
func (b *broker) all() []*session {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.sessions)
}

// shut takes the broker away from everybody, and open gives it back.
func (b *broker) shut() {
	b.mu.Lock()
	b.up = make(chan struct{})
	b.mu.Unlock()
	for _, s := range b.all() {
		s.disconnect()
	}
}

func (b *broker) open() {
	b.mu.Lock()
	close(b.up)
	b.mu.Unlock()
	for _, s := range b.all() {
		s.reconnect()
	}
}

func (b *broker) delay(labels ...any) time.Duration {
	d := roll(b.seed, append(labels, time.Now())...)
	if d.one(3) {
		return 0
	}
	return d.upTo(b.pace)
}

// bus passes an envelope on to everybody who is subscribed, in the same order
// to all.
func (b *broker) bus(env hearth.Envelope, d dice) {
	b.mu.Lock()
	defer b.mu.Unlock()
	channel := env.Channel()
	bug := b.fault != faultless && d.one(50)
	for i, s := range b.sessions {
		switch {
		case s.node.Deliver == nil || !s.live(channel):
		case bug && b.fault == losing && i == d.IntN(len(b.sessions)):
		case b.trouble && d.one(40):
			s.drop(channel, env.ServerID)
		case bug && b.fault == doubling:
			s.push(channel, env)
			s.push(channel, env)
		case bug && b.fault == misrouting && env.Type == hearth.TypeRoom:
			env := env
			env.Target = hearth.DefaultRoom
			s.push(channel, env)
		default:
			s.push(channel, env)
			if bug && b.fault == swapping {
				s.swap(channel)
			}
		}
	}
}

// lanes is how many channels of a session can be delivered at different pace.
const lanes = 4

func laneOf(channel string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(channel))
	return int(h.Sum32() % lanes)
}

// lane is a queue of envelopes on their way to a node, the oldest first.
type lane struct {
	items []item
	last  time.Time
	armed bool // a timer or a delivery is under way
}

type item struct {
	due time.Time
	env hearth.Envelope
}

// push and swap are called under the broker's lock.
func (s *session) push(channel string, env hearth.Envelope) {
	n := laneOf(channel)
	due := time.Now().Add(s.b.delay("deliver", s.number, n))
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &s.lanes[n]
	if due.Before(l.last) {
		due = l.last
	}
	l.last = due
	l.items = append(l.items, item{due, env})
	s.armLocked(l)
}

func (s *session) swap(channel string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &s.lanes[laneOf(channel)]
	if n := len(l.items); n >= 2 {
		l.items[n-1].env, l.items[n-2].env = l.items[n-2].env, l.items[n-1].env
	}
}

func (s *session) armLocked(l *lane) {
	if l.armed || len(l.items) == 0 {
		return
	}
	l.armed = true
	time.AfterFunc(time.Until(l.items[0].due), func() { s.run(l) })
}

// run delivers what is due, one after the other.
func (s *session) run(l *lane) {
	if !s.calls.Enter() {
		return
	}
	defer s.calls.Leave()
	s.mu.Lock()
	for len(l.items) > 0 && !time.Now().Before(l.items[0].due) {
		env := l.items[0].env
		l.items = l.items[1:]
		s.received++
		s.mu.Unlock()
		s.node.Deliver(env)
		s.mu.Lock()
	}
	l.armed = false
	s.armLocked(l)
	s.mu.Unlock()
}
