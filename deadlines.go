package hearth

import (
	"sync"
	"time"
)

// deadlines calls expire for every client a fixed time after it was added. As
// the time is the same for all, they expire in the order of adding, and one
// timer serves them.
type deadlines struct {
	after  time.Duration
	expire func(*Client)
	began  time.Time

	// Guarded by mu.
	mu      sync.Mutex
	queue   []deadline
	timer   *time.Timer // runs while queue is not empty
	stopped bool
}

type deadline struct {
	client *Client
	at     time.Duration // since deadlines.began: half the size of a time.Time
}

func newDeadlines(after time.Duration, expire func(*Client)) *deadlines {
	return &deadlines{after: after, expire: expire, began: time.Now()}
}

func (d *deadlines) add(c *Client) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped {
		return
	}
	d.queue = append(d.queue, deadline{c, time.Since(d.began) + d.after})
	if len(d.queue) == 1 {
		d.timer = time.AfterFunc(d.after, d.fire)
	}
}

func (d *deadlines) fire() {
	now := time.Since(d.began)
	d.mu.Lock()
	due := 0
	for due < len(d.queue) && now >= d.queue[due].at {
		due++
	}
	expired := d.queue[:due:due]
	d.queue = d.queue[due:]
	if len(d.queue) == 0 {
		d.queue = nil
	} else if !d.stopped {
		d.timer = time.AfterFunc(d.queue[0].at-now, d.fire)
	}
	d.mu.Unlock()
	for _, e := range expired {
		d.expire(e.client)
	}
	clear(expired) // what is left of the queue lies in the same memory
}

func (d *deadlines) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopped = true
	if d.timer != nil {
		d.timer.Stop()
	}
	d.queue = nil
}
