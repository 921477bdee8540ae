//go:build unix

package redisbroker_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hearthws/hearth"
)

// patience bounds every wait for something that must happen.
const patience = 20 * time.Second

// peer is a session that remembers what happens to it.
type peer struct {
	hearth.BrokerSession
	t    *testing.T
	logs *log

	mu     sync.Mutex
	got    []hearth.Envelope
	events []hearth.BrokerEvent
	missed []hearth.Gap
}

// join opens a session that receives, and closes it with the test.
func join(t *testing.T, broker hearth.Broker) *peer {
	t.Helper()
	p := &peer{t: t, logs: new(log)}
	node := hearth.BrokerNode{ServerID: "peer", Logger: slog.New(slog.NewTextHandler(p.logs, nil))}
	node.Deliver = func(e hearth.Envelope) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.got = append(p.got, e)
	}
	node.Notify = func(e hearth.BrokerEvent) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.events = append(p.events, e)
	}
	node.ReportGap = func(g hearth.Gap) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.missed = append(p.missed, g)
	}
	p.BrokerSession = openNode(t, broker, node)
	return p
}

// joinEmitter opens a session that does not receive.
func joinEmitter(t *testing.T, broker hearth.Broker) hearth.BrokerSession {
	t.Helper()
	return openNode(t, broker, hearth.BrokerNode{ServerID: hearth.EmitterID, Logger: slog.New(slog.DiscardHandler)})
}

func openNode(t *testing.T, broker hearth.Broker, node hearth.BrokerNode) hearth.BrokerSession {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := broker.Open(ctx, node)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mustClose(t, s) })
	return s
}

func mustClose(t *testing.T, s hearth.BrokerSession) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// subscribe waits until the channels are live.
func (p *peer) subscribe(channels ...string) {
	p.t.Helper()
	if err := await(p.t, func(done func(error)) { p.Subscribe(channels, done) }); err != nil {
		p.t.Fatalf("Subscribe: %v", err)
	}
}

// received counts the envelopes of an event.
func (p *peer) received(event string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.got {
		if e.Event == event {
			n++
		}
	}
	return n
}

// gaps are those that were told so far.
func (p *peer) gaps() []hearth.Gap {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.missed)
}

// states are those that were told so far.
func (p *peer) states() (states []hearth.BrokerState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.events {
		states = append(states, e.State)
	}
	return slices.Compact(states)
}

// restored waits for the end of a gap, of which there were before, and for
// the state connected.
func (p *peer) restored(before int) hearth.Gap {
	p.t.Helper()
	eventually(p.t, "the gap is told", func() bool { return len(p.gaps()) > before })
	eventually(p.t, "the session is connected", func() bool { return p.Stats().State == hearth.BrokerConnected })
	return p.gaps()[before]
}

// publish returns what the broker answers.
func publish(t *testing.T, s hearth.BrokerSession, room, event string) error {
	t.Helper()
	return await(t, func(done func(error)) { s.Publish(toRoom(room, event), done) })
}

func mustPublish(t *testing.T, s hearth.BrokerSession, room, event string) {
	t.Helper()
	if err := publish(t, s, room, event); err != nil {
		t.Fatalf("Publish: %v", err)
	}
}

func toRoom(room, event string) hearth.Envelope {
	return hearth.Envelope{ServerID: "test", Type: hearth.TypeRoom, Target: room, Event: event, Data: []byte(`{"n":1}`)}
}

// await returns what call hands to its callback.
func await(t *testing.T, call func(done func(error))) error {
	t.Helper()
	result := make(chan error, 1)
	call(func(err error) { result <- err })
	select {
	case err := <-result:
		return err
	case <-time.After(patience):
		t.Fatalf("no answer within %s", patience)
		return nil
	}
}

// eventually ends the test when ok does not become true in time.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after %s still not: %s", patience, what)
		}
	}
}

// log keeps what is logged.
type log struct {
	wrote func() // is called after each line, if set

	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	if l.wrote != nil {
		defer l.wrote()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
