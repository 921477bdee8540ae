package redisbroker

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// topologyInterval is how often the client library looks for nodes that came
// or went, or for another master, besides when a connection ends.
const topologyInterval = 5 * time.Second

// table is the nodes that work. It is replaced, never changed.
type table struct {
	nodes []*node // sorted by address
	err   error   // why there are none; wraps hearth.ErrBrokerUnavailable
}

// topology knows which nodes there are and which of them work. It looks for
// those that do not.
type topology struct {
	// Static after construction.
	ctx     context.Context
	options *Options
	conns   *connections
	changed func()        // the table is another one
	suspect chan struct{} // see suspectAll

	table atomic.Pointer[table]

	mu     sync.Mutex
	client rueidis.Client   // nil until there is one
	known  map[string]*node // by address
	closed bool
	tasks  sync.WaitGroup
}

func newTopology(ctx context.Context, options *Options, conns *connections, changed func()) *topology {
	t := &topology{
		ctx: ctx, options: options, conns: conns, changed: changed,
		suspect: make(chan struct{}, 1), known: make(map[string]*node),
	}
	t.table.Store(&table{err: options.unavailable(errNotYet)})
	return t
}

// start connects, and keeps connected until close. probe is the channel of
// the probes.
func (t *topology) start(probe string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.spawnLocked(t.connect)
	t.spawnLocked(func() { t.watch(probe) })
}

// spawnLocked runs f unless the topology is closed.
func (t *topology) spawnLocked(f func()) {
	if !t.closed {
		t.tasks.Go(f)
	}
}

// close returns when nothing of t runs. Its context must have ended.
func (t *topology) close() {
	t.mu.Lock()
	t.closed = true
	client := t.client
	t.mu.Unlock()
	t.tasks.Wait()
	if client != nil {
		client.Close()
	}
}

// connect makes the client, which finds its way back to Redis by itself once
// it exists.
func (t *topology) connect() {
	for attempt := 0; sleep(t.ctx, backoff(attempt)); attempt++ {
		client, err := rueidis.NewClient(t.options.clientOption(t.conns))
		if err != nil {
			if client != nil {
				client.Close()
			}
			t.explain(err)
			continue
		}
		t.mu.Lock()
		closed := t.closed
		if !closed {
			t.client = client
		}
		t.mu.Unlock()
		if closed {
			client.Close()
			return
		}
		t.refresh()
		return
	}
}

// clients are the client library's clients by address.
func (t *topology) clients() map[string]rueidis.Client {
	t.mu.Lock()
	client := t.client
	t.mu.Unlock()
	switch {
	case client == nil:
		return nil
	case t.options.Cluster:
		return client.Nodes()
	}
	// The client of a Sentinel's master stays the same when the master changes.
	return map[string]rueidis.Client{"": client}
}

// refresh takes note of nodes that came and of nodes that are gone.
func (t *topology) refresh() {
	clients := t.clients()
	t.mu.Lock()
	for addr := range clients {
		if _, ok := t.known[addr]; !ok {
			t.known[addr] = nil
			t.spawnLocked(func() { t.revive(addr) })
		}
	}
	left := false
	for addr, n := range t.known {
		if _, ok := clients[addr]; !ok {
			delete(t.known, addr)
			if n != nil {
				t.removeLocked(n, errNodeLeft)
				left = true
			}
		}
	}
	t.mu.Unlock()
	if left {
		t.changed()
	}
}

// fail takes a node out of the table, and looks for it until it is back.
func (t *topology) fail(n *node, cause error) {
	t.mu.Lock()
	failed := t.known[n.addr] == n // or somebody else has noticed before
	if failed {
		t.known[n.addr] = nil
		t.removeLocked(n, cause)
		t.spawnLocked(func() { t.revive(n.addr) })
	}
	t.mu.Unlock()
	if failed {
		t.changed()
	}
}

func (t *topology) removeLocked(n *node, cause error) {
	nodes := slices.DeleteFunc(slices.Clone(t.table.Load().nodes), func(other *node) bool { return other == n })
	t.table.Store(&table{nodes: nodes, err: t.options.unavailable(cause)})
}

// explain keeps the latest reason for which there are no nodes.
func (t *topology) explain(cause error) {
	t.mu.Lock()
	empty := len(t.table.Load().nodes) == 0
	if empty {
		t.table.Store(&table{err: t.options.unavailable(cause)})
	}
	t.mu.Unlock()
	if empty {
		t.changed()
	}
}

// revive puts a node into the table as soon as it answers.
func (t *topology) revive(addr string) {
	for attempt := 0; sleep(t.ctx, backoff(attempt)); attempt++ {
		client, ok := t.clients()[addr]
		if !ok {
			return // refresh forgets it
		}
		if err := ping(t.ctx, client, t.options.DialTimeout); err != nil {
			t.explain(err)
			continue
		}
		t.admit(newNode(addr, client))
		return
	}
}

// admit puts a node into the table.
func (t *topology) admit(n *node) {
	t.mu.Lock()
	before, wanted := t.known[n.addr]
	wanted = wanted && before == nil
	if wanted {
		t.known[n.addr] = n
		nodes := append(slices.Clone(t.table.Load().nodes), n)
		slices.SortFunc(nodes, func(a, b *node) int { return cmp.Compare(a.addr, b.addr) })
		t.table.Store(&table{nodes: nodes})
	}
	t.mu.Unlock()
	if wanted {
		t.changed()
	}
}

// pick is where to subscribe: a node that works, chosen by key so that
// processes spread over a Cluster, and not the one to avoid if there is another.
func (t *topology) pick(key uint64, avoid string) (addr string, client rueidis.Client) {
	working := t.table.Load().nodes
	others := slices.DeleteFunc(slices.Clone(working), func(n *node) bool { return n.addr == avoid })
	for _, nodes := range [][]*node{others, working} {
		if n := choose(nodes, key); n != nil {
			return n.addr, n.client
		}
	}
	for addr, client := range t.clients() {
		return addr, client
	}
	return "", nil
}
