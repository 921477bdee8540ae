package transport

import (
	"sync/atomic"
	"time"
)

// turnBounds are the upper bounds of the classes in which turns are counted;
// the last class has none.
var turnBounds = [...]time.Duration{
	100 * time.Microsecond, time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond,
}

// counters are written by the loop, and read by anybody.
type counters struct {
	turns       [len(turnBounds) + 1]atomic.Int64
	longest     atomic.Int64 // turn, nanoseconds
	deepest     atomic.Int64 // operations in one turn
	shortWrites atomic.Int64
	rescued     atomic.Int64
}

func (s *counters) turn(took time.Duration, ops int) {
	class := 0
	for class < len(turnBounds) && took > turnBounds[class] {
		class++
	}
	s.turns[class].Add(1)
	if int64(took) > s.longest.Load() {
		s.longest.Store(int64(took))
	}
	if int64(ops) > s.deepest.Load() {
		s.deepest.Store(int64(ops))
	}
}

// dropCounters count frames that were refused, see [Drops].
type dropCounters struct{ slow, shed, behind atomic.Int64 }

// Drops are frames that were refused, by reason.
type Drops struct {
	Slow   int64 // the connection was at BackpressureLimit
	Shed   int64 // all were at MaxQueuedBytes, and the connection had one of the longest queues
	Behind int64 // the loop had too much to carry out, see Offer
}

// LoopStats is a snapshot of a loop.
type LoopStats struct {
	Connections int64
	QueuedBytes int64
	Turns       []int64 // up to 100 µs, 1 ms, 5 ms, 20 ms, and longer
	LongestTurn time.Duration
	DeepestTurn int64 // operations in one turn
	ShortWrites int64 // the socket took less than it was given
	Drops       Drops
	Rescued     int64 // wake-ups that were missed; always 0
	Ring        bool  // writes are made by io_uring
}

// Stats is a snapshot.
func (l *Loop) Stats() LoopStats {
	s := LoopStats{
		Connections: l.count.Load(),
		QueuedBytes: l.queued.Load(),
		LongestTurn: time.Duration(l.stats.longest.Load()),
		DeepestTurn: l.stats.deepest.Load(),
		ShortWrites: l.stats.shortWrites.Load(),
		Drops:       Drops{l.drops.slow.Load(), l.drops.shed.Load(), l.drops.behind.Load()},
		Rescued:     l.stats.rescued.Load(),
	}
	l.mu.Lock()
	s.Ring = l.poller != nil && l.poller.batches()
	l.mu.Unlock()
	for i := range l.stats.turns {
		s.Turns = append(s.Turns, l.stats.turns[i].Load())
	}
	return s
}
