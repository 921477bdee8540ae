package redisbroker

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/internal/gate"
)

// model drives an interest as the subscriber does, with a Redis that confirms
// topic by topic, refuses, and loses the connection, at any moment.
type model struct {
	in       *interest
	sessions []*session
	wanted   map[string]map[*session]int // by topic: references
	pending  map[*call]bool              // calls of Subscribe that are not done

	number  uint64 // of the connection; 0: none
	last    uint64
	todo    []*entry
	flights []*flight
	redis   map[string]bool // what this connection is subscribed to
}

// flight is a batch of which Redis has yet to confirm some topics.
type flight struct {
	batch   *batch
	entries []*entry
}

// call is one call of Subscribe.
type call struct {
	session *session
	topics  []string // those not given up since
}

var topics = []string{"a", "b"} // few, so that much happens to each

func newModel() *model {
	m := &model{in: newInterest(time.Hour), wanted: make(map[string]map[*session]int), pending: make(map[*call]bool)}
	link := &link{}
	for range 2 {
		m.sessions = append(m.sessions, newSession(nil, link, hearth.BrokerNode{Deliver: func(hearth.Envelope) {}}))
	}
	for _, topic := range topics {
		m.wanted[topic] = make(map[*session]int)
	}
	return m
}

func (m *model) subscribe(t *rapid.T) {
	s := rapid.SampledFrom(m.sessions).Draw(t, "session")
	names := rapid.SliceOfN(rapid.SampledFrom(topics), 1, 3).Draw(t, "topics")
	c := &call{s, slices.Clone(names)}
	m.pending[c] = true
	s.calls.Enter()
	w := newWaiter(s, func(err error) {
		if !m.pending[c] {
			t.Fatal("done was called twice")
		}
		delete(m.pending, c)
		for _, topic := range c.topics {
			if err == nil && (!m.redis[topic] || m.leaving(topic)) {
				t.Fatalf("done, but %s is not subscribed, or not for long", topic)
			}
		}
	})
	there := true
	for _, topic := range names {
		there = m.in.add(topic, s, w) && there
		m.wanted[topic][s]++
	}
	if !there {
		w.finish(errors.New("no connection"))
	}
	w.release()
}

func (m *model) unsubscribe(t *rapid.T) {
	m.remove(rapid.SampledFrom(m.sessions).Draw(t, "session"), rapid.SampledFrom(topics).Draw(t, "topic"))
}

// leave has all sessions give up a topic.
func (m *model) leave(t *rapid.T) {
	topic := rapid.SampledFrom(topics).Draw(t, "topic")
	for _, s := range m.sessions {
		for m.wanted[topic][s] > 0 {
			m.remove(s, topic)
		}
	}
}

func (m *model) remove(s *session, topic string) {
	m.in.remove(topic, s)
	for c := range m.pending {
		if c.session == s {
			c.topics = slices.DeleteFunc(c.topics, func(other string) bool { return other == topic })
		}
	}
	if m.wanted[topic][s]--; m.wanted[topic][s] <= 0 {
		delete(m.wanted[topic], s)
	}
}

func (m *model) connect(*rapid.T) {
	if m.number != 0 {
		return
	}
	m.last++
	m.number, m.flights, m.redis = m.last, nil, make(map[string]bool)
	m.in.restoring.Store(0)
	m.in.connection.Store(m.number)
	for i := range m.in.shards {
		m.todo = m.in.restore(m.todo, m.number, &m.in.shards[i])
	}
}

func (m *model) lose(*rapid.T) {
	m.number, m.redis = 0, nil
	m.in.connection.Store(0)
	m.in.failWaiters(errors.New("lost"), func(*waiter) bool { return true })
}

func (m *model) send(t *rapid.T) {
	m.todo = m.in.work.take(m.todo)
	if m.number == 0 || len(m.flights) == maxFlights {
		return
	}
	var b *batch
	if b, m.todo = m.in.nextBatch(m.todo, m.number, func(string) bool { return false }); b == nil {
		return
	}
	for _, e := range b.entries {
		if b.kind.subscribe == m.redis[e.topic] {
			t.Fatalf("%s is to be subscribed: %v, and Redis has it so already", e.topic, b.kind.subscribe)
		}
	}
	m.flights = append(m.flights, &flight{b, slices.Clone(b.entries)})
}

func (m *model) confirm(t *rapid.T) { m.answer(t, false) }
func (m *model) refuse(t *rapid.T)  { m.answer(t, true) }

// answer has Redis answer the first topic on its way.
func (m *model) answer(t *rapid.T, refuse bool) {
	if m.number == 0 || len(m.flights) == 0 {
		return
	}
	f := m.flights[0]
	e := f.entries[0]
	f.entries = f.entries[1:]
	subscribe := f.batch.kind.subscribe
	var finished bool
	if refuse && subscribe {
		finished = m.in.refuse(f.batch, e, errors.New("refused"))
	} else {
		m.redis[e.topic] = subscribe
		finished = m.in.confirm(e.topic, subscribe) == f.batch
	}
	if finished != (len(f.entries) == 0) {
		t.Fatalf("the batch is finished: %v, with %d topics left", finished, len(f.entries))
	}
	if finished {
		m.flights = m.flights[1:]
	}
}

// expire lets everything linger long enough.
func (m *model) expire(*rapid.T) {
	m.in.expire(time.Now().Add(2 * m.in.linger))
}

