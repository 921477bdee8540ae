package redisbroker

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/hearthws/hearth"
)

// settleTime is how long nothing is published when channels move from one node
// of a Cluster to another, so that what the old node has taken is everywhere
// before the new one takes more. The nodes of a Cluster forward at once.
const settleTime = 50 * time.Millisecond

// maxArena is the largest buffer that is kept for the next batch.
const maxArena = 4 << 20

// encoder publishes batches. It belongs to the publisher's goroutine.
type encoder struct {
	topology *topology
	prefix   string
	table    *table // of the last batch
	arena    []byte // channels and payloads of a batch; reused
	lanes    []lane
}

// lane is the part of a batch that goes to one node.
type lane struct {
	node     *node
	commands []rueidis.Completed
	items    []*item
	err      error // why the node failed
}

// publish sends a batch and finishes each of its items.
func (e *encoder) publish(ctx context.Context, batch []item) {
	table := e.topology.table.Load()
	if len(table.nodes) == 0 {
		finishAll(batch, table.err)
		return
	}
	if table != e.table {
		if e.table != nil && e.topology.options.Cluster && !sleep(ctx, settleTime) {
			finishAll(batch, hearth.ErrClosed)
			return
		}
		e.table = table
		e.lanes = make([]lane, len(table.nodes))
		for i, n := range table.nodes {
			e.lanes[i].node = n
		}
	}
	e.encode(batch)
	e.send()
}

// encode fills the lanes.
func (e *encoder) encode(batch []item) {
	for i := range batch {
		it := &batch[i]
		if it.session.calls.Closed() {
			it.finish(hearth.ErrClosed)
			continue
		}
		start := len(e.arena)
		e.arena = append(e.arena, e.prefix...)
		e.arena = append(e.arena, it.env.Channel()...)
		channel := e.arena[start:]
		if it.env.Epoch == "" {
			it.env.Epoch, it.env.Seq = it.session.numbers.next(channel[len(e.prefix):])
		}
		start = len(e.arena)
		e.arena = it.env.AppendJSON(e.arena)
		payload := e.arena[start:]

		lane := &e.lanes[0]
		if len(e.lanes) > 1 {
			n := choose(e.table.nodes, hashOf(channel))
			lane = &e.lanes[slices.Index(e.table.nodes, n)]
		}
		lane.items = append(lane.items, it)
		lane.commands = append(lane.commands, lane.node.client.B().Publish().
			Channel(rueidis.BinaryString(channel)).Message(rueidis.BinaryString(payload)).Build())
	}
}

// send sends all lanes at once and empties them.
func (e *encoder) send() {
	var others sync.WaitGroup
	for i := 1; i < len(e.lanes); i++ {
		if l := &e.lanes[i]; len(l.items) > 0 {
			others.Go(func() { l.send(e.topology) })
		}
	}
	if l := &e.lanes[0]; len(l.items) > 0 {
		l.send(e.topology)
	}
	others.Wait()

	reusable := cap(e.arena) <= maxArena
	for i := range e.lanes {
		l := &e.lanes[i]
		clear(l.items)
		l.items = l.items[:0]
		if l.err == nil {
			l.commands = l.commands[:0]
			continue
		}
		// After a failure the library's writer may still read what it was given.
		l.commands, l.err = nil, nil
		reusable = false
	}
	if reusable {
		e.arena = e.arena[:0]
	} else {
		e.arena = nil
	}
}

func (l *lane) send(t *topology) {
	results := l.node.client.DoMulti(context.Background(), l.commands...)
	for i, r := range results {
		err := r.Error()
		switch {
		case err == nil:
		case r.NonRedisError() == nil:
			err = t.options.refused("publish", err)
		default:
			if l.err == nil {
				l.err = t.options.unavailable(err)
				t.fail(l.node, err)
			}
			err = l.err
		}
		l.items[i].finish(err)
	}
}
