//go:build unix

package chaos

import (
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hearthws/hearth/internal/ledger"
	"github.com/hearthws/hearth/internal/redistest"
	"github.com/hearthws/hearth/internal/wire"
)

// Options are what a world begins with. Zero fields have a default.
type Options struct {
	Redis      string        // URL; "" for nodes that stand alone
	Nodes      int           // 2
	Clients    int           // 24
	Rooms      int           // 6
	Each       int           // rooms of one client; 2
	Publishers int           // 4
	Pace       time.Duration // between two messages of a publisher; 10 ms
	Window     int           // messages of a publisher without an answer; 64
	Body       int           // bytes, at least what the ledger needs
	InFlight   time.Duration // see ledger.Options; 3 s
	PerRoom    bool          // see ledger.Options.OrderPerRoom
	Patience   time.Duration // for anything that must happen; 30 s
	Flags      []string      // of the lab server
	Env        []string      // of its process, besides this one's
	Limit      int           // of its descriptors; 0: none
	Log        *os.File      // what its standard error is instead
}

func (o *Options) setDefaults() {
	set := func(n *int, d int) {
		if *n == 0 {
			*n = d
		}
	}
	set(&o.Nodes, 2)
	set(&o.Clients, 24)
	set(&o.Rooms, 6)
	set(&o.Each, 2)
	set(&o.Publishers, 4)
	set(&o.Window, 64)
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{{&o.Pace, 10 * time.Millisecond}, {&o.InFlight, 3 * time.Second}, {&o.Patience, 30 * time.Second}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
}

// World is a cluster under load.
type World struct {
	t    testing.TB
	opts Options
	Seed uint64

	Ledger     *ledger.Ledger
	Nodes      []*Node
	Clients    []*Client
	Publishers []*Publisher
	Latencies  Latencies

	stop   chan struct{} // closed: clients end
	silent chan struct{} // closed: publishers end
	once   sync.Once
	tasks  sync.WaitGroup // clients
	loud   sync.WaitGroup // publishers

	mu   sync.Mutex
	rng  *rand.Rand
	gaps map[told]bool
}

// Gap is hearth.Gap as the lab server tells it.
type Gap struct {
	Channel  string
	From, To time.Time
	Missed   int64
	Server   string
}

// told is a gap as one node has told it.
type told struct {
	node string
	gap  Gap
}

// NewWorld starts nodes, then clients, and publishers when all clients are in
// their rooms. It ends with the test.
func NewWorld(t testing.TB, seed uint64, opts Options) *World {
	t.Helper()
	opts.setDefaults()
	w := &World{
		t: t, opts: opts, Seed: seed, Ledger: ledger.New(ledger.Options{InFlight: opts.InFlight, OrderPerRoom: opts.PerRoom}),
		stop: make(chan struct{}), silent: make(chan struct{}),
		rng: rand.New(rand.NewPCG(seed, 0)), gaps: map[told]bool{},
	}
	for i := range opts.Nodes {
		port, err := redistest.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		n := &Node{world: w, Name: "node" + strconv.Itoa(i), addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
		n.Start()
		w.Nodes = append(w.Nodes, n)
	}
	t.Cleanup(w.end)
	for i := range opts.Clients {
		w.AddClient("c"+strconv.Itoa(i), w.rooms())
	}
	w.AwaitClients()
	for i := range opts.Publishers {
		p := &Publisher{world: w, name: "p" + strconv.Itoa(i), first: w.Nodes[i%len(w.Nodes)]}
		w.Publishers = append(w.Publishers, p)
		w.loud.Go(p.run)
	}
	return w
}

// AddClient starts a client that is, or comes back, in rooms.
func (w *World) AddClient(name string, rooms []string) *Client {
	c := &Client{world: w, name: name, rooms: rooms, log: w.Ledger.Client(name), names: map[string]string{}}
	w.Clients = append(w.Clients, c)
	w.tasks.Go(c.run)
	return c
}

// rooms are some of all, without the same one twice.
func (w *World) rooms() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var rooms []string
	for _, i := range w.rng.Perm(w.opts.Rooms)[:min(w.opts.Each, w.opts.Rooms)] {
		rooms = append(rooms, "r"+strconv.Itoa(i))
	}
	return rooms
}

// N is a random number below limit, by the seed.
func (w *World) N(limit int) int { return w.n(limit) }

// Delivered counts what the clients have received.
func (w *World) Delivered() (n int64) {
	for _, c := range w.Clients {
		n += c.Received.Load()
	}
	return n
}

// Accepted counts what publishers were told was taken.
func (w *World) Accepted() (n int64) {
	for _, p := range w.Publishers {
		n += p.Accepted.Load()
	}
	return n
}

// n is a random number below limit.
func (w *World) n(limit int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rng.IntN(limit)
}

// pick is a node that serves.
func (w *World) pick() *Node {
	for {
		up := make([]*Node, 0, len(w.Nodes))
		for _, n := range w.Nodes {
			if n.up.Load() {
				up = append(up, n)
			}
		}
		if len(up) > 0 {
			return up[w.n(len(up))]
		}
		select {
		case <-w.stop:
			return w.Nodes[0]
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// gap notes what a node has told.
func (w *World) gap(node string, g Gap) {
	w.mu.Lock()
	known := w.gaps[told{node, g}]
	w.gaps[told{node, g}] = true
	w.mu.Unlock()
	room, ok := strings.CutPrefix(g.Channel, wire.RoomPrefix)
	if !known && (ok || g.Channel == "") {
		w.Ledger.Gap(node, room, g.From, g.To)
	}
}

// Gaps are those told so far.
func (w *World) Gaps() (gaps []Gap) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for t := range w.gaps {
		gaps = append(gaps, t.gap)
	}
	return gaps
}

// Tellers are the nodes that have told a gap that ended after a time.
func (w *World) Tellers(after time.Time) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	nodes := map[string]bool{}
	for t := range w.gaps {
		if t.gap.To.After(after) {
			nodes[t.node] = true
		}
	}
	return len(nodes)
}

// Lives counts the connections that clients and publishers have had.
func (w *World) Lives() (n int64) {
	for _, c := range w.Clients {
		n += c.Lives.Load()
	}
	for _, p := range w.Publishers {
		n += p.Lives.Load()
	}
	return n
}

// Eventually ends the test when ok does not become true in time. It returns
// how long that took.
func (w *World) Eventually(what string, ok func() bool) time.Duration {
	w.t.Helper()
	began := time.Now()
	for !ok() {
		if time.Since(began) > w.opts.Patience {
			w.t.Fatalf("seed %d: after %s still not: %s", w.Seed, w.opts.Patience, what)
		}
		time.Sleep(2 * time.Millisecond)
	}
	return time.Since(began)
}

// AwaitClients waits until every client is in its rooms.
func (w *World) AwaitClients() time.Duration {
	w.t.Helper()
	return w.Eventually("every client is in its rooms", func() bool {
		for _, c := range w.Clients {
			if !c.in.Load() {
				return false
			}
		}
		return true
	})
}

// Recover waits until every client is in its rooms and has received something
// that was published since, and every publisher something that was taken.
func (w *World) Recover() time.Duration {
	w.t.Helper()
	began := time.Now()
	w.AwaitClients()
	got, taken := make([]int64, len(w.Clients)), make([]int64, len(w.Publishers))
	for i, c := range w.Clients {
		got[i] = c.Received.Load()
	}
	for i, p := range w.Publishers {
		taken[i] = p.Accepted.Load()
	}
	w.Eventually("messages flow to every client", func() bool {
		for i, c := range w.Clients {
			if c.Received.Load() <= got[i] {
				return false
			}
		}
		for i, p := range w.Publishers {
			if p.Accepted.Load() <= taken[i] {
				return false
			}
		}
		return true
	})
	return time.Since(began)
}

// Settle ends the load, waits until everything has arrived, and reports what
// the ledger has found, which has to be nothing.
func (w *World) Settle() *ledger.Report {
	w.t.Helper()
	report := w.Report()
	if err := report.Err(); err != nil {
		w.t.Errorf("seed %d: %v", w.Seed, err)
	}
	if report.Delivered == 0 {
		w.t.Errorf("seed %d: nothing was delivered, so nothing is proved", w.Seed)
	}
	w.t.Logf("seed %d: %s; %d gaps", w.Seed, report, len(w.Gaps()))
	return report
}

// Report is Settle without its demands.
func (w *World) Report() *ledger.Report {
	w.t.Helper()
	close(w.silent)
	w.loud.Wait()
	w.AwaitClients()
	report := w.Ledger.Check()
	for deadline := time.Now().Add(w.opts.Patience / 3); report.Violations[ledger.Missing] > 0 && time.Now().Before(deadline); {
		time.Sleep(50 * time.Millisecond) // it may still be on its way
		report = w.Ledger.Check()
	}
	w.end()
	return report
}

// end lets all clients go.
func (w *World) end() {
	w.once.Do(func() {
		close(w.stop)
		select {
		case <-w.silent:
		default:
			close(w.silent)
		}
		for _, c := range w.Clients {
			c.Cut()
		}
		w.loud.Wait()
		w.tasks.Wait()
	})
}
