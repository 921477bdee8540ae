package redisbroker

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// table is the nodes that work. It is replaced, never changed.
type table struct {
	nodes []*node // sorted by address
	err   error   // why there are none; wraps hearth.ErrBrokerUnavailable
}

// topology knows which nodes there are, by way of its resolver, and which of
// them work. It looks for those that do not.
type topology struct {
	// Static after construction.
	ctx      context.Context
	options  *Options
	conns    *connections
	resolver resolver
	changed  func()        // is called when the table is another one
	suspect  chan struct{} // see suspectAll
	failed   chan struct{} // has an element when a node failed: there may be another one

	table    atomic.Pointer[table]
	noProbes atomic.Bool   // Redis does not allow them
	left     atomic.Uint64 // how often the resolver no longer named a node
	probes   atomic.Uint64 // the number of the last one

	mu      sync.Mutex
	known   map[string]*node // by address; nil: it is looked for
	untried map[string]bool  // of the first that were known, those not looked for yet
	closed  bool
	tasks   sync.WaitGroup
}

func newTopology(ctx context.Context, options *Options, conns *connections, changed func()) *topology {
	t := &topology{
		ctx: ctx, options: options, conns: conns, changed: changed,
		suspect: make(chan struct{}, 1), failed: make(chan struct{}, 1), known: make(map[string]*node),
	}
	t.resolver = newResolver(t)
	t.table.Store(&table{err: options.unavailable(errNotYet)})
	return t
}

// start connects, and keeps connected until close. probe is the channel of
// the probes.
func (t *topology) start(probe string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.spawnLocked(t.discover)
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
	t.mu.Unlock()
	t.tasks.Wait()
	for _, n := range t.known {
		if n != nil {
			n.client.Close()
		}
	}
}

// discover keeps known what the resolver says.
func (t *topology) discover() {
	defer t.resolver.close()
	for attempt := 0; ; attempt++ {
		addrs, err := t.resolver.resolve()
		wait := backoff(attempt + 1)
		if err != nil {
			t.explain(err)
		} else {
			t.update(addrs)
			attempt, wait = 0, t.resolver.interval()
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-t.failed:
			timer.Stop()
			wait = minBackoff // the others need a moment, too, to notice
			if !sleep(t.ctx, wait) {
				return
			}
		case <-t.ctx.Done():
			timer.Stop()
			return
		}
	}
}

// update looks for nodes that came, and lets go of those that are gone.
func (t *topology) update(addrs []string) {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return
	}
	first := t.untried == nil
	if first {
		t.untried = make(map[string]bool)
	}
	for _, addr := range addrs {
		if _, ok := t.known[addr]; !ok {
			t.known[addr] = nil
			if first {
				t.untried[addr] = true
			}
			t.spawnLocked(func() { t.revive(addr) })
		}
	}
	left := false
	for addr, n := range t.known {
		if !slices.Contains(addrs, addr) {
			delete(t.known, addr)
			delete(t.untried, addr)
			t.releaseLocked(n)
			left = true
		}
	}
	if left {
		t.left.Add(1)
		t.rebuildLocked(errNodeLeft)
	}
	t.mu.Unlock()
	if left {
		t.changed()
	}
}

// fail takes a node out of the table, and looks for it until it is back.
func (t *topology) fail(n *node, cause error) {
	t.mu.Lock()
	failed := t.known[n.addr] == n && !t.closed // else somebody has noticed before
	if failed {
		t.known[n.addr] = nil
		t.releaseLocked(n)
		t.rebuildLocked(cause)
		t.spawnLocked(func() { t.revive(n.addr) })
	}
	t.mu.Unlock()
	if failed {
		signal(t.failed)
		t.changed()
	}
}

// releaseLocked closes a node's client, which may take a second.
func (t *topology) releaseLocked(n *node) {
	if n != nil {
		t.spawnLocked(n.client.Close)
	}
}

// rebuildLocked makes the table anew. It stays empty until all of the first
// nodes were tried: with less than all, channels would belong to other nodes
// for a moment, and envelopes overtake each other.
func (t *topology) rebuildLocked(cause error) {
	next := &table{err: t.options.unavailable(cause)}
	for _, n := range t.known {
		if n != nil && len(t.untried) == 0 {
			next.nodes = append(next.nodes, n)
		}
	}
	slices.SortFunc(next.nodes, func(a, b *node) int { return cmp.Compare(a.addr, b.addr) })
	t.table.Store(next)
}

// explain keeps the latest reason for which there are no nodes.
func (t *topology) explain(cause error) {
	t.mu.Lock()
	empty := len(t.table.Load().nodes) == 0
	if empty {
		t.rebuildLocked(cause)
	}
	t.mu.Unlock()
	if empty {
		t.changed()
	}
}

// revive connects to a node, as soon as it answers.
func (t *topology) revive(addr string) {
	for attempt := 0; t.isKnown(addr) && sleep(t.ctx, backoff(attempt)); attempt++ {
		client, err := t.options.connect(t.conns, addr)
		t.mu.Lock()
		delete(t.untried, addr)
		t.mu.Unlock()
		if err != nil {
			t.explain(err)
			continue
		}
		n := newNode(addr, client)
		n.probes.begin(t.probes.Load())
		t.admit(n)
		return
	}
}

// isKnown reports whether a node is to be used.
func (t *topology) isKnown(addr string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.known[addr]
	return ok && !t.closed
}

// admit puts a node into the table.
func (t *topology) admit(n *node) {
	t.mu.Lock()
	before, wanted := t.known[n.addr]
	wanted = wanted && before == nil && !t.closed
	if wanted {
		t.known[n.addr] = n
		t.rebuildLocked(errNotYet)
	}
	t.mu.Unlock()
	if !wanted {
		n.client.Close()
		return
	}
	t.changed()
}

// pick is where to subscribe: a node that works, chosen by key so that
// processes spread over a Cluster, and not the one to avoid if there is
// another. Nil: there is none.
func (t *topology) pick(key uint64, avoid string) *node {
	nodes := t.table.Load().nodes
	others := slices.DeleteFunc(slices.Clone(nodes), func(n *node) bool { return n.addr == avoid })
	if n := choose(others, key); n != nil {
		return n
	}
	return choose(nodes, key)
}

// signal leaves an element in a channel that has room for one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