// work has Redis do what is to be done.
func (m *model) work(t *rapid.T) {
	for range 2 * len(topics) {
		m.send(t)
		m.confirm(t)
	}
}

// tidy has what nobody wants any more on its way.
func (m *model) tidy(t *rapid.T) {
	m.expire(t)
	m.send(t)
}

// check looks at what must always be true.
func (m *model) check(t *rapid.T) {
	for _, topic := range topics {
		want := slices.Collect(maps.Keys(m.wanted[topic]))
		got := m.in.receivers(nil, topic)
		if len(got) != len(want) {
			t.Fatalf("%s has %d receivers, want %d", topic, len(got), len(want))
		}
	}
	for i, s := range m.sessions {
		live := 0
		for _, topic := range topics {
			if m.wanted[topic][s] > 0 && m.redis[topic] && !m.leaving(topic) {
				live++
			}
		}
		if got := m.in.live(s); got != live {
			t.Fatalf("session %d has %d live topics, want %d", i, got, live)
		}
	}
}

// leaving reports whether a topic is being unsubscribed.
func (m *model) leaving(topic string) bool {
	for _, f := range m.flights {
		for _, e := range f.entries {
			if e.topic == topic && !f.batch.kind.subscribe {
				return true
			}
		}
	}
	return false
}

// settle gives Redis time to do everything.
func (m *model) settle(t *rapid.T) {
	m.connect(t)
	for range 5 {
		m.expire(t)
		m.work(t)
	}
}

// However subscriptions, answers and losses follow each other: every Subscribe
// is done once, done without an error means live, and in the end Redis has
// what is wanted and nothing else.
func TestInterest(t *testing.T) {
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("1000")
	}
	rapid.Check(t, func(t *rapid.T) {
		m := newModel()
		steps := map[string]func(*rapid.T){
			"subscribe": m.subscribe, "unsubscribe": m.unsubscribe, "leave": m.leave,
			"connect": m.connect, "lose": m.lose, "send": m.send, "confirm": m.confirm,
			"work": m.work, "tidy": m.tidy, "": m.check,
		}
		refuses := rapid.Bool().Draw(t, "refuses")
		if refuses {
			steps["refuse"] = m.refuse
		}
		t.Repeat(steps)
		if refuses {
			m.lose(t) // what was refused is asked for again on another connection
		}
		m.settle(t)
		m.check(t)
		if len(m.pending) != 0 {
			t.Fatalf("%d calls of Subscribe were never done", len(m.pending))
		}
		if n := m.in.restoring.Load(); n != 0 {
			t.Fatalf("%d topics are still being restored", n)
		}
		var want, got []string
		for _, topic := range topics {
			if len(m.wanted[topic]) > 0 {
				want = append(want, topic)
			}
			if m.redis[topic] {
				got = append(got, topic)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("topics (-wanted +subscribed):\n%s", diff)
		}
		entries := 0
		m.in.each(func(*entry) { entries++ })
		if entries != len(want) {
			t.Fatalf("%d entries are kept, want %d", entries, len(want))
		}
	})
}

func TestRendezvous(t *testing.T) {
	var nodes []*node
	for i := range 5 {
		nodes = append(nodes, newNode(fmt.Sprintf("10.0.0.%d:6379", i), nil))
	}
	const channels = 5000
	used := make(map[*node]int)
	for i := range channels {
		key := hashOf(fmt.Sprint("ws:room:", i))
		n := choose(nodes, key)
		used[n]++
		if others := slices.DeleteFunc(slices.Clone(nodes), func(o *node) bool { return o == nodes[0] }); n != nodes[0] && choose(others, key) != n {
			t.Fatalf("channel %d moved from %s, though another node has left", i, n.addr)
		}
	}
	for _, n := range nodes {
		if share := used[n]; share < channels/10 || share > channels*3/10 {
			t.Errorf("%s has %d of %d channels", n.addr, share, channels)
		}
	}
	if choose(nil, 1) != nil {
		t.Error("chose one of no nodes")
	}
}

// What comes and goes while Redis is away is forgotten, and does not linger until
// it is back.
func TestInterestForgetsWhileAway(t *testing.T) {
	in := newInterest(time.Hour)
	s := &session{calls: gate.New()}
	for i := range 100 {
		topic := fmt.Sprint(i)
		if in.add(topic, s, newWaiter(s, func(error) {})) {
			t.Fatal("there is no connection to wait for")
		}
		in.remove(topic, s)
	}
	left := 0
	in.each(func(*entry) { left++ })
	if left != 0 || len(in.work.parked) != 0 || s.topics.Load() != 0 {
		t.Errorf("%d topics and %d of those that linger are left, %d of the session", left, len(in.work.parked), s.topics.Load())
	}
}

// Whoever reads from Redis never waits, also when a wake-up from before, which was
// not needed, is still there.
func TestInboxNeverWaits(t *testing.T) {
	b := newInbox(&link{options: &Options{InboxBytes: 1 << 20}})
	b.idle = true
	b.wake <- struct{}{}
	added := make(chan struct{})
	go func() {
		b.add(received{channel: "c"})
		close(added)
	}()
	select {
	case <-added:
	case <-time.After(10 * time.Second):
		t.Error("add waits for what may never come")
	}
}
