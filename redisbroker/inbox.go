package redisbroker

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/hearthws/hearth"
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
}

// received is one payload as it came.
type received struct {
	topic   string
	payload string
}

// receivedOverhead is what a payload takes besides its bytes.
const receivedOverhead = 64

func (r *received) size() int64 { return int64(len(r.topic) + len(r.payload) + receivedOverhead) }

// overflow is what was dropped since the last gap.
type overflow struct {
	count    int64
	channel  string // "" for more than one
	from, to time.Time
}

func newInbox(l *link) *inbox {
	return &inbox{link: l, limit: l.options.InboxBytes, wake: make(chan struct{}, 1)}
}

// add queues a payload, or drops it. It does not wait.
func (b *inbox) add(topic, payload string) {
	r := received{topic: topic, payload: payload}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bytes.Load() >= b.limit {
		b.dropped.add(topic, time.Now())
	} else {
		b.queue = append(b.queue, r)
		b.bytes.Add(r.size())
	}
	if b.idle {
		b.idle = false
		b.wake <- struct{}{}
	}
}

func (o *overflow) add(topic string, now time.Time) {
	if o.count == 0 {
		o.channel, o.from = topic, now
	} else if o.channel != topic {
		o.channel = ""
	}
	o.count++
	o.to = now
}

// run delivers what is queued until ctx ends.
func (b *inbox) run(ctx context.Context) {
	d := dispatcher{link: b.link}
	var batch []received
	for ctx.Err() == nil {
		var dropped overflow
		batch, dropped = b.take(ctx, batch)
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
	}
}

// take waits for payloads and returns all of them, and what was dropped
// behind them. The payloads taken before are reused.
func (b *inbox) take(ctx context.Context, before []received) ([]received, overflow) {
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
		case <-ctx.Done():
			return nil, overflow{}
		}
	}
}

// dispatcher decodes payloads and hands them to the sessions. It belongs to
// the inbox's goroutine.
type dispatcher struct {
	link     *link
	sessions []*session
}

func (d *dispatcher) dispatch(r *received) {
	d.sessions = d.link.interest.receivers(d.sessions[:0], r.topic)
	if len(d.sessions) == 0 {
		return // nobody wants it any more
	}
	// The library made the payload for this message alone, and nobody changes
	// an envelope.
	env, err := hearth.ParseEnvelope(unsafe.Slice(unsafe.StringData(r.payload), len(r.payload)))
	if err != nil {
		d.link.malformed(r.topic, err)
		return
	}
	for _, s := range d.sessions {
		s.deliver(env)
	}
}
