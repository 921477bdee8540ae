package redisbroker

import (
	"sync"
	"time"
)

// work is what the subscriber has to look at: entries of which Redis does not
// know what is wanted, and parked ones that linger without anybody needing
// them. It is safe for concurrent use; an entry's shard may be locked.
type work struct {
	wake chan struct{} // has an element when there may be entries

	mu      sync.Mutex
	entries []*entry
	parked  []parked // in the order of time, since all linger equally long
}

type parked struct {
	entry *entry
	until time.Time
}

func newWork() work { return work{wake: make(chan struct{}, 1)} }

func (w *work) add(e *entry) {
	w.mu.Lock()
	w.entries = append(w.entries, e)
	w.mu.Unlock()
	w.signal()
}

func (w *work) signal() { signal(w.wake) }

// take moves all entries to the end of dst.
func (w *work) take(dst []*entry) []*entry {
	w.mu.Lock()
	defer w.mu.Unlock()
	dst = append(dst, w.entries...)
	clear(w.entries)
	w.entries = w.entries[:0]
	return dst
}

// park keeps an entry for expired to find.
func (w *work) park(e *entry, until time.Time) {
	w.mu.Lock()
	w.parked = append(w.parked, parked{e, until})
	first := len(w.parked) == 1
	w.mu.Unlock()
	if first {
		w.signal()
	}
}

// expired removes the entries that were parked until now, and tells when the
// next one is due; zero: none is parked.
func (w *work) expired(now time.Time) (entries []*entry, next time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.parked) > 0 {
		if first := w.parked[0]; first.until.After(now) {
			return entries, first.until
		}
		entries = append(entries, w.parked[0].entry)
		w.parked[0] = parked{}
		w.parked = w.parked[1:]
	}
	return entries, time.Time{}
}
