package brokertest_test

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hearthws/hearth"
)

// faulty is a good broker, made bad.
type faulty struct {
	hearth.Broker
	fault string

	mu       sync.Mutex
	opened   int
	sessions []*faultySession
}

// faultySession filters what it receives by what it subscribed to.
type faultySession struct {
	hearth.BrokerSession
	broker  *faulty
	fault   string
	number  int // of the session, from 1
	deliver func(hearth.Envelope)

	count  atomic.Int64 // envelopes published
	closed atomic.Bool

	deliverMu sync.Mutex // for the fault of holding it too long

	mu       sync.Mutex
	channels map[string]subscribed
	held     *hearth.Envelope
	buffer   []byte
	received int
}

type subscribed struct {
	count int
	since time.Time
}

func (b *faulty) Open(ctx context.Context, node hearth.BrokerNode) (hearth.BrokerSession, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.opened++
	s := &faultySession{broker: b, fault: b.fault, number: b.opened, deliver: node.Deliver, channels: make(map[string]subscribed)}
	if node.Deliver != nil {
		node.Deliver = s.receive
	}
	if b.fault == "opens once" && b.opened > 2 {
		node.Deliver = func(hearth.Envelope) {}
	}
	if b.fault == "leaves a goroutine" {
		go func() { select {} }()
	}
	var err error
	s.BrokerSession, err = b.Broker.Open(ctx, node)
	b.sessions = append(b.sessions, s)
	return s, err
}

// Unfiltered is false, so that the suite looks at what is received.
func (s *faultySession) Unfiltered() bool { return false }

func (s *faultySession) Publish(env hearth.Envelope, done func(error)) {
	n := s.count.Add(1)
	switch s.fault {
	case "loses one of 100":
		if n%100 == 0 {
			done(nil)
			return
		}
	case "ignores emitters":
		if s.deliver == nil {
			done(nil)
			return
		}
	case "publishes after Close":
		if s.closed.Load() {
			done(nil)
			return
		}
	case "forgets done":
		if s.closed.Load() {
			done = func(error) {}
		}
	case "is done twice":
		once := done
		done = func(err error) { once(err); once(err) }
	case "delivers concurrently":
		go s.BrokerSession.Publish(env, done)
		return
	}
	s.BrokerSession.Publish(env, done)
}

func (s *faultySession) receive(env hearth.Envelope) {
	if s.fault == "blocks in Deliver" {
		s.deliverMu.Lock()
		defer s.deliverMu.Unlock()
	}
	s.mu.Lock()
	sub, ok := s.channels[env.Channel()]
	s.received++
	n := s.received
	s.mu.Unlock()
	if !ok || s.fault == "is done before it is live" && time.Since(sub.since) < 5*time.Millisecond {
		return
	}
	switch s.fault {
	case "delivers twice":
		s.deliver(env)
	case "swaps two", "swaps two for some":
		if s.swap(&env, n) {
			return
		}
	case "changes exclude":
		env.Exclude = nil
	case "forgets epoch":
		env.Epoch = ""
	case "cuts data":
		env.Data = env.Data[:min(len(env.Data), 1<<20)]
	case "reuses data":
		s.buffer = append(s.buffer[:0], env.Data...)
		env.Data = s.buffer
	case "forgets the second session":
		if s.number == 2 {
			return
		}
	case "delivers after Close":
		time.AfterFunc(time.Millisecond, func() { s.deliver(env) })
	}
	s.deliver(env)
}

// swap keeps an envelope back until the next one was delivered. It reports
// whether it did.
func (s *faultySession) swap(env *hearth.Envelope, n int) bool {
	if s.held != nil {
		before := *s.held
		s.held = nil
		s.deliver(*env)
		*env = before
		return false
	}
	if n%50 == 0 && (s.fault == "swaps two" || s.number == 1) {
		held := *env
		s.held = &held
		return true
	}
	return false
}

func (s *faultySession) Subscribe(channels []string, done func(error)) {
	if s.fault == "blocks in Deliver" {
		s.deliverMu.Lock()
		defer s.deliverMu.Unlock()
	}
	s.mu.Lock()
	for _, channel := range channels {
		c, ok := s.channels[channel]
		if !ok {
			c.since = time.Now()
		}
		c.count++
		s.channels[channel] = c
	}
	s.mu.Unlock()
	s.BrokerSession.Subscribe(channels, done)
}

func (s *faultySession) Unsubscribe(channels []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, channel := range channels {
		c, ok := s.channels[channel]
		if c.count--; ok && (c.count <= 0 || s.fault == "counts no references") && s.fault != "never unsubscribes" {
			delete(s.channels, channel)
		} else if ok {
			s.channels[channel] = c
		}
	}
}

func (s *faultySession) Stats() hearth.BrokerStats {
	stats := s.BrokerSession.Stats()
	s.mu.Lock()
	defer s.mu.Unlock()
	stats.Channels = len(s.channels)
	if s.closed.Load() {
		stats.Channels = 0
	}
	stats.Live = stats.Channels
	if s.fault == "counts nothing" {
		stats.Received = 0
	}
	return stats
}

func (s *faultySession) Close(ctx context.Context) error {
	again := s.closed.Swap(true)
	if again && s.fault == "closes once" {
		return context.Canceled
	}
	if s.fault == "closes all" {
		s.broker.mu.Lock()
		defer s.broker.mu.Unlock()
		for _, other := range s.broker.sessions {
			_ = other.BrokerSession.Close(ctx)
		}
	}
	return s.BrokerSession.Close(ctx)
}
