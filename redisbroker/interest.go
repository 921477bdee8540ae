package redisbroker

import (
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hearthws/hearth"
)

const interestShards = 64

// interest is who wants which topics, and which of them Redis has confirmed. A
// topic is what is subscribed to: a channel, or in pattern mode the pattern
// that covers it; without the prefix.
//
// Sessions change what is wanted; the subscriber makes Redis follow, and is
// told by way of work what to look at.
type interest struct {
	seed   maphash.Seed
	linger time.Duration
	work   work

	// connection is the number of the subscriber's connection, 0 while there
	// is none. What an entry says of Redis counts only for its connection.
	connection atomic.Uint64

	// restoring counts the topics of a lost connection that are not yet live
	// again.
	restoring atomic.Int64

	shards [interestShards]interestShard
}

type interestShard struct {
	mu      sync.Mutex
	entries map[string]*entry
}

// entry is one topic. It is guarded by its shard's mu.
type entry struct {
	topic      string
	references []reference // sessions that want it; none: it lingers, or is about to go
	waiters    []*waiter   // that want to know when it is live

	// What is known of Redis.
	connection uint64 // to which the rest refers
	live       bool   // subscribed
	flight     *batch // that subscribes or unsubscribes it now
	restoring  bool   // counted in interest.restoring

	queued bool      // in work
	idle   time.Time // when the last reference went
	parked bool      // in work.parked
}

type reference struct {
	session *session
	count   int
}

func newInterest(linger time.Duration) *interest {
	in := &interest{seed: maphash.MakeSeed(), linger: max(linger, 0), work: newWork()}
	for i := range in.shards {
		in.shards[i].entries = make(map[string]*entry)
	}
	return in
}

func (in *interest) shard(topic string) *interestShard {
	return &in.shards[maphash.String(in.seed, topic)%interestShards]
}

// refreshLocked forgets what an entry knows of an earlier connection.
func (e *entry) refreshLocked(connection uint64) {
	if e.connection != connection {
		e.connection, e.live, e.flight, e.restoring = connection, false, nil, false
	}
}

// wantedLocked reports whether an entry is to be subscribed: also while those
// who gave it up still wait to hear that it is live.
func (e *entry) wantedLocked() bool { return len(e.references) > 0 || len(e.waiters) > 0 }

// add gives s one reference to topic. While topic is not live, w waits for it.
// It reports whether there is a connection to wait for.
func (in *interest) add(topic string, s *session, w *waiter) bool {
	shard := in.shard(topic)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	e := shard.entries[topic]
	if e == nil {
		e = &entry{topic: topic}
		shard.entries[topic] = e
	}
	i := slices.IndexFunc(e.references, s.holds)
	if i < 0 {
		e.references = append(e.references, reference{session: s})
		i = len(e.references) - 1
		s.topics.Add(1)
		if in.isLiveLocked(e) {
			s.live.add(e.connection, 1)
		}
	}
	e.references[i].count++

	connection := in.connection.Load()
	if connection == 0 {
		return false // whoever connects finds the entry
	}
	e.refreshLocked(connection)
	if !e.live {
		w.add()
		e.waiters = append(e.waiters, w)
		in.lookAtLocked(e)
	}
	return true
}

// lookAtLocked has the subscriber look at an entry, unless it is going to.
func (in *interest) lookAtLocked(e *entry) {
	if !e.queued && e.flight == nil {
		e.queued = true
		in.work.add(e)
	}
}

// remove takes one of s's references to topic.
func (in *interest) remove(topic string, s *session) {
	shard := in.shard(topic)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if e := shard.entries[topic]; e != nil {
		if i := slices.IndexFunc(e.references, s.holds); i >= 0 {
			if e.references[i].count--; e.references[i].count == 0 {
				in.dropLocked(e, i)
			}
		}
	}
}

// dropLocked removes a session from an entry, which lingers if it was the last.
func (in *interest) dropLocked(e *entry, i int) {
	s := e.references[i].session
	s.topics.Add(-1)
	if in.isLiveLocked(e) {
		s.live.add(e.connection, -1)
	}
	e.references = slices.Delete(e.references, i, i+1)
	if len(e.references) > 0 {
		return
	}
	if in.connection.Load() == 0 { // nothing is subscribed, so nothing lingers
		e.refreshLocked(0)
		in.shard(e.topic).releaseLocked(e)
		return
	}
	e.idle = time.Now()
	if !e.parked {
		e.parked = true
		in.work.park(e, e.idle.Add(in.linger))
	}
}

// forget removes all that s wants. Whoever of s waits is told ErrClosed.
func (in *interest) forget(s *session) {
	in.each(func(e *entry) {
		if i := slices.IndexFunc(e.references, s.holds); i >= 0 {
			in.dropLocked(e, i)
		}
	})
	in.failWaiters(hearth.ErrClosed, func(w *waiter) bool { return w.session == s })
}

// failWaiters ends those waiters that match. Their topics stay wanted.
func (in *interest) failWaiters(err error, match func(*waiter) bool) {
	var failed []*waiter
	in.each(func(e *entry) {
		e.waiters = slices.DeleteFunc(e.waiters, func(w *waiter) bool {
			if match(w) {
				failed = append(failed, w)
				return true
			}
			return false
		})
	})
	for _, w := range failed {
		w.finish(err)
	}
}

// each calls f for every entry, one shard locked at a time.
func (in *interest) each(f func(*entry)) {
	for i := range in.shards {
		shard := &in.shards[i]
		shard.mu.Lock()
		for _, e := range shard.entries {
			f(e)
		}
		shard.mu.Unlock()
	}
}

// receivers appends to dst the sessions that want topic.
func (in *interest) receivers(dst []*session, topic string) []*session {
	shard := in.shard(topic)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if e := shard.entries[topic]; e != nil {
		for _, r := range e.references {
			dst = append(dst, r.session)
		}
	}
	return dst
}

// live counts the topics of s that Redis has confirmed.
func (in *interest) live(s *session) int { return s.live.of(in.connection.Load()) }

// isLiveLocked reports whether an entry is live now.
func (in *interest) isLiveLocked(e *entry) bool {
	return e.live && e.connection == in.connection.Load()
}

// tally is a count that belongs to one connection: those of earlier ones are
// forgotten. The upper half is the connection's number.
type tally struct{ value atomic.Uint64 }

func (t *tally) add(connection uint64, delta int) {
	for {
		before := t.value.Load()
		count := uint32(before)
		if before>>32 != connection {
			count = 0
		}
		if t.value.CompareAndSwap(before, connection<<32|uint64(count+uint32(delta))) {
			return
		}
	}
}

func (t *tally) of(connection uint64) int {
	value := t.value.Load()
	if connection == 0 || value>>32 != connection {
		return 0
	}
	return int(uint32(value))
}
