package hearth

import (
	"encoding/json"
	"sync"
	"time"
)

// crew is the goroutines on which clients' hooks run. One that is done stays
// for a moment: a new one would have to grow its stack first, which costs a
// fifth of an echo. Nobody waits for a goroutine: if none is free, another is
// started.
type crew struct {
	// Guarded by mu.
	mu     sync.Mutex
	idle   []*hand     // the last to become idle is the first to be used
	unused int         // how many of idle were never needed since the last look
	timer  *time.Timer // looks after idle; nil: none are
	closed bool

	hands sync.WaitGroup
}

// hand is one goroutine of a crew.
type hand struct {
	next chan job // closed: it ends
}

// job is a client whose hooks are due.
type job struct {
	client      *Client
	credentials json.RawMessage // not nil: it is to be authenticated first
}

// What a crew keeps.
const (
	idleHands = 256
	idleFor   = time.Second // between two looks; half of what was not needed goes
)

// run does j on a goroutine.
func (w *crew) run(j job) {
	w.mu.Lock()
	if n := len(w.idle); n > 0 {
		h := w.idle[n-1]
		w.idle[n-1] = nil
		w.idle = w.idle[:n-1]
		w.unused = min(w.unused, n-1)
		w.mu.Unlock()
		h.next <- j
		return
	}
	w.hands.Add(1)
	w.mu.Unlock()
	go w.work(&hand{next: make(chan job, 1)}, j)
}

func (w *crew) work(h *hand, j job) {
	defer w.hands.Done()
	for ok := true; ok; j, ok = <-h.next {
		if j.credentials != nil {
			j.client.authenticate(j.credentials)
		}
		j.client.run()
		if !w.rest(h) {
			return
		}
	}
}

// rest puts h among the idle, if it is to stay.
func (w *crew) rest(h *hand) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || len(w.idle) == idleHands {
		return false
	}
	w.idle = append(w.idle, h)
	if w.timer == nil {
		w.unused = len(w.idle)
		w.timer = time.AfterFunc(idleFor, w.trim)
	}
	return true
}

// trim ends half of those that were not needed, the longest idle first.
func (w *crew) trim() {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := (w.unused + 1) / 2
	for _, h := range w.idle[:n] {
		close(h.next)
	}
	w.idle = append(w.idle[:0], w.idle[n:]...)
	clear(w.idle[len(w.idle):cap(w.idle)])
	w.unused = len(w.idle)
	if w.timer = nil; w.unused > 0 {
		w.timer = time.AfterFunc(idleFor, w.trim)
	}
}

// close ends those that are idle, and the others once they are done.
func (w *crew) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.timer != nil {
		w.timer.Stop()
	}
	for _, h := range w.idle {
		close(h.next)
	}
	w.idle, w.unused = nil, 0
}
