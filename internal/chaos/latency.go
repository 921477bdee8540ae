//go:build unix

package chaos

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// fine is how many parts of each power of 2 are told apart, for comparisons to
// some hundredths.
const (
	fineBits = 6
	fine     = 1 << fineBits
)

// Latencies counts how long messages took, to a 64th of each. Its methods may be
// called concurrently.
type Latencies struct {
	buckets [64 * fine]atomic.Int64
}

// bucket has values of the same highest bit and the six bits behind it.
func bucket(ns uint64) int {
	if ns < fine {
		return int(ns)
	}
	shift := bits.Len64(ns) - fineBits - 1
	return (shift+1)*fine + int(ns>>shift)&(fine-1)
}

// limit is the lowest value of the next bucket.
func limit(bucket int) uint64 {
	if bucket < fine {
		return uint64(bucket) + 1
	}
	return uint64(bucket&(fine-1)+fine+1) << (bucket/fine - 1)
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
