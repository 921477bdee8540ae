package redisbroker

import (
	"sync/atomic"
	"time"
)

// Bounds of what the subscriber asks at once. Confirmations that are not read
// in time overrun Redis's output limit for subscribers, which then cuts the
// connection; and one very long command stalls everybody else at that server.
const (
	maxTopics  = 500
	maxFlights = 4
)

// batch is one command of the subscriber: topics and what to do with them.
type batch struct {
	kind    kind
	entries []*entry
	left    atomic.Int64 // not yet confirmed
}

// kind selects one of SUBSCRIBE, UNSUBSCRIBE, PSUBSCRIBE and PUNSUBSCRIBE.
type kind struct {
	subscribe bool
	pattern   bool
}

// nextBatch claims those of todo that make up one batch; nil when Redis knows
// all of them as they are wanted. The rest stays to be done.
func (in *interest) nextBatch(todo []*entry, connection uint64, pattern func(string) bool) (b *batch, rest []*entry) {
	rest = todo[:0]
	for i, e := range todo {
		if b != nil && len(b.entries) == maxTopics {
			rest = append(rest, todo[i:]...)
			break
		}
		var ok bool
		if b, ok = in.claim(b, e, connection, pattern(e.topic)); !ok {
			rest = append(rest, e)
		}
	}
	clear(todo[len(rest):])
	if b != nil {
		b.left.Store(int64(len(b.entries)))
	}
	return b, rest
}

// claim adds an entry to b, or to a new batch, if there is something to do for
// it. It reports false when that needs a batch of another kind.
func (in *interest) claim(b *batch, e *entry, connection uint64, pattern bool) (*batch, bool) {
	shard := in.shard(e.topic)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	e.refreshLocked(connection)
	if e.flight != nil {
		e.queued = false // its confirmation has the entry looked at
		return b, true
	}
	wanted := e.wantedLocked()
	if wanted == e.live || !wanted && e.parked {
		e.queued = false
		in.settleLocked(e)
		shard.releaseLocked(e)
		return b, true
	}
	k := kind{subscribe: wanted, pattern: pattern}
	if b == nil {
		b = &batch{kind: k}
	}
	if b.kind != k {
		return b, false
	}
	e.queued, e.live, e.flight = false, false, b
	b.entries = append(b.entries, e)
	return b, true
}

// confirm notes what Redis did with a topic. It reports the batch when this was
// its last one.
func (in *interest) confirm(topic string, subscribed bool) *batch {
	shard := in.shard(topic)
	shard.mu.Lock()
	e := shard.entries[topic]
	if e == nil || e.connection != in.connection.Load() || e.flight == nil {
		shard.mu.Unlock()
		return nil
	}
	b := e.flight
	e.flight, e.live = nil, subscribed
	if subscribed || !e.wantedLocked() {
		in.settleLocked(e)
	}
	var live []*waiter
	if subscribed {
		live, e.waiters = e.waiters, nil
		for _, r := range e.references {
			r.session.live.add(e.connection, 1)
		}
	}
	switch wanted := e.wantedLocked(); {
	case wanted && !subscribed, !wanted && subscribed && !e.parked:
		in.lookAtLocked(e)
	case !subscribed:
		shard.releaseLocked(e)
	}
	shard.mu.Unlock()
	for _, w := range live {
		w.release()
	}
	if b.left.Add(-1) > 0 {
		return nil
	}
	return b
}

// refuse notes that Redis does not do what a batch asks for an entry. It
// reports whether this was the batch's last one.
func (in *interest) refuse(b *batch, e *entry, err error) bool {
	shard := in.shard(e.topic)
	shard.mu.Lock()
	if e.flight != b {
		shard.mu.Unlock()
		return false
	}
	e.flight = nil
	in.settleLocked(e)
	var waiting []*waiter
	waiting, e.waiters = e.waiters, nil
	shard.releaseLocked(e)
	shard.mu.Unlock()
	for _, w := range waiting {
		w.finish(err)
	}
	return b.left.Add(-1) == 0
}

// settleLocked counts an entry as restored.
func (in *interest) settleLocked(e *entry) {
	if e.restoring {
		e.restoring = false
		in.restoring.Add(-1)
	}
}

// releaseLocked removes an entry that nobody knows any more.
func (shard *interestShard) releaseLocked(e *entry) {
	if !e.wantedLocked() && !e.live && e.flight == nil && !e.queued && !e.parked {
		if shard.entries[e.topic] == e {
			delete(shard.entries, e.topic)
		}
	}
}

// restore appends to todo the entries of one shard that are to be subscribed
// on a new connection.
func (in *interest) restore(todo []*entry, connection uint64, shard *interestShard) []*entry {
	shard.mu.Lock()
	defer shard.mu.Unlock()
	for _, e := range shard.entries {
		e.refreshLocked(connection)
		if !e.wantedLocked() {
			shard.releaseLocked(e)
			continue
		}
		if e.live || e.restoring {
			continue
		}
		e.restoring = true
		in.restoring.Add(1)
		if e.flight == nil && !e.queued {
			e.queued = true
			todo = append(todo, e)
		}
	}
	return todo
}

// expire has those of the parked entries unsubscribed that nobody wants again.
// It tells when the next ones are due; zero: none is parked.
func (in *interest) expire(now time.Time) time.Time {
	entries, next := in.work.expired(now)
	for _, e := range entries {
		in.expireEntry(e, now)
	}
	return next
}

func (in *interest) expireEntry(e *entry, now time.Time) {
	shard := in.shard(e.topic)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	e.parked = false
	switch until := e.idle.Add(in.linger); {
	case e.wantedLocked():
	case until.After(now):
		e.parked = true
		in.work.park(e, until)
	case e.live:
		in.lookAtLocked(e)
	default:
		shard.releaseLocked(e)
	}
}
