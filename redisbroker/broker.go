package redisbroker

import (
	"context"
	"fmt"
	"sync"

	"github.com/hearthws/hearth"
)

// kindName is BrokerStats.Kind.
const kindName = "redis"

// New is a [hearth.Broker] over Redis. It looks at the options only; the
// broker connects when a server or emitter opens it, and disconnects when the
// last one is closed.
func New(options Options) (hearth.Broker, error) {
	options, err := options.resolve()
	if err != nil {
		return nil, err
	}
	options = options.withDefaults()
	if err := options.validate(); err != nil {
		return nil, err
	}
	return &broker{options: &options}, nil
}

// Open is [New] with nothing but a URL, see [Options].
func Open(url string) (hearth.Broker, error) {
	return New(Options{URL: url})
}

// broker shares one link among its sessions.
type broker struct {
	options *Options

	mu   sync.Mutex
	link *link // nil while there are no sessions
}

// Open implements [hearth.Broker]. It waits for as long as Redis cannot be
// reached, whatever the reason, which is logged.
func (b *broker) Open(ctx context.Context, node hearth.BrokerNode) (hearth.BrokerSession, error) {
	s := b.join(node)
	select {
	case <-s.connected:
		s.open()
		return s, nil
	case <-ctx.Done():
	}
	err := fmt.Errorf("redisbroker: %w: %w", ctx.Err(), s.link.reason())
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.options.DialTimeout)
	defer cancel()
	_ = s.Close(closing) // the reason it did not open says more
	return nil, err
}

// join makes a session, and the link if it is the first one.
func (b *broker) join(node hearth.BrokerNode) *session {
	b.mu.Lock()
	if b.link == nil {
		b.link = newLink(b.options)
	}
	s := newSession(b, b.link, node)
	b.link.join(s)
	b.mu.Unlock()
	s.link.begin(s)
	return s
}

// leave ends the link with its last session. gone is closed when nothing of
// the session is left.
func (b *broker) leave(s *session) {
	b.mu.Lock()
	last := s.link.leave(s)
	if last && b.link == s.link {
		b.link = nil
	}
	b.mu.Unlock()
	if !last {
		close(s.gone)
		return
	}
	go func() {
		s.link.stop()
		close(s.gone)
	}()
}
