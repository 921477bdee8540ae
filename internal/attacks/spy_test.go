package attacks_test

import (
	"context"
	"slices"
	"sync"

	"github.com/hearthws/hearth"
)

// spy is a broker that remembers what is asked of it, and lets the test deliver.
type spy struct {
	hearth.Broker

	mu       sync.Mutex
	channels []string
	node     hearth.BrokerNode
}

func (b *spy) Open(ctx context.Context, node hearth.BrokerNode) (hearth.BrokerSession, error) {
	b.mu.Lock()
	b.node = node
	b.mu.Unlock()
	s, err := b.Broker.Open(ctx, node)
	return spySession{s, b}, err
}

func (b *spy) subscribed(channel string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Contains(b.channels, channel)
}

// deliver is an envelope from elsewhere.
func (b *spy) deliver(env hearth.Envelope) {
	b.mu.Lock()
	node := b.node
	b.mu.Unlock()
	node.Deliver(env)
}

type spySession struct {
	hearth.BrokerSession
	b *spy
}

func (s spySession) Unfiltered() bool { return false }

func (s spySession) Subscribe(channels []string, done func(error)) {
	s.b.mu.Lock()
	s.b.channels = append(s.b.channels, channels...)
	s.b.mu.Unlock()
	s.BrokerSession.Subscribe(channels, done)
}

func (s spySession) Unsubscribe(channels []string) {
	s.b.mu.Lock()
	for _, c := range channels {
		if i := slices.Index(s.b.channels, c); i >= 0 {
			s.b.channels = slices.Delete(s.b.channels, i, i+1)
		}
	}
	s.b.mu.Unlock()
}

func (s spySession) Stats() hearth.BrokerStats {
	st := s.BrokerSession.Stats()
	s.b.mu.Lock()
	st.Channels = len(s.b.channels)
	s.b.mu.Unlock()
	return st
}
