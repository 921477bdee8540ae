package transport

import "math/bits"

// checkGrowth looks at the total within a turn when much was queued in it.
func (l *Loop) checkGrowth(added int64) {
	if l.unchecked += added; l.unchecked >= l.growth() {
		l.checkTotal()
	}
}

// growthChecks is how often the total is looked at while loops queue as much as
// MaxQueuedBytes.
const growthChecks = 32

func (l *Loop) growth() int64 {
	return l.engine.cfg.MaxQueuedBytes / growthChecks / int64(len(l.engine.loops))
}

// shedAt is the part of MaxQueuedBytes that is left when the longest queues begin
// to count as over their limit.
const shedAt = 8

// checkTotal marks the longest queues as over their limit when all together come
// close to MaxQueuedBytes. The closer they are, the shorter is a queue that counts
// as long, down to any at the limit itself: who reads is not refused what others
// take up who do not.
func (l *Loop) checkTotal() {
	l.unchecked = 0
	limit, mine := l.engine.cfg.MaxQueuedBytes, l.queued.Load()
	left := max(limit-l.engine.Queued(), 0)
	if mine == 0 || left > limit/shedAt {
		l.shedding = 0
		return
	}
	// To look at every connection in every turn would let those who do not read
	// cost the others time.
	if l.shedding = min(l.shedding, mine); l.shedding > 0 && mine-l.shedding < l.growth() {
		return
	}
	l.shedding = mine
	// Queues that do not count as long hold half of the limit at first, in all loops.
	share := left * shedAt / 2 / int64(len(l.engine.loops))
	if mine <= share {
		return
	}
	most := l.longest(share)
	for _, c := range l.conns {
		if c != nil && c.queued.Load() > most {
			c.shed.Store(true)
		}
	}
}

// longest is a length of queues so that all together, if none were longer, would
// hold no more than so many bytes: a power of 2, or 0.
func (l *Loop) longest(bytes int64) int64 {
	var count, sum [64]int64 // of queues by the number of bits of their length
	above := int64(0)        // queues that are longer
	for _, c := range l.conns {
		if c == nil {
			continue
		}
		if n := c.queued.Load(); n > 0 {
			b := bits.Len64(uint64(n - 1)) // up to 1 << b
			count[b]++
			sum[b] += n
			above++
		}
	}
	held := int64(0)
	for b := range count {
		held += sum[b]
		above -= count[b]
		if held+above<<b > bytes {
			return 1 << b >> 1 // below that of b
		}
	}
	return 1 << 62
}
