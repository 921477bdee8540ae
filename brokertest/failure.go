package brokertest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/hearthws/hearth"
)

// blocking is far more than a call that does not block takes, on any machine.
const blocking = 2 * time.Second

// breakable reports whether the harness can break the broker.
func (h Harness) breakable() bool { return h.Break != nil && h.Repair != nil }

// testBreakPublish: without its broker, a publisher is told so and not held up.
func testBreakPublish(t *testing.T, h Harness) {
	if !h.breakable() {
		return
	}
	n := openNode(t, h.Broker(), "id")
	emitter := openEmitter(t, h.Broker())
	mustPublish(t, n, toRoom("id", "r", "e"))
	h.Break()
	for _, s := range []hearth.BrokerSession{n, emitter} {
		answers := newPipeline(t, s, 1000)
		within(t, "1,000 calls of Publish", blocking, func() {
			for range 1000 {
				s.Publish(toRoom("id", "r", "e"), answers.answer())
			}
		})
		if errs := answers.answers(); len(errs) == 0 {
			t.Error("no publish without the broker failed")
		}
		eventually(t, "the session is disconnected", func() bool { return s.Stats().State == hearth.BrokerDisconnected })
		if err := publish(t, s, toRoom("id", "r", "e")); !errors.Is(err, hearth.ErrBrokerUnavailable) {
			t.Errorf("Publish while disconnected: %v, want %v", err, hearth.ErrBrokerUnavailable)
		}
	}
	n.await("Notify tells it, with the reason", func(_ []hearth.Envelope, events []hearth.BrokerEvent) bool {
		for _, e := range events {
			if e.State == hearth.BrokerDisconnected && e.Err != nil {
				return true
			}
		}
		return false
	})
	h.Repair()
	for _, s := range []hearth.BrokerSession{n, emitter} {
		eventually(t, "publishing works again", func() bool { return publish(t, s, toRoom("id", "r", "e")) == nil })
	}
}

// testBreakRestores: everything that is wanted is live again when the broker is
// back, also what came to be wanted meanwhile, and the gap is told.
func testBreakRestores(t *testing.T, h Harness) {
	if !h.breakable() {
		return
	}
	const channels = 2000
	from, to := openNode(t, h.Broker(), "from"), openNode(t, h.Broker(), "to")
	room := func(i int) string { return fmt.Sprintf("r%d", i) }
	for i := range channels {
		to.Subscribe([]string{hearth.ForRoom(room(i))}, once(t, func(error) {}))
	}
	to.subscribe(hearth.ForRoom(room(channels-1)), hearth.ForRoom("given up"))
	before := time.Now()
	h.Break()
	eventually(t, "the loss is known", func() bool { return to.Stats().State != hearth.BrokerConnected })
	to.Unsubscribe([]string{hearth.ForRoom("given up")})
	within(t, "Subscribe while disconnected", blocking, func() {
		if err := wait(t, func(done func(error)) { to.Subscribe([]string{hearth.ForRoom("late")}, done) }); err == nil {
			t.Error("Subscribe without the broker is done without an error")
		}
	})
	h.Repair()

	to.await("the state is connected", func(_ []hearth.Envelope, events []hearth.BrokerEvent) bool {
		return len(events) > 0 && events[len(events)-1].State == hearth.BrokerConnected
	})
	gaps := to.missed()
	if len(gaps) == 0 {
		t.Fatal("the state is connected again, and no gap was told")
	}
	gap := gaps[len(gaps)-1]
	if gap.Channel != "" || gap.Server != "" {
		t.Errorf("the gap is of channel %q and server %q, want all", gap.Channel, gap.Server)
	}
	if gap.From.After(gap.To) || gap.To.Before(before) {
		t.Errorf("the gap is from %v to %v, and the broker broke after %v", gap.From, gap.To, before)
	}
	eventually(t, "the publisher is connected", func() bool { return from.Stats().State == hearth.BrokerConnected })
	p := newPipeline(t, from, 256)
	for i := range channels {
		p.publish(toRoom("from", room(i), "event"))
	}
	p.publish(toRoom("from", "late", "event"))
	p.wait()
	to.awaitEvents("event", channels+1)
	if s := to.Stats(); s.Gaps == 0 || !to.Unfiltered() && (s.Channels != channels+1 || s.Live != channels+1) {
		t.Errorf("stats: %+v, want gaps, and %d channels, all live", s, channels+1)
	}
}

// testBreakOften: however often it breaks, and in whatever state, it recovers.
func testBreakOften(t *testing.T, h Harness) {
	if !h.breakable() {
		return
	}
	from, to := openNode(t, h.Broker(), "from"), openNode(t, h.Broker(), "to")
	for i := range 3 {
		room := fmt.Sprint(i)
		to.Subscribe([]string{hearth.ForRoom(room)}, once(t, func(error) {}))
		h.Break()
		h.Repair()
		n := 0
		eventually(t, "envelopes arrive again", func() bool {
			n++
			event := fmt.Sprintf("event %d %d", i, n)
			if publish(t, from, toRoom("from", room, event)) != nil {
				return false
			}
			time.Sleep(5 * time.Millisecond) // not to publish thousands
			return len(to.received(fmt.Sprintf("event %d ", i))) > 0
		})
	}
}

// testBreakClose: Close works without the broker, too, and so does Open's end.
func testBreakClose(t *testing.T, h Harness) {
	if !h.breakable() {
		return
	}
	n := openNode(t, h.Broker(), "id")
	n.subscribe(hearth.ForRoom("r"))
	h.Break()
	p := newPipeline(t, n, 100)
	for range 100 {
		n.Publish(toRoom("id", "r", "e"), p.answer())
	}
	n.Subscribe([]string{hearth.ForRoom("s")}, once(t, func(error) {}))
	n.close()
	p.answers()
	h.Repair()
}

// testBreakOpen: Open waits for the broker until its context ends.
func testBreakOpen(t *testing.T, h Harness) {
	if !h.breakable() {
		return
	}
	h.Break()
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	_, err := h.Broker().Open(ctx, hearth.BrokerNode{
		ServerID: "id", Deliver: func(hearth.Envelope) {}, Logger: slog.New(slog.DiscardHandler),
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Open without the broker: %v, want %v", err, context.DeadlineExceeded)
	}
	type opening struct {
		session hearth.BrokerSession
		err     error
	}
	opened := make(chan opening, 1)
	broker := h.Broker()
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		s, err := broker.Open(ctx, hearth.BrokerNode{
			ServerID: "id", Deliver: func(hearth.Envelope) {}, Logger: slog.New(slog.DiscardHandler),
		})
		opened <- opening{s, err}
	}()
	h.Repair()
	o := <-opened
	if o.err != nil {
		t.Fatalf("Open when the broker is back: %v", o.err)
	}
	mustPublish(t, o.session, toRoom("id", "r", "e"))
	mustClose(t, o.session)
}
