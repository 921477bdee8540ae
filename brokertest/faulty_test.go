package brokertest_test

import (
	"context"
	"fmt"
	"maps"
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
	broker *faulty
	fault  string
	number int // of the session, from 1
	node   hearth.BrokerNode

	count  atomic.Int64 // envelopes published
	closed atomic.Bool

	deliverMu sync.Mutex // for the fault of holding it too long

	mu       sync.Mutex
	channels map[string]subscribed
	held     *hearth.Envelope
	buffer   []byte
	received int
	numbers  map[string]uint64    // by channel: of the last envelope published
	last     map[[2]string]uint64 // by channel and epoch: the number that came last
	first    map[[2]string]uint64 // the number that came first
	missed   int64
	gaps     int64
}

type subscribed struct {
	count int
	since time.Time
}

func (b *faulty) Open(ctx context.Context, node hearth.BrokerNode) (hearth.BrokerSession, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.opened++
	s := &faultySession{
		broker: b, fault: b.fault, number: b.opened, node: node, channels: make(map[string]subscribed),
		numbers: make(map[string]uint64), last: make(map[[2]string]uint64), first: make(map[[2]string]uint64),
	}
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
	s.enumerate(&env)
	switch s.fault {
	case "loses one of 100":
		if n%100 == 0 {
			done(nil)
			return
		}
	case "ignores emitters":
		if s.node.Deliver == nil {
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
	if again := s.look(&env); again && s.fault != "delivers what comes again" {
		return
	}
	switch s.fault {
	case "delivers twice":
		s.node.Deliver(env)
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
		time.AfterFunc(time.Millisecond, func() { s.node.Deliver(env) })
	}
	s.node.Deliver(env)
}

// enumerate gives an envelope its number.
func (s *faultySession) enumerate(env *hearth.Envelope) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if env.Epoch != "" {
		return
	}
	channel := env.Channel()
	if s.fault == "numbers all channels as one" {
		channel = ""
	}
	s.numbers[channel]++
	env.Epoch, env.Seq = fmt.Sprint("epoch ", s.number), s.numbers[channel]
	if s.fault == "shares an epoch" {
		env.Epoch = "epoch"
	}
}

// look tells what is missing before an envelope. It reports whether the envelope
// comes again.
func (s *faultySession) look(env *hearth.Envelope) (again bool) {
	own := env.ServerID == s.node.ServerID && s.fault != "counts its own"
	if env.Epoch == "" || env.Seq == 0 || own || s.fault == "counts nobody's numbers" {
		return false
	}
	s.mu.Lock()
	key := [2]string{env.Channel(), env.Epoch}
	last, missed := s.last[key], int64(0)
	if last == 0 {
		s.first[key] = env.Seq
	}
	again = env.Seq <= last && env.Seq >= s.first[key]
	switch {
	case last != 0 && env.Seq > last:
		missed = int64(env.Seq - last - 1)
	case last != 0 && s.fault == "counts repeats":
		missed = 1
	}
	s.last[key] = max(last, env.Seq)
	if missed > 0 {
		s.missed, s.gaps = s.missed+missed, s.gaps+1
	}
	s.mu.Unlock()
	if missed > 0 {
		now := time.Now()
		s.node.ReportGap(hearth.Gap{Channel: env.Channel(), From: now, To: now, Missed: missed, Server: env.ServerID})
	}
	return again
}

// forget ends the numbers of a channel.
func (s *faultySession) forget(channel string) {
	if s.fault != "counts what it gave up" {
		maps.DeleteFunc(s.last, func(key [2]string, _ uint64) bool { return key[0] == channel })
	}
}

// swap keeps an envelope back until the next one was delivered. It reports
// whether it did.
func (s *faultySession) swap(env *hearth.Envelope, n int) bool {
	if s.held != nil {
		before := *s.held
		s.held = nil
		s.node.Deliver(*env)
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
			s.forget(channel)
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
	stats.Missed, stats.Gaps = s.missed, s.gaps
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
