package transport

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hearthws/hearth/internal/frame"
)

// Loop owns connections and carries out operations on them, in turns: it
// reads all sockets that are ready, executes what was posted, and then writes
// once to every socket that got something.
//
// It runs on a goroutine of its own. Until it serves its first socket by
// epoll, that goroutine exists only while there are operations.
type Loop struct {
	// Static after construction.
	engine *Engine
	index  int

	// Guarded by mu.
	mu      sync.Mutex
	posted  []Op
	offered int64 // bytes of frames for groups in posted, see Offer
	running bool  // the goroutine exists
	stopped bool  // by Shutdown: it ends once nothing is posted, and nothing can be
	poller  *poller

	// sleeping is set while the loop is parked and has to be woken.
	sleeping atomic.Bool

	// Owned by the loop's goroutine.
	polling   *poller // poller as of this turn
	conns     []*Conn // by slot; nil: free
	free      []int32 // slots
	nextGen   uint32
	reader    *frame.Reader   // for sockets that are not within a message
	readers   []*frame.Reader // for those that are
	readBuf   []byte
	spare     []Op    // the other buffer of posted
	ops       []Op    // taken from posted
	opsAt     int     // ops before this were carried out
	direct    []*Conn // dirty, with frames of their own
	bulk      []*Conn // dirty, with frames of groups only
	bulkAt    int     // bulk before this was flushed
	batch     batch
	joining   []*Frame // scratch of sendGroup
	queues    queuePool
	dead      []*Conn // sockets to close at the end of the turn
	linger    []lingering
	unchecked int64     // bytes queued for groups since the total was looked at
	shedding  int64     // bytes queued when the longest queues were looked for; 0: there was no need
	checked   time.Time // when connections were looked at for silence
	yield     bool      // a handler may have started a goroutine

	// Atomics: written by the loop, but queued and drops, which Admit changes.
	queued atomic.Int64
	drops  dropCounters
	count  atomic.Int64 // open connections
	untidy atomic.Bool  // there are connections, or something is left of them
	stats  counters
}

func newLoop(e *Engine, index int) *Loop {
	return &Loop{engine: e, index: index, reader: new(frame.Reader)}
}

// Post executes ops one after the other on the loop, behind everything that
// was posted before. It never blocks.
func (l *Loop) Post(ops ...Op) { l.PostWith(nil, ops...) }

// PostWith is Post, and calls commit, if not nil, at the very moment at which
// the order of ops is decided: what anybody posts after having seen its effect
// comes after ops, and what ops cause is seen by nobody before it. commit runs
// under the lock of the loop's queue.
func (l *Loop) PostWith(commit func(), ops ...Op) {
	l.mu.Lock()
	if commit != nil {
		commit()
	}
	l.postLocked(ops...)
}

// postLocked appends ops and lets go of mu.
func (l *Loop) postLocked(ops ...Op) {
	if l.stopped {
		l.mu.Unlock()
		for i := range ops {
			l.drop(&ops[i])
		}
		return
	}
	l.posted = append(l.posted, ops...)
	started := l.startLocked()
	l.mu.Unlock()
	if started {
		return
	}
	if l.sleeping.CompareAndSwap(true, false) {
		l.poller.wake()
	}
}

// Offer is Post for a frame to a group, of which no limit of a connection
// knows before it is carried out. It returns false, and does nothing, while the
// loop is behind by its share of Config.MaxQueuedBytes.
func (l *Loop) Offer(op Op) bool {
	l.mu.Lock()
	if l.offered >= l.engine.cfg.MaxQueuedBytes/int64(len(l.engine.loops)) {
		l.mu.Unlock()
		l.drops.behind.Add(1)
		return false
	}
	l.offered += op.frame.Len() + opSize
	l.postLocked(op)
	return true
}

// opSize is what an operation and the rest of a frame take, in bytes.
const opSize = 256

// startLocked starts the goroutine if there is none.
func (l *Loop) startLocked() bool {
	if l.running {
		return false
	}
	l.running = true
	l.engine.running.Add(1)
	go l.run()
	return true
}

// startPolling makes the loop wait for sockets from now on.
func (l *Loop) startPolling() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.poller != nil {
		return nil
	}
	if l.stopped {
		return ErrClosed
	}
	p, err := newPoller(&l.engine.cfg)
	if err != nil {
		return err
	}
	l.poller = p
	l.startLocked()
	return nil
}

// run is the loop's goroutine.
func (l *Loop) run() {
	defer l.engine.running.Done()
	for l.wait() {
		began := time.Now()
		ready := l.readReady(began)
		if l.yield {
			// The handlers' goroutines post what they have before it is written.
			l.yield = false
			runtime.Gosched()
		}
		l.drain()
		done := l.execute()
		l.flushAll()
		l.closeDead()
		if ready+done > 0 {
			l.stats.turn(time.Since(began), done)
			l.checkTotal()
		}
	}
}

// wait returns when there is work, and false when the goroutine has to end.
func (l *Loop) wait() bool {
	l.mu.Lock()
	p := l.poller
	work := len(l.posted) > 0 || len(l.ops) > 0 || len(l.direct) > 0 || l.bulkAt < len(l.bulk)
	if !work && (p == nil || l.stopped) {
		l.running = false
		if p != nil {
			p.close()
		}
		l.mu.Unlock()
		return false
	}
	l.mu.Unlock()
	l.polling = p
	switch {
	case p == nil:
	case work:
		p.ready()
	default:
		p.park(l)
	}
	return true
}

// drain takes what was posted, unless there is still some of what it took
// before.
func (l *Loop) drain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.polling = l.poller // what is executed now may be the first socket
	if len(l.ops) > 0 || len(l.posted) == 0 {
		return
	}
	l.ops, l.posted, l.spare = l.posted, l.spare[:0], nil
	l.offered = 0
}

// drained follows when all of ops was carried out.
func (l *Loop) drained() {
	clear(l.ops)
	if cap(l.ops) <= 4096 {
		l.spare = l.ops[:0]
	}
	l.ops, l.opsAt = nil, 0
}

// pending reports whether there is a reason not to sleep: something is posted,
// or the loop has to end.
func (l *Loop) pending() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.posted) > 0 || l.stopped
}

// halt ends the loop's goroutine. All connections are gone by then; what is
// posted later is dropped.
func (l *Loop) halt() {
	l.mu.Lock()
	l.stopped = true
	p := l.poller
	if p != nil {
		l.startLocked() // it closes the poller
	}
	l.mu.Unlock()
	if l.sleeping.CompareAndSwap(true, false) {
		p.wake()
	}
}

// adopt gives c a slot.
func (l *Loop) adopt(c *Conn) {
	l.nextGen++
	c.gen = l.nextGen
	c.flags |= open
	if n := len(l.free); n > 0 {
		c.slot = l.free[n-1]
		l.free = l.free[:n-1]
		l.conns[c.slot] = c
	} else {
		c.slot = int32(len(l.conns))
		l.conns = append(l.conns, c)
	}
}

// disown takes the slot of c back.
func (l *Loop) disown(c *Conn) {
	c.flags &^= open
	l.conns[c.slot] = nil
	l.free = append(l.free, c.slot)
}

// Index is the loop's place among the engine's loops.
func (l *Loop) Index() int { return l.index }
