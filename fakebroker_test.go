package hearth_test

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/hearthws/hearth"
)

// fakeBroker is a broker whose every step a test decides: what is subscribed
// is live at once unless held, and what is published succeeds unless it was
// told otherwise.
type fakeBroker struct {
	mu        sync.Mutex
	node      hearth.BrokerNode
	published []hearth.Envelope
	channels  map[string]int // references
	held      bool
	waiting   []func(error)
	publish   func(env hearth.Envelope, done func(error)) // nil: succeeds
	subscribe error                                       // of every Subscribe
	open      func(ctx context.Context) error
	close     func(ctx context.Context) error
}

func newFakeBroker() *fakeBroker { return &fakeBroker{channels: map[string]int{}} }

// hold lets subscriptions other than the broadcast's wait for answer.
func (b *fakeBroker) hold() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = true
}

// answer tells all that are held how it went, and holds no more.
func (b *fakeBroker) answer(err error) {
	b.mu.Lock()
	waiting := b.waiting
	b.waiting, b.held = nil, false
	b.mu.Unlock()
	for _, done := range waiting {
		done(err)
	}
}

// wanted are the channels with references, sorted.
func (b *fakeBroker) wanted() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Sorted(maps.Keys(b.channels))
}

// taken are the envelopes published since it was called last.
func (b *fakeBroker) taken() []hearth.Envelope {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.published
	b.published = nil
	return all
}

// deliver is what another node has published.
func (b *fakeBroker) deliver(env hearth.Envelope) { b.node.Deliver(env) }

func (b *fakeBroker) Open(ctx context.Context, node hearth.BrokerNode) (hearth.BrokerSession, error) {
	if b.open != nil {
		if err := b.open(ctx); err != nil {
			return nil, err
		}
	}
	b.node = node
	return b, nil
}

func (b *fakeBroker) Publish(env hearth.Envelope, done func(error)) {
	b.mu.Lock()
	b.published = append(b.published, env)
	publish := b.publish
	b.mu.Unlock()
	if publish != nil {
		publish(env, done)
		return
	}
	done(nil)
}

func (b *fakeBroker) Unfiltered() bool { return false }

func (b *fakeBroker) Subscribe(channels []string, done func(error)) {
	b.mu.Lock()
	for _, ch := range channels {
		b.channels[ch]++
	}
	if b.held && !slices.Contains(channels, hearth.ChannelBroadcast) {
		b.waiting = append(b.waiting, done)
		b.mu.Unlock()
		return
	}
	err := b.subscribe
	b.mu.Unlock()
	done(err)
}

func (b *fakeBroker) Unsubscribe(channels []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, ch := range channels {
		if b.channels[ch]--; b.channels[ch] == 0 {
			delete(b.channels, ch)
		}
	}
}

func (b *fakeBroker) Stats() hearth.BrokerStats {
	return hearth.BrokerStats{Kind: "fake", Channels: len(b.wanted())}
}

func (b *fakeBroker) Close(ctx context.Context) error {
	if b.close != nil {
		return b.close(ctx)
	}
	return nil
}
