//go:build unix

package chaos

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Latencies counts how long messages took, to a sixteenth of each. Its methods
// may be called concurrently.
type Latencies struct {
	buckets [64 * 16]atomic.Int64
}

// bucket has values of the same highest bit and the four bits behind it.
func bucket(ns uint64) int {
	if ns < 16 {
		return int(ns)
	}
	shift := bits.Len64(ns) - 5
	return (shift+1)*16 + int(ns>>shift)&15
}

// limit is the lowest value of the next bucket.
func limit(bucket int) uint64 {
	if bucket < 16 {
		return uint64(bucket) + 1
	}
	return uint64(bucket&15+17) << (bucket/16 - 1)
}

func (l *Latencies) add(d time.Duration) { l.buckets[bucket(uint64(max(d, 0)))].Add(1) }

// Reset forgets everything.
func (l *Latencies) Reset() {
	for i := range l.buckets {
		l.buckets[i].Store(0)
	}
}

// Quantile is a duration that the share q of all did not exceed, and how many
// there were.
func (l *Latencies) Quantile(q float64) (time.Duration, int64) {
	var all int64
	for i := range l.buckets {
		all += l.buckets[i].Load()
	}
	var seen int64
	for i := range l.buckets {
		if seen += l.buckets[i].Load(); all > 0 && float64(seen) >= q*float64(all) {
			return time.Duration(limit(i)), all
		}
	}
	return 0, all
}
