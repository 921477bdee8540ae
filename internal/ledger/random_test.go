package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth/internal/ledger"
)

// world is a cluster that loses nothing, or exactly one delivery in the way a
// fault says.
type world struct {
	*ledger.Ledger
	rng     *rand.Rand
	rooms   []string
	clients []*subscriber
	senders []*ledger.Publisher
	fault   fault
	faults  int // left to commit
}

// subscriber is a client and what the world is about to deliver to it.
type subscriber struct {
	log   *ledger.Client
	rooms map[string]bool // true: surely in it
}

type fault string

const (
	none      fault = ""
	lose      fault = "lose"
	duplicate fault = "duplicate"
	delay     fault = "delay"
	invent    fault = "invent"
	misroute  fault = "misroute"
)

func newWorld(seed uint64, f fault) *world {
	w := &world{Ledger: ledger.New(ledger.Options{}), rng: rand.New(rand.NewPCG(seed, 1)), fault: f, faults: 1}
	for i := range 4 {
		w.rooms = append(w.rooms, fmt.Sprint("room", i))
	}
	for i := range 6 {
		c := &subscriber{log: w.Client(fmt.Sprint("client", i))}
		w.clients = append(w.clients, c)
		w.connect(c)
	}
	for i := range 3 {
		w.senders = append(w.senders, w.Publisher(fmt.Sprint("publisher", i)))
	}
	return w
}

func (w *world) connect(c *subscriber) {
	c.rooms = map[string]bool{}
	c.log.Connected("node")
}

func (w *world) step() {
	c := w.clients[w.rng.IntN(len(w.clients))]
	room := w.rooms[w.rng.IntN(len(w.rooms))]
	switch w.rng.IntN(20) {
	case 0:
		c.log.Disconnected()
		w.connect(c)
	case 1:
		c.log.Leaving(room)
		delete(c.rooms, room)
		c.log.Left(room)
	case 2, 3:
		c.log.Joining(room)
		if _, in := c.rooms[room]; !in {
			c.rooms[room] = false
		}
	case 4, 5:
		c.log.Joined(room)
		c.rooms[room] = true
	default:
		w.publish(room)
	}
}

// publish publishes to a room and delivers, unless the publisher is told that
// it may be lost.
func (w *world) publish(room string) {
	p := w.rng.IntN(len(w.senders))
	m := w.senders[p].Publish(room)
	lost := w.rng.IntN(10) == 0
	for _, c := range w.clients {
		sure, member := c.rooms[room]
		if !member || lost && w.rng.IntN(2) == 0 || !sure && w.rng.IntN(2) == 0 {
			continue
		}
		w.deliver(c, fmt.Sprint("publisher", p), room, m.N, sure && !lost)
	}
	if lost {
		m.Answer(ledger.Lost)
	} else {
		m.Answer(ledger.Accepted)
	}
}

// deliver commits the fault once, somewhere in the middle of the run, where
// the message is due.
func (w *world) deliver(c *subscriber, publisher, room string, n uint64, due bool) {
	if !due || w.fault == none || w.faults == 0 || n < 50 {
		c.log.Receive(publisher, room, n)
		return
	}
	w.faults--
	switch w.fault {
	case lose:
	case duplicate:
		c.log.Receive(publisher, room, n)
		c.log.Receive(publisher, room, n)
	case delay:
		next := w.Publisher(publisher).Publish(room)
		next.Answer(ledger.Accepted)
		c.log.Receive(publisher, room, next.N)
		c.log.Receive(publisher, room, n)
	case invent:
		c.log.Receive(publisher, room, n)
		c.log.Receive(publisher, room, n+1000)
	case misroute:
		c.log.Receive(publisher, room, n)
		c.log.Receive(publisher, "private", n)
	}
}

