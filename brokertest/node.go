package brokertest

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hearthws/hearth"
)

// node is a session with a memory.
type node struct {
	hearth.BrokerSession
	t  *testing.T
	id string

	mu      sync.Mutex
	changed chan struct{} // is closed and replaced when something was added
	got     []hearth.Envelope
	events  []hearth.BrokerEvent
	gaps    []hearth.Gap
	closed  bool // Close has returned

	channels sync.Map // channel → *atomic.Bool: Deliver runs
	hook     atomic.Pointer[func(hearth.Envelope)]
}

// openNode opens a session that receives, and closes it with the test.
func openNode(t *testing.T, broker hearth.Broker, id string) *node {
	t.Helper()
	n := &node{t: t, id: id, changed: make(chan struct{})}
	n.BrokerSession = open(t, broker, hearth.BrokerNode{
		ServerID: id, Deliver: n.deliver, Notify: n.notify, ReportGap: n.miss, Logger: slog.New(slog.DiscardHandler),
	})
	return n
}

// openEmitter opens a session that does not receive.
func openEmitter(t *testing.T, broker hearth.Broker) hearth.BrokerSession {
	t.Helper()
	return open(t, broker, hearth.BrokerNode{ServerID: hearth.EmitterID, Logger: slog.New(slog.DiscardHandler)})
}

func open(t *testing.T, broker hearth.Broker, bn hearth.BrokerNode) hearth.BrokerSession {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := broker.Open(ctx, bn)
	if err != nil {
		t.Fatalf("Open: %v", err)
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

func (n *node) deliver(env hearth.Envelope) {
	value, _ := n.channels.LoadOrStore(env.Channel(), new(atomic.Bool))
	running := value.(*atomic.Bool)
	if running.Swap(true) {
		n.t.Errorf("Deliver runs twice for channel %q", env.Channel())
	}
	defer running.Store(false)
	if hook := n.hook.Load(); hook != nil {
		(*hook)(env)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		n.t.Errorf("Deliver after Close: %+v", env)
	}
	n.got = append(n.got, env)
	n.changeLocked()
}

func (n *node) notify(e hearth.BrokerEvent) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		n.t.Errorf("Notify after Close: %+v", e)
	}
	n.events = append(n.events, e)
	n.changeLocked()
}

func (n *node) miss(g hearth.Gap) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		n.t.Errorf("ReportGap after Close: %+v", g)
	}
	n.gaps = append(n.gaps, g)
	n.changeLocked()
}

// missed are the gaps that were told so far.
func (n *node) missed() []hearth.Gap {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.gaps)
}

func (n *node) changeLocked() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// close closes the session and watches over what comes later.
func (n *node) close() {
	n.t.Helper()
	mustClose(n.t, n.BrokerSession)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
}

// await waits until ok is true of what was received and notified.
func (n *node) await(what string, ok func(got []hearth.Envelope, events []hearth.BrokerEvent) bool) {
	n.t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		n.mu.Lock()
		done, changed := ok(n.got, n.events), n.changed
		count, events := len(n.got), slices.Clone(n.events)
		n.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-timeout.C:
			n.t.Fatalf("%s: after %s still not: %s (received %d envelopes, events %+v)", n.id, patience, what, count, events)
		}
	}
}

// awaitEvents waits until those with an event of that prefix are count, and
// returns them.
func (n *node) awaitEvents(prefix string, count int) (matching []hearth.Envelope) {
	n.t.Helper()
	n.await(fmt.Sprintf("%d envelopes %s…", count, prefix), func(got []hearth.Envelope, _ []hearth.BrokerEvent) bool {
		if len(got) < count {
			return false
		}
		matching = withPrefix(got, prefix)
		return len(matching) >= count
	})
	return matching
}

func withPrefix(got []hearth.Envelope, prefix string) []hearth.Envelope {
	return slices.DeleteFunc(slices.Clone(got), func(e hearth.Envelope) bool { return !strings.HasPrefix(e.Event, prefix) })
}

// received are the envelopes so far whose event has a prefix.
func (n *node) received(prefix string) []hearth.Envelope {
	n.mu.Lock()
	defer n.mu.Unlock()
	return withPrefix(n.got, prefix)
}

// subscribe waits until the channels are live.
func (n *node) subscribe(channels ...string) {
	n.t.Helper()
	if err := wait(n.t, func(done func(error)) { n.Subscribe(channels, done) }); err != nil {
		n.t.Fatalf("Subscribe(%q): %v", channels, err)
	}
}

// mustPublish waits until the broker has taken env.
func mustPublish(t *testing.T, s hearth.BrokerSession, env hearth.Envelope) {
	t.Helper()
	if err := publish(t, s, env); err != nil {
		t.Fatalf("Publish(%+v): %v", env, err)
	}
}

func publish(t *testing.T, s hearth.BrokerSession, env hearth.Envelope) error {
	t.Helper()
	return wait(t, func(done func(error)) { s.Publish(env, done) })
}

// wait returns what call hands to its callback, which must be called once.
func wait(t *testing.T, call func(done func(error))) error {
	t.Helper()
	result := make(chan error, 1)
	go call(once(t, func(err error) { result <- err })) // it may block, which it must not
	select {
	case err := <-result:
		return err
	case <-time.After(patience):
		t.Fatalf("done was not called within %s", patience)
		return nil
	}
}

// waitAll ends the test when what group waits for does not happen in time.
func waitAll(t *testing.T, what string, group *sync.WaitGroup) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("after %s still not: %s", patience, what)
	}
}

// once fails the test when f is called twice.
func once(t *testing.T, f func(error)) func(error) {
	var calls atomic.Int64
	return func(err error) {
		if calls.Add(1) > 1 {
			t.Errorf("done was called again, with %v", err)
			return
		}
		f(err)
	}
}

// eventually ends the test when ok does not become true in time.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after %s still not: %s", patience, what)
		}
	}
}

// toRoom is an envelope for a room.
func toRoom(server, room, event string) hearth.Envelope {
	return hearth.Envelope{ServerID: server, Type: hearth.TypeRoom, Target: room, Event: event, Data: []byte(`{"n":1}`)}
}
