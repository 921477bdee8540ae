// Package ledger checks that a cluster delivers what it accepted: every
// message to everybody who should get it, once, in order, and to nobody else;
// or that somebody was told of the loss.
//
// Publishers log what they publish before they do, and the answer they get.
// Clients log when they were connected and in which rooms, and what they
// receive. Wrong deliveries are found as they are logged; missing ones when a
// membership ends, or in [Ledger.Check].
//
// Edges are uncertain: between asking to join and being sure of it a message
// may or may not arrive, and so between asking to leave and being sure. Users
// and broadcasts are rooms under names of the caller's choice, in which a
// client is while it is connected.
//
// A Ledger takes 10⁸ deliveries and more: a delivery leaves nothing behind
// but a moved cursor for each (client, room, publisher), and publications are
// forgotten once everybody is past them.
package ledger

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Options configure a [Ledger].
type Options struct {
	// InFlight is how long a message may be on its way after its publisher
	// was answered. What was published so shortly before a client began to
	// leave may miss it, and so shortly before it asked to join may reach it.
	// Default: 0, as on a single node.
	InFlight time.Duration

	// OrderPerRoom demands that the messages of one publisher keep their
	// order in each room only, not over all rooms. Default: false.
	OrderPerRoom bool
}

// Ledger is the log of one run. Its methods, and those of its publishers and
// clients, may be called concurrently.
type Ledger struct {
	// Static after construction
	opts  Options
	begin time.Time

	now       atomic.Int64 // the last tick
	published atomic.Int64
	delivered atomic.Int64

	mu struct {
		sync.RWMutex
		publishers map[string]*Publisher
		clients    map[string]*Client
		gaps       []gap
	}
	violations violations
}

// New returns an empty ledger.
func New(opts Options) *Ledger {
	l := &Ledger{opts: opts, begin: time.Now()}
	l.mu.publishers = map[string]*Publisher{}
	l.mu.clients = map[string]*Client{}
	return l
}

// tick is the time since the beginning in nanoseconds, or a little more: no
// two ticks are equal, so that what is logged is totally ordered even where
// the clock stands still.
func (l *Ledger) tick() int64 {
	for {
		last := l.now.Load()
		next := max(last+1, l.at(time.Now()))
		if l.now.CompareAndSwap(last, next) {
			return next
		}
	}
}

func (l *Ledger) at(t time.Time) int64 { return int64(t.Sub(l.begin)) }

// Publisher returns the publisher of a name, a new one at the first call.
func (l *Ledger) Publisher(name string) *Publisher {
	if p := l.publisher(name); p != nil {
		return p
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.mu.publishers[name]
	if p == nil {
		p = &Publisher{ledger: l, name: name}
		p.mu.streams = map[string]*stream{}
		l.mu.publishers[name] = p
	}
	return p
}

// publisher is nil when there is none of that name.
func (l *Ledger) publisher(name string) *Publisher {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.mu.publishers[name]
}

// Client returns the client of a name, a new one, which is not connected, at
// the first call.
func (l *Ledger) Client(name string) *Client {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.mu.clients[name]
	if c == nil {
		c = &Client{ledger: l, name: name}
		l.mu.clients[name] = c
	}
	return c
}

// gap is an interval in which a node may have missed messages.
type gap struct {
	node, room string
	from, to   int64
}

// Gap announces that node may have missed messages to room, or to any room
// when that is empty, from one time to another.
func (l *Ledger) Gap(node, room string, from, to time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.gaps = append(l.mu.gaps, gap{node, room, l.at(from), l.at(to)})
}

// announced reports whether a gap covers a publication that was published and
// accepted at the given ticks: whether it may have been passed on within the gap.
// There is no allowance, since a gap is to say from when on messages are missing.
func (l *Ledger) announced(node, room string, published, accepted int64) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, g := range l.mu.gaps {
		if g.node == node && (g.room == "" || g.room == room) &&
			published <= g.to && accepted >= g.from {
			return true
		}
	}
	return false
}

// trimEvery is the number of publications between two trims.
const trimEvery = 1 << 16

// trim forgets the publications that every member of their room is past, and
// nobody who joins later can get.
func (l *Ledger) trim() {
	horizon := l.tick() - int64(l.opts.InFlight)
	keep := map[*stream]int{}
	for _, p := range l.publishers() {
		for _, s := range p.all() {
			keep[s] = s.after(horizon)
		}
	}
	for _, c := range l.clients() {
		c.retain(keep)
	}
	for s, index := range keep {
		s.drop(index)
	}
}

func (l *Ledger) publishers() []*Publisher {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return slices.Collect(maps.Values(l.mu.publishers))
}

func (l *Ledger) clients() []*Client {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return slices.Collect(maps.Values(l.mu.clients))
}
