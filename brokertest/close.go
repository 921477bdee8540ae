package brokertest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/hearthws/hearth"
)

// expired is a context that has ended.
func expired() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// testOpenExpired: Open does not outlast its context, and leaves nothing.
func testOpenExpired(t *testing.T, h Harness) {
	s, err := h.Broker().Open(expired(), hearth.BrokerNode{
		ServerID: "id", Deliver: func(hearth.Envelope) {}, Logger: slog.New(slog.DiscardHandler),
	})
	if err == nil { // it was quick
		mustClose(t, s)
		return
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Open with an ended context: %v, want %v", err, context.Canceled)
	}
}

// testCloseTwice: Close may be called again, and nothing works afterwards.
func testCloseTwice(t *testing.T, h Harness) {
	n := openNode(t, h.Broker(), "id")
	n.subscribe(hearth.ForRoom("r"))
	n.close()
	mustClose(t, n)
	if err := publish(t, n, toRoom("id", "r", "e")); !errors.Is(err, hearth.ErrClosed) {
		t.Errorf("Publish after Close: %v, want %v", err, hearth.ErrClosed)
	}
	if err := wait(t, func(done func(error)) { n.Subscribe([]string{"ws:room:r"}, done) }); !errors.Is(err, hearth.ErrClosed) {
		t.Errorf("Subscribe after Close: %v, want %v", err, hearth.ErrClosed)
	}
	n.Unsubscribe([]string{"ws:room:r"})
	if got := n.Stats(); got.Failed != 1 || got.Channels != 0 {
		t.Errorf("stats after Close: %+v, want 1 failed and no channels", got)
	}
}

// testCloseExpired: a Close that may not wait leaves nothing behind in the end.
func testCloseExpired(t *testing.T, h Harness) {
	n := openNode(t, h.Broker(), "id")
	var answers sync.WaitGroup
	for i := range 100 {
		answers.Add(2)
		n.Publish(toRoom("id", "r", "e"), once(t, func(error) { answers.Done() }))
		n.Subscribe([]string{hearth.ForRoom(fmt.Sprint(i))}, once(t, func(error) { answers.Done() }))
	}
	if err := n.Close(expired()); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("Close with an ended context: %v, want nil or %v", err, context.Canceled)
	}
	n.close()
	waitAll(t, "every call is answered", &answers)
}

// testCloseWhileBusy: Close answers every call, once, and then all is quiet.
func testCloseWhileBusy(t *testing.T, h Harness) {
	for range 5 {
		broker := h.Broker()
		from, to := openNode(t, h.Broker(), "from"), openNode(t, broker, "to")
		to.subscribe(hearth.ForRoom("r"))
		stop := make(chan struct{})
		var users, answers sync.WaitGroup
		use := func(step func(i int)) {
			users.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
						step(i)
						time.Sleep(10 * time.Microsecond) // spinning would only slow down the others
					}
				}
			})
		}
		window := make(chan struct{}, 100)
		answered := func() func(error) {
			window <- struct{}{}
			answers.Add(1)
			return once(t, func(err error) {
				<-window
				answers.Done()
				if err != nil && !errors.Is(err, hearth.ErrClosed) {
					t.Errorf("done: %v, want nil or %v", err, hearth.ErrClosed)
				}
			})
		}
		use(func(int) { from.Publish(toRoom("from", "r", "e"), answered()) })
		use(func(int) { to.Publish(toRoom("to", "r", "e"), answered()) })
		use(func(i int) { to.Subscribe([]string{hearth.ForRoom(fmt.Sprint(i % 20))}, answered()) })
		use(func(i int) { to.Unsubscribe([]string{hearth.ForRoom(fmt.Sprint(i % 20))}) })
		use(func(int) { to.Stats() })
		to.awaitEvents("e", 100)

		var closers sync.WaitGroup
		for range 3 {
			closers.Go(func() { mustClose(t, to) })
		}
		waitAll(t, "Close returns", &closers)
		to.close()
		before := from.Stats().Published
		eventually(t, "the other session goes on", func() bool { return from.Stats().Published > before+100 })
		close(stop)
		waitAll(t, "every call returns", &users)
		waitAll(t, "every call is answered", &answers)
		from.close()
	}
}

// testCloseOfOne: a session that is closed does not harm those that share its
// broker.
func testCloseOfOne(t *testing.T, h Harness) {
	broker := h.Broker()
	from, stays, leaves := openNode(t, h.Broker(), "from"), openNode(t, broker, "stays"), openNode(t, broker, "leaves")
	for _, n := range []*node{stays, leaves} {
		n.subscribe(hearth.ForRoom("r"))
	}
	leaves.close()
	mustPublish(t, from, toRoom("from", "r", "event"))
	stays.awaitEvents("event", 1)
	mustPublish(t, stays, toRoom("stays", "r", "event"))
}

// testReopen: a broker whose last session was closed can be opened again.
func testReopen(t *testing.T, h Harness) {
	broker, other := h.Broker(), h.Broker()
	for i := range 3 {
		from, to := openNode(t, broker, "from"), openNode(t, other, "to")
		to.subscribe(hearth.ForRoom("r"))
		mustPublish(t, from, toRoom("from", "r", fmt.Sprint(i)))
		to.awaitEvents("", 1)
		from.close()
		to.close()
	}
}

// within runs f and fails the test when it takes too long.
func within(t *testing.T, what string, limit time.Duration, f func()) {
	t.Helper()
	began := time.Now()
	f()
	if took := time.Since(began); took > limit {
		t.Errorf("%s took %s, want at most %s", what, took, limit)
	}
}
