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
// that share one are a cluster, without anything to install. Every server gets
// everything and looks for itself whom it concerns, which within one process
// is cheaper than keeping lists of channels. It has no goroutine: Publish
// itself calls Deliver of the others, so Deliver must not publish. A session
// does not receive what it published itself.
func NewMemoryBroker() Broker { return &memoryBroker{seed: maphash.MakeSeed()} }

type memoryBroker struct {
	seed maphash.Seed

	// order is held, by channel, while an envelope is delivered: it makes the
	// order of a channel the same for everybody.
	order [64]sync.Mutex

	mu        sync.Mutex                       // for changing receivers
	receivers atomic.Pointer[[]*memorySession] // those with a Deliver; replaced, never changed
}

func (b *memoryBroker) Open(ctx context.Context, node BrokerNode) (BrokerSession, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := &memorySession{broker: b, node: node, since: time.Now(), calls: gate.New()}
	if node.Deliver != nil {
		b.change(func(all []*memorySession) []*memorySession { return append(all, s) })
	}
	return s, nil
}

// change replaces the list of receivers.
func (b *memoryBroker) change(f func([]*memorySession) []*memorySession) {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := f(slices.Clone(b.sessions()))
	b.receivers.Store(&all)
}

func (b *memoryBroker) sessions() []*memorySession {
	if p := b.receivers.Load(); p != nil {
		return *p
	}
	return nil
}

// memorySession is one node's use of a memory broker.
type memorySession struct {
	broker *memoryBroker
	node   BrokerNode
	since  time.Time
	calls  *gate.Gate

	published, failed, received atomic.Int64
}

func (s *memorySession) Publish(env Envelope, done func(error)) {
	if s.calls.Closed() {
		s.failed.Add(1)
		done(ErrClosed)
		return
	}
	others := s.broker.sessions()
	if len(others) > 1 || len(others) == 1 && others[0] != s {
		s.deliver(env, others)
	}
	s.published.Add(1)
	done(nil)
}

func (s *memorySession) deliver(env Envelope, others []*memorySession) {
	order := &s.broker.order[maphash.String(s.broker.seed, env.Channel())%uint64(len(s.broker.order))]
	order.Lock()
	defer order.Unlock()
	for _, o := range others {
		if o != s && o.calls.Enter() {
			o.received.Add(1)
			o.node.Deliver(env)
			o.calls.Leave()
		}
	}
}

// Unfiltered is true.
func (s *memorySession) Unfiltered() bool { return true }

func (s *memorySession) Subscribe(_ []string, done func(error)) {
	if s.calls.Closed() {
		done(ErrClosed)
		return
	}
	done(nil)
}

func (s *memorySession) Unsubscribe([]string) {}

func (s *memorySession) Stats() BrokerStats {
	return BrokerStats{
		Kind:      "memory",
		State:     BrokerConnected,
		Since:     s.since,
		Published: s.published.Load(),
		Failed:    s.failed.Load(),
		Received:  s.received.Load(),
	}
}

func (s *memorySession) Close(ctx context.Context) error {
	if s.calls.Close() {
		s.broker.change(func(all []*memorySession) []*memorySession {
			return slices.DeleteFunc(all, func(o *memorySession) bool { return o == s })
		})
	}
	return s.calls.Wait(ctx)
}
