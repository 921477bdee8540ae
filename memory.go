package hearth

import (
	"context"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hearthws/hearth/internal/gate"
)

// NewMemoryBroker is a [Broker] within this process. Servers and emitters
// that share one are a cluster, without anything to install. It has no
// goroutine: Publish itself calls Deliver of the others, so a slow
// receiver slows publishers down, and Deliver must not publish. A session does not receive what it published itself.
func NewMemoryBroker() Broker {
	b := &memoryBroker{seed: maphash.MakeSeed()}
	for i := range b.shards {
		b.shards[i].channels = make(map[string][]memoryReference)
	}
	return b
}

const memoryShards = 64

type memoryBroker struct {
	seed      maphash.Seed
	receivers atomic.Int64 // open sessions that have a Deliver
	shards    [memoryShards]memoryShard
}

// memoryShard holds the subscriptions of a part of the channels.
type memoryShard struct {
	// order is held while an envelope is delivered: it makes the order of a
	// channel the same for everybody. Nothing that Deliver may call needs it.
	order sync.Mutex

	mu       sync.RWMutex
	channels map[string][]memoryReference // by channel; a slice is replaced, never changed
}

// memoryReference says how often a session subscribed to a channel.
type memoryReference struct {
	session *memorySession
	count   int
}

func (b *memoryBroker) Open(ctx context.Context, node BrokerNode) (BrokerSession, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := &memorySession{broker: b, node: node, since: time.Now(), calls: gate.New()}
	if node.Deliver != nil {
		s.receives = 1
		b.receivers.Add(1)
	}
	return s, nil
}

func (b *memoryBroker) shard(channel string) *memoryShard {
	return &b.shards[maphash.String(b.seed, channel)%memoryShards]
}

// deliver hands env to every subscriber of its channel but from.
func (b *memoryBroker) deliver(from *memorySession, env Envelope) {
	channel := env.Channel()
	shard := b.shard(channel)
	shard.order.Lock()
	defer shard.order.Unlock()
	shard.mu.RLock()
	references := shard.channels[channel]
	shard.mu.RUnlock()
	for _, r := range references {
		if r.session != from {
			r.session.deliver(env)
		}
	}
}

// memorySession is one node's use of a memory broker.
type memorySession struct {
	broker   *memoryBroker
	node     BrokerNode
	since    time.Time
	receives int64 // 1 when node.Deliver is set
	calls    *gate.Gate

	channels, published, failed, received atomic.Int64
}

func (s *memorySession) Publish(env Envelope, done func(error)) {
	if s.calls.Closed() {
		s.failed.Add(1)
		done(ErrClosed)
		return
	}
	if s.broker.receivers.Load() > s.receives {
		s.broker.deliver(s, env)
	}
	s.published.Add(1)
	done(nil)
}

func (s *memorySession) deliver(env Envelope) {
	if s.calls.Enter() {
		defer s.calls.Leave()
		s.received.Add(1)
		s.node.Deliver(env)
	}
}

func (s *memorySession) Subscribe(channels []string, done func(error)) {
	if s.calls.Closed() {
		done(ErrClosed)
		return
	}
	if s.node.Deliver != nil {
		for _, channel := range channels {
			s.reference(channel, 1)
		}
		if s.calls.Closed() { // meanwhile: Close may have missed some
			s.forget()
		}
	}
	done(nil)
}

func (s *memorySession) Unsubscribe(channels []string) {
	for _, channel := range channels {
		s.reference(channel, -1)
	}
}

// reference adds change to the session's references to channel.
func (s *memorySession) reference(channel string, change int) {
	shard := s.broker.shard(channel)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	references := slices.Clone(shard.channels[channel])
	i := slices.IndexFunc(references, s.holds)
	if i < 0 {
		if change < 0 {
			return
		}
		i = len(references)
		references = append(references, memoryReference{session: s})
		s.channels.Add(1)
	}
	references[i].count += change
	if references[i].count == 0 {
		references = slices.Delete(references, i, i+1)
		s.channels.Add(-1)
	}
	shard.setLocked(channel, references)
}

func (s *memorySession) holds(r memoryReference) bool { return r.session == s }

func (shard *memoryShard) setLocked(channel string, references []memoryReference) {
	if len(references) == 0 {
		delete(shard.channels, channel)
		return
	}
	shard.channels[channel] = references
}

// forget removes every reference of the session.
func (s *memorySession) forget() {
	for i := range s.broker.shards {
		shard := &s.broker.shards[i]
		shard.mu.Lock()
		for channel, references := range shard.channels {
			if i := slices.IndexFunc(references, s.holds); i >= 0 {
				shard.setLocked(channel, slices.Delete(slices.Clone(references), i, i+1))
				s.channels.Add(-1)
			}
		}
		shard.mu.Unlock()
	}
}

func (s *memorySession) Stats() BrokerStats {
	channels := int(s.channels.Load())
	return BrokerStats{
		Kind:      "memory",
		State:     BrokerConnected,
		Since:     s.since,
		Channels:  channels,
		Live:      channels,
		Published: s.published.Load(),
		Failed:    s.failed.Load(),
		Received:  s.received.Load(),
	}
}

func (s *memorySession) Close(ctx context.Context) error {
	if s.calls.Close() {
		s.broker.receivers.Add(-s.receives)
		s.forget()
	}
	return s.calls.Wait(ctx)
}

// Unfiltered is false: a session gets what it subscribed to.
func (s *memorySession) Unfiltered() bool { return false }
