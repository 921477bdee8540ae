package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/internal/ledger"
)

// inFlight is more than a message is on its way from publisher to client, who
// reads, over connections that let something through.
const inFlight = brokerDelay + netDelay + 100*time.Millisecond

// Sizes of a world, before a seed changes them.
const (
	nodeCount   = 3
	clientCount = 14
	roomCount   = 4
)

// users are those that clients may be, "" an anonymous one.
var users = []string{"", "u0", "u1", "u2"}

// settings are what a seed decides of a whole run.
type settings struct {
	nodes, clients, steps int
	trouble               bool // the broker fails
	transform             bool // some clients are encrypted
	tight                 bool // a small backpressure limit, at which clients are closed
	inline                bool // InlineHooks
	deflate               bool
}

// world is one run.
type world struct {
	seed   uint64
	set    settings
	broker *broker
	nodes  []*node
	people []*person
	emit   *hearth.Emitter

	// Two ledgers: what one node sends to its own clients keeps its order over
	// all verbs, what goes over the broker that of each channel.
	cluster, local *ledger.Ledger

	running sync.WaitGroup // goroutines of actions and connections

	mu       sync.Mutex
	failures []error
	open     int            // publications without an answer
	ends     map[string]int // calls of OnDisconnect, by connection
	trace    []string
	serial   int
}

func newWorld(seed uint64, f fault) *world {
	d := roll(seed, "settings")
	w := &world{
		seed: seed, ends: map[string]int{},
		set: settings{
			nodes: 1 + d.IntN(nodeCount), clients: 2 + d.IntN(clientCount), steps: 80 + d.IntN(80),
			trouble: d.one(2), transform: d.one(3) && !tidy(seed), tight: d.one(3), inline: d.one(4), deflate: d.one(4),
		},
		cluster: ledger.New(ledger.Options{InFlight: inFlight, OrderPerRoom: true}),
		local:   ledger.New(ledger.Options{InFlight: inFlight}),
		broker:  newBroker(seed),
	}
	if f != faultless {
		w.set.trouble = f == accepting || f == gapless // else the fault alone
		w.set.nodes = nodeCount
	}
	w.broker.fault, w.broker.trouble, w.broker.wait = f, w.set.trouble, hearth.DefaultSubscribeWait
	w.broker.untold = func(serverID string, from, to time.Time) {
		if n := w.nodeOf(serverID); n != "" {
			w.cluster.Gap(n, "", from.Add(-inFlight), to.Add(time.Millisecond))
		}
	}
	for i := range w.set.nodes {
		w.nodes = append(w.nodes, &node{w: w, index: i})
	}
	for i := range w.set.clients {
		w.people = append(w.people, &person{w: w, index: i})
	}
	return w
}

func (w *world) fail(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.failures) < 20 {
		w.failures = append(w.failures, fmt.Errorf(format, args...))
	}
}

func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trace = append(w.trace, time.Now().Format("05.000 ")+fmt.Sprintf(format, args...))
}

// next is a number that no other call gets.
func (w *world) next() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.serial++
	return w.serial
}

func (w *world) nodeOf(serverID string) string {
	for _, n := range w.nodes {
		if name := n.named(serverID); name != "" {
			return name
		}
	}
	return ""
}

// run is the whole life of the world, in a bubble.
func (w *world) run() error {
	ctx := context.Background()
	for _, n := range w.nodes {
		n.start()
	}
	emit, err := hearth.NewEmitter(ctx, w.broker, hearth.EmitterOptions{Logger: quiet})
	if err != nil {
		return err
	}
	w.emit = emit
	for i, p := range w.people {
		d := roll(w.seed, "begin", i)
		p.connect(pick(d, w.nodes), d, credentials{User: pick(d, users), Mode: "ok"}, d.one(4))
	}
	for i := range w.set.steps {
		w.step(i)
	}
	w.settle()
	w.leaveAll()
	for _, n := range w.nodes {
		n.stop(10 * time.Second)
	}
	if err := w.emit.Close(ctx); err != nil {
		w.fail("closing the emitter: %w", err)
	}
	w.running.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open != 0 {
		w.failures = append(w.failures, fmt.Errorf("%d publications have no answer", w.open))
	}
	return errors.Join(w.failures...)
}

// settle heals everything, waits until nothing is on its way, and checks.
func (w *world) settle() {
	time.Sleep(time.Second) // the last step is over
	w.note("settle")
	for _, s := range w.broker.all() {
		s.disconnect() // closes what gaps are open
		s.reconnect()
	}
	for _, p := range w.people {
		p.heal()
		synctest.Wait()
	}
	time.Sleep(20 * time.Second)
	w.check("at rest")
	w.reckon(w.cluster, "cluster")
	w.reckon(w.local, "local")
}

func (w *world) check(when string) {
	for _, n := range w.nodes {
		if s := n.server(); s != nil {
			if err := s.ConsistencyCheck(); err != nil {
				w.fail("%s, %s: %w", when, n.name(), err)
			}
		}
	}
}

func (w *world) reckon(l *ledger.Ledger, what string) {
	r := l.Check()
	if err := r.Err(); err != nil {
		w.fail("%s: %w", what, err)
	}
	w.note("%s: %s", what, r)
}

// leaveAll lets everybody go, and looks at what is left.
func (w *world) leaveAll() {
	for _, p := range w.people {
		p.hangUp()
	}
	time.Sleep(2 * time.Minute)
	w.check("when all have left")
	for _, n := range w.nodes {
		s := n.server()
		if s == nil {
			continue
		}
		if st := s.Stats(); st.Connections != 0 || st.Rooms != 0 || st.QueuedBytes != 0 || st.Backpressured != 0 || st.Broker.Channels != 1 {
			w.fail("when all have left, %s has %d connections, %d rooms, %d bytes queued, %d congested, %d channels",
				n.name(), st.Connections, st.Rooms, st.QueuedBytes, st.Backpressured, st.Broker.Channels)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, n := range w.ends {
		if n != 1 {
			w.failures = append(w.failures, fmt.Errorf("OnDisconnect was called %d times for %s", n, name))
		}
	}
}

// anybody picks somebody who is connected to a node, nil if that is nobody.
func (w *world) anybody(d dice) *visit {
	at := d.IntN(len(w.people))
	for _, p := range slices.Concat(w.people[at:], w.people[:at]) {
		if v := p.current(); v != nil {
			return v
		}
	}
	return nil
}
