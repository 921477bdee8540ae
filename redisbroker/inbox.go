package redisbroker

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// inbox is the queue between the subscriber's connection and the sessions, and
// the goroutine that empties it. The connection's reader must never wait, or
// Redis would cut it off, so what does not fit is dropped, which is a gap.
type inbox struct {
	// Static after construction.
	link  *link
	limit int64
	wake  chan struct{}

	bytes atomic.Int64 // of what is not yet delivered

	mu      sync.Mutex
	queue   []received
	idle    bool // the goroutine waits for wake
	dropped overflow
	broken  bool // what is queued next does not follow what was queued last
}

// received is what came: a payload, or the end of a subscription.
type received struct {
	channel string
	topic   string // that the channel is subscribed by
	payload string
	alive   moment // when everything was last known to arrive
	ended   bool   // the channel's subscription did; there is no payload
	broken  bool   // what came before it may be missing
}

// receivedOverhead is what a payload takes besides its bytes.
const receivedOverhead = 96

func (r *received) size() int64 { return int64(len(r.channel) + len(r.payload) + receivedOverhead) }

// overflow is what was dropped since the last gap.
type overflow struct {
	count   int64
	channel string // "" for more than one
	from    moment
	to      time.Time
}

func newInbox(l *link) *inbox {
	return &inbox{link: l, limit: l.options.InboxBytes, wake: make(chan struct{}, 1)}
}

// add queues what came, or drops it. It does not wait.
func (b *inbox) add(r received) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bytes.Load() >= b.limit {
		b.broken = true
		if !r.ended {
			b.dropped.add(&r)
		}
	} else {
		r.broken, b.broken = b.broken, false
		b.queue = append(b.queue, r)
		b.bytes.Add(r.size())
	}
	if b.idle {
		b.idle = false
		signal(b.wake) // which may have an element from before
	}
}

// interrupt says that what comes next is from another connection.
func (b *inbox) interrupt() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = true
}

func (o *overflow) add(r *received) {
	if o.count == 0 {
		o.channel, o.from = r.channel, r.alive
	} else if o.channel != r.channel {
		o.channel = ""
	}
	o.count++
	o.to = time.Now()
}

// run delivers what is queued until ctx ends.
func (b *inbox) run(ctx context.Context) {
	d := newDispatcher(b.link)
	defer d.later.Stop()
	var batch []received
	for ctx.Err() == nil {
		var dropped overflow
		batch, dropped = b.take(ctx, batch, d.later.C)
		for i := range batch {
			if ctx.Err() != nil {
				return
			}
			d.dispatch(&batch[i])
			b.bytes.Add(-batch[i].size())
		}
		if dropped.count > 0 {
			b.link.overflowed(&dropped)
		}
		d.report(time.Now())
	}
}

// take waits for what comes and returns all of it, and what was dropped among
// or behind it; nothing, when later says so. What was taken before is reused.
func (b *inbox) take(ctx context.Context, before []received, later <-chan time.Time) ([]received, overflow) {
	before = reusable(before)
	for {
		b.mu.Lock()
		if len(b.queue) > 0 || b.dropped.count > 0 {
			batch, dropped := b.queue, b.dropped
			b.queue, b.dropped = before, overflow{}
			b.mu.Unlock()
			return batch, dropped
		}
		b.idle = true
		b.mu.Unlock()
		select {
		case <-b.wake:
		case <-later:
			return before, overflow{}
		case <-ctx.Done():
			return nil, overflow{}
		}
	}
}