func TestRandom(t *testing.T) {
	tests := map[fault]map[ledger.Kind]int64{
		none:      nil,
		lose:      {ledger.Missing: 1},
		duplicate: {ledger.Duplicate: 1},
		invent:    {ledger.Foreign: 1},
		misroute:  {ledger.Foreign: 1},
	}
	for f, want := range tests {
		for seed := range uint64(20) {
			w := newWorld(seed, f)
			for range 2000 {
				w.step()
			}
			r := w.Check()
			if diff := cmp.Diff(want, r.Violations); diff != "" {
				t.Fatalf("fault %q, seed %d: violations (-want +got):\n%s\n%v", f, seed, diff, r.Err())
			}
		}
	}
}

func TestRandomDelay(t *testing.T) {
	for seed := range uint64(20) {
		w := newWorld(seed, delay)
		for range 2000 {
			w.step()
		}
		if r := w.Check(); r.Violations[ledger.Disorder] == 0 {
			t.Fatalf("seed %d: a swapped pair was not seen: %s", seed, r)
		}
	}
}

// TestConcurrent logs from many goroutines, past several trims.
func TestConcurrent(t *testing.T) {
	const publishers, clients, messages = 4, 8, 40_000
	l := ledger.New(ledger.Options{})
	feeds := make([]chan [2]uint64, clients)
	var receivers, senders sync.WaitGroup
	for i := range clients {
		c := l.Client(fmt.Sprint("client", i))
		c.Connected("node")
		c.Joined("room")
		feed := make(chan [2]uint64, 1024)
		feeds[i] = feed
		receivers.Go(func() {
			names := [publishers]string{}
			for p := range names {
				names[p] = fmt.Sprint("publisher", p)
			}
			for m := range feed {
				c.Receive(names[m[0]], "room", m[1])
			}
		})
	}
	for i := range publishers {
		p := l.Publisher(fmt.Sprint("publisher", i))
		senders.Go(func() {
			for range messages {
				m := p.Publish("room")
				for _, feed := range feeds {
					feed <- [2]uint64{uint64(i), m.N}
				}
				m.Answer(ledger.Accepted)
			}
		})
	}
	senders.Wait()
	for _, feed := range feeds {
		close(feed)
	}
	receivers.Wait()
	r := l.Check()
	if err := r.Err(); err != nil {
		t.Error(err)
	}
	if r.Delivered != clients*messages*publishers {
		t.Errorf("%s", r)
	}
}

// TestReceiveAllocates nothing once the cursor is there, so that a run's
// memory does not grow with its deliveries.
func TestReceiveAllocates(t *testing.T) {
	l := ledger.New(ledger.Options{})
	p, c := l.Publisher("p"), l.Client("c")
	c.Connected("node")
	c.Joined("r")
	for range 2001 {
		p.Publish("r").Answer(ledger.Accepted)
	}
	n := uint64(0)
	if got := testing.AllocsPerRun(2000, func() {
		n++
		c.Receive("p", "r", n)
	}); got != 0 {
		t.Errorf("a delivery allocates %v times", got)
	}
	if err := l.Check().Err(); err != nil {
		t.Error(err)
	}
}

// TestMemory publishes far more than is remembered at a time.
func TestMemory(t *testing.T) {
	const publications = 500_000
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	l := ledger.New(ledger.Options{})
	p, c, idle := l.Publisher("p"), l.Client("c"), l.Client("idle")
	for _, c := range []*ledger.Client{c, idle} {
		c.Connected("node")
		c.Joined("r")
	}
	idle.Left("r")
	for range publications {
		m := p.Publish("r")
		m.Answer(ledger.Accepted)
		c.Receive("p", "r", m.N)
	}
	if grown := heap() - before; grown > 12<<20 {
		t.Errorf("%d publications hold %d MiB", publications, grown>>20)
	}
	if err := l.Check().Err(); err != nil {
		t.Error(err)
	}
}

func BenchmarkReceive(b *testing.B) {
	l := ledger.New(ledger.Options{})
	p := l.Publisher("p")
	const clients = 100
	all := make([]*ledger.Client, clients)
	for i := range all {
		all[i] = l.Client(fmt.Sprint(i))
		all[i].Connected("node")
		all[i].Joined("r")
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%clients == 0 {
			p.Publish("r").Answer(ledger.Accepted)
		}
		all[i%clients].Receive("p", "r", uint64(i/clients+1))
	}
}
