package redisbroker

import (
	"context"
	"sync"

	"github.com/hearthws/hearth"
)

// Bounds of one batch. A batch is answered as a whole, so it must be short
// enough to fit into WriteTimeout on a slow line.
const (
	maxBatch      = 512
	maxBatchBytes = 1 << 20
)

// item is an envelope on its way to Redis.
type item struct {
	env     hearth.Envelope
	done    func(error)
	session *session
	size    int64
}

// finish tells the item's publisher what became of it.
func (it *item) finish(err error) {
	if err != nil && it.session.calls.Closed() {
		err = hearth.ErrClosed // whatever failed since then
	}
	if err == nil {
		it.session.published.Add(1)
	} else {
		it.session.failed.Add(1)
	}
	it.done(err)
	it.session.calls.Leave()
}

// publisher is the queue of what is to be published, and the goroutine that
// empties it.
type publisher struct {
	// Static after construction.
	topology *topology
	limit    int64
	wake     chan struct{}

	mu      sync.Mutex
	items   []item
	bytes   int64 // of what is not answered yet
	idle    bool  // the goroutine waits for wake
	stopped bool

	// Owned by the goroutine.
	encoder encoder
}

func newPublisher(t *topology) *publisher {
	return &publisher{
		topology: t, limit: t.options.QueueBytes, wake: make(chan struct{}, 1),
		encoder: encoder{topology: t, prefix: t.options.Prefix},
	}
}

// add queues an item, or says why not.
func (p *publisher) add(it item) error {
	if t := p.topology.table.Load(); len(t.nodes) == 0 {
		return t.err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.stopped:
		return hearth.ErrClosed
	case p.bytes >= p.limit:
		return hearth.ErrBrokerOverloaded
	}
	p.items = append(p.items, it)
	p.bytes += it.size
	if p.idle {
		p.idle = false
		signal(p.wake)
	}
	return nil
}

// run publishes until ctx ends; what is left then was not published.
func (p *publisher) run(ctx context.Context) {
	var items []item
	for {
		items = p.take(ctx, items)
		if items == nil {
			return
		}
		for rest := items; len(rest) > 0; {
			n := batchLength(rest)
			batch := rest[:n]
			rest = rest[n:]
			if ctx.Err() != nil {
				finishAll(batch, hearth.ErrClosed)
			} else {
				p.encoder.publish(ctx, batch)
			}
			p.answered(batch)
		}
	}
}

// take waits for items and returns all of them; nil when ctx has ended and
// nothing will be queued any more. The items taken before are reused.
func (p *publisher) take(ctx context.Context, before []item) []item {
	before = reusable(before)
	for {
		p.mu.Lock()
		p.stopped = ctx.Err() != nil
		p.idle = len(p.items) == 0
		if !p.idle {
			items := p.items
			p.items = before
			p.mu.Unlock()
			return items
		}
		stopped := p.stopped
		p.mu.Unlock()
		if stopped {
			return nil
		}
		select {
		case <-p.wake:
		case <-ctx.Done():
		}
	}
}

// answered gives back the room that a batch took in the queue.
func (p *publisher) answered(batch []item) {
	var bytes int64
	for i := range batch {
		bytes += batch[i].size
	}
	p.mu.Lock()
	p.bytes -= bytes
	p.mu.Unlock()
}

// drop removes what s has queued. Batches under way are not touched.
func (p *publisher) drop(s *session) {
	p.mu.Lock()
	var dropped, kept []item
	for _, it := range p.items {
		if it.session == s {
			dropped = append(dropped, it)
			p.bytes -= it.size
		} else {
			kept = append(kept, it)
		}
	}
	p.items = kept
	p.mu.Unlock()
	finishAll(dropped, hearth.ErrClosed)
}

func (p *publisher) queued() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bytes
}

// maxKept is the longest queue of which the memory is used again.
const maxKept = 8192

// reusable is a slice's memory for the next elements, or nil after a burst.
func reusable[T any](s []T) []T {
	if cap(s) > maxKept {
		return nil
	}
	clear(s)
	return s[:0]
}

func finishAll(items []item, err error) {
	for i := range items {
		items[i].finish(err)
	}
}

// batchLength is how many items make one batch.
func batchLength(items []item) int {
	var bytes int64
	for i := range items {
		if bytes += items[i].size; i > 0 && bytes > maxBatchBytes || i == maxBatch {
			return i
		}
	}
	return len(items)
}
