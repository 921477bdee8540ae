package hearth

import (
	"encoding/json"
	"slices"
	"sync"
	"time"
)

// crew is the goroutines on which clients' hooks run: as few as get along
// without waiting. One takes jobs as long as there are any; whenever it leaves
// some behind, another is woken, which finds them there if the first is held up
// in a hook, and goes idle again if not. So hooks that return at once run one
// after the other without a change of goroutine, and one that blocks stops
// nobody else's. The idle stay for a moment: a new goroutine would have to grow
// its stack first, which costs a sixth of an echo.
type crew struct {
	// Guarded by mu.
	mu      sync.Mutex
	jobs    []job
	taken   int  // so many of jobs, the oldest, which are first
	seeking bool // a goroutine is on its way to jobs
	idle    []wake
	unused  int         // how many of idle were never needed since the last look
	timer   *time.Timer // looks after idle; nil: none are
	closed  bool

	hands sync.WaitGroup
}

// wake makes an idle goroutine look for jobs, or end when it is closed.
type wake chan struct{}

// job is a client whose hooks are due.
type job struct {
	client      *Client
	credentials json.RawMessage // not nil: it is to be authenticated first
}

// What a crew keeps.
const (
	idleHands = 256
	idleFor   = time.Second // between two looks; half of what was not needed goes
	jobsKept  = 4096
)

// run does j on a goroutine. It does not wait.
func (w *crew) run(j job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.jobs) == cap(w.jobs) && w.taken > len(w.jobs)/2 {
		w.jobs, w.taken = slices.Delete(w.jobs, 0, w.taken), 0
	}
	w.jobs = append(w.jobs, j)
	w.seekLocked()
}

// seekLocked sees to it that a goroutine is on its way to jobs: the last that
// became idle, if there is one.
func (w *crew) seekLocked() {
	if w.seeking {
		return
	}
	w.seeking = true
	n := len(w.idle)
	if n == 0 {
		w.hands.Add(1)
		go w.work()
		return
	}
	w.idle[n-1] <- struct{}{}
	w.idle[n-1] = nil
	w.idle = w.idle[:n-1]
	w.unused = min(w.unused, n-1)
}

// work is one goroutine.
func (w *crew) work() {
	defer w.hands.Done()
	me := make(wake, 1)
	for woken := true; woken; _, woken = <-me {
		for j, ok := w.take(true); ok; j, ok = w.take(false) {
			if j.credentials != nil {
				j.client.authenticate(j.credentials)
			}
			j.client.run()
		}
		if !w.rest(me) {
			return
		}
	}
}

// take is the next job, if there is one; arrived is true for a goroutine that
// was on its way.
func (w *crew) take(arrived bool) (j job, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if arrived {
		w.seeking = false
	}
	if w.taken == len(w.jobs) {
		return job{}, false
	}
	j, w.jobs[w.taken] = w.jobs[w.taken], job{}
	if w.taken++; w.taken < len(w.jobs) {
		w.seekLocked()
		return j, true
	}
	if w.jobs, w.taken = w.jobs[:0], 0; cap(w.jobs) > jobsKept {
		w.jobs = nil
	}
	return j, true
}

// rest puts a goroutine among the idle, if it is to stay.
func (w *crew) rest(me wake) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || len(w.idle) == idleHands {
		return false
	}
	w.idle = append(w.idle, me)
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
	for _, me := range w.idle[:n] {
		close(me)
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
	for _, me := range w.idle {
		close(me)
	}
	w.idle, w.unused = nil, 0
}
