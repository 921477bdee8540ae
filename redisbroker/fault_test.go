//go:build unix

package redisbroker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/internal/redistest"
	"github.com/hearthws/hearth/redisbroker"
)

// findWithin is how long a dead connection may go unnoticed.
const findWithin = 5 * time.Second

// far is longer than any fault of a test that must not be noticed.
const far = 10 * time.Second

// A Redis that hangs holds up nobody: neither those who publish, nor those who
// subscribe. It is found, and what follows is refused at once.
func TestFrozenRedisBlocksNobody(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	p := join(t, newBroker(t, redisbroker.Options{URL: server.URL()}))
	p.subscribe(hearth.ForRoom("r"))
	mustPublish(t, p, "r", "before")

	server.Freeze()
	frozen := time.Now()
	var answers, failed atomic.Int64
	for i := range 2000 {
		p.Publish(toRoom("r", "lost"), func(err error) {
			if err != nil {
				failed.Add(1)
			}
			answers.Add(1)
		})
		p.Subscribe([]string{hearth.ForRoom(fmt.Sprint(i))}, func(error) { answers.Add(1) })
	}
	if took := time.Since(frozen); took > time.Second {
		t.Errorf("4,000 calls took %s with Redis frozen", took)
	}
	eventually(t, "all calls are answered", func() bool { return answers.Load() == 4000 })
	if took := time.Since(frozen); took > findWithin || failed.Load() != 2000 {
		t.Errorf("%d of 2000 publishes failed, after %s", failed.Load(), took)
	}
	if err := publish(t, p, "r", "refused"); !errors.Is(err, hearth.ErrBrokerUnavailable) {
		t.Errorf("Publish when Redis is known to hang: %v, want %v", err, hearth.ErrBrokerUnavailable)
	}
	eventually(t, "the loss of the subscriber is known", func() bool { return p.Stats().Live == 0 })

	thawed := time.Now()
	server.Thaw()
	gap := p.restored(0)
	if gap.From.After(frozen.Add(time.Second)) || gap.From.Before(frozen.Add(-findWithin)) {
		t.Errorf("the gap begins %s after Redis froze", gap.From.Sub(frozen))
	}
	if gap.To.Before(thawed) {
		t.Errorf("the gap ends %s before Redis thawed", thawed.Sub(gap.To))
	}
	mustPublish(t, p, "1999", "after")
	eventually(t, "rooms subscribed while frozen are live", func() bool { return p.received("after") == 1 })
}

// A short pause of Redis costs nothing.
func TestShortFreezeLosesNothing(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	p := join(t, newBroker(t, redisbroker.Options{URL: server.URL(), WriteTimeout: far}))
	p.subscribe(hearth.ForRoom("r"))
	server.Freeze()
	var answers atomic.Int64
	for range 100 {
		p.Publish(toRoom("r", "event"), func(err error) {
			if err != nil {
				t.Errorf("Publish: %v", err)
			}
			answers.Add(1)
		})
	}
	time.Sleep(time.Second) // the fault itself
	if n := answers.Load(); n != 0 {
		t.Errorf("a frozen Redis answered %d publishes", n)
	}
	server.Thaw()
	eventually(t, "everything arrives", func() bool { return p.received("event") == 100 })
	if s := p.Stats(); s.Gaps != 0 || s.State != hearth.BrokerConnected || s.Failed != 0 {
		t.Errorf("after a second of silence: %+v, want no gap, connected, nothing failed", s)
	}
}

// Only the subscriber's connection is cut, again and again: publishing goes
// on, and the hooks of each new connection work.
func TestSubscriberKilled(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	p := join(t, newBroker(t, redisbroker.Options{URL: server.URL()}))
	p.subscribe(hearth.ForRoom("r"))
	for i := range 4 {
		event := fmt.Sprint("event ", i)
		if out := server.CLI("CLIENT", "KILL", "TYPE", "pubsub"); out != "1" {
			t.Fatalf("CLIENT KILL: %q, want one connection killed", out)
		}
		mustPublish(t, p, "r", "whenever")
		p.restored(i)
		mustPublish(t, p, "r", event)
		eventually(t, "envelopes arrive again", func() bool { return p.received(event) == 1 })
	}
	s := p.Stats()
	if s.Gaps != 4 || s.Reconnects != 4 || s.Failed != 0 {
		t.Errorf("stats: %d gaps, %d reconnects, %d failed, want 4, 4, 0", s.Gaps, s.Reconnects, s.Failed)
	}
	want := []hearth.BrokerState{hearth.BrokerResubscribing, hearth.BrokerConnected}
	eventually(t, "the last state is told", func() bool { return len(p.states()) >= 8 }) // behind its gap
	if diff := cmp.Diff(slices.Repeat(want, 4), p.states()); diff != "" {
		t.Errorf("states (-want +told):\n%s", diff)
	}
}

// A subscriber that reads too slowly is cut off by Redis: that is a gap, and
// everything is subscribed again.
func TestOutputBufferOverrun(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--client-output-buffer-limit", "pubsub 1mb 1mb 1")
	proxy := redistest.StartProxy(t, server.Addr())
	p := join(t, newBroker(t, redisbroker.Options{Addrs: []string{proxy.Addr()}, WriteTimeout: far}))
	p.subscribe(hearth.ForRoom("r"), hearth.ForRoom("quiet"))
	from := joinEmitter(t, newBroker(t, redisbroker.Options{URL: server.URL()}))

	proxy.Hold(redistest.Subscriber, 0)
	large := toRoom("r", "large")
	large.Data = []byte(`"` + strings.Repeat("x", 1<<20) + `"`)
	client, _, _ := strings.Cut(server.CLI("CLIENT", "LIST", "TYPE", "pubsub"), " ")
	eventually(t, "Redis cuts the subscriber off", func() bool {
		if err := await(t, func(done func(error)) { from.Publish(large, done) }); err != nil {
			t.Fatal(err)
		}
		return !strings.Contains(server.CLI("CLIENT", "LIST"), client+" ")
	})
	proxy.Release()
	p.restored(0)
	mustPublish(t, from, "quiet", "after")
	eventually(t, "envelopes arrive again", func() bool { return p.received("after") == 1 })
}

// A link that dies without a word is found, on both connections, although
// nothing is published.
func TestSilentDeath(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	p := join(t, newBroker(t, redisbroker.Options{Addrs: []string{proxy.Addr()}}))
	p.subscribe(hearth.ForRoom("r"))
	proxy.Silence()
	silent := time.Now()
	eventually(t, "the silence is noticed", func() bool { return p.Stats().State == hearth.BrokerDisconnected })
	eventually(t, "the subscriber knows it, too", func() bool { return p.Stats().Live == 0 })
	if took := time.Since(silent); took > findWithin {
		t.Errorf("the silence was noticed after %s, want at most %s", took, findWithin)
	}
	proxy.Release()
	p.restored(0)
	mustPublish(t, p, "r", "after")
	eventually(t, "envelopes arrive again", func() bool { return p.received("after") == 1 })
}

// Both connections are alive, but lead to different servers, as after a
// failover of which the subscriber did not hear.
func TestSubscriberAtAnotherServer(t *testing.T) {
	t.Parallel()
	old, elected := redistest.Start(t), redistest.Start(t)
	proxy := redistest.StartProxy(t, old.Addr())
	p := join(t, newBroker(t, redisbroker.Options{Addrs: []string{proxy.Addr()}}))
	p.subscribe(hearth.ForRoom("r"))
	proxy.Retarget(elected.Addr())
	moved := time.Now()
	proxy.Cut(redistest.Publisher)
	gap := p.restored(0)
	if took := time.Since(moved); took > findWithin {
		t.Errorf("noticed after %s, want at most %s", took, findWithin)
	}
	if gap.From.After(moved) {
		t.Errorf("the gap begins %s after the move", gap.From.Sub(moved))
	}
	mustPublish(t, p, "r", "after")
	eventually(t, "envelopes arrive again", func() bool { return p.received("after") == 1 })
}

// When a batch of publishes is cut off, everyone gets the answer that Redis
// gave, if it gave one.
func TestHalfABatch(t *testing.T) {
	t.Parallel()
	const sent, answered = 100, 40
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	s := joinEmitter(t, newBroker(t, redisbroker.Options{
		Addrs: []string{proxy.Addr()}, WriteTimeout: far, ProbeInterval: time.Minute,
	}))
	proxy.Hold(redistest.Publisher, 0)
	results := make(chan error, 1+sent)
	s.Publish(toRoom("r", "first"), func(err error) { results <- err })
	eventually(t, "the first batch is on its way", func() bool {
		return strings.Contains(proxy.Sent(redistest.Publisher), `"first"`)
	})
	var failed [sent]error
	answers := make(chan struct{}, sent)
	for i := range sent {
		s.Publish(toRoom("r", "second"), func(err error) {
			failed[i] = err
			answers <- struct{}{}
		})
	}
	// An idle connection is asked for a sign of life, so there may be a reply
	// +PONG in between; then fewer answers pass.
	const reply = len(":0\r\n")
	proxy.Hold(redistest.Publisher, (1+answered)*reply)
	eventually(t, "the answers have passed", func() bool { return proxy.Held(redistest.Publisher) })
	if err := <-results; err != nil {
		t.Fatalf("the first batch: %v", err)
	}
	proxy.Cut(redistest.Publisher)
	proxy.Release()
	for range sent {
		<-answers
	}
	succeeded := 0
	for i, err := range failed {
		switch {
		case err == nil && succeeded == i:
			succeeded++
		case err == nil:
			t.Fatalf("publish %d succeeded after one that failed", i)
		case !errors.Is(err, hearth.ErrBrokerUnavailable):
			t.Fatalf("publish %d: %v, want %v", i, err, hearth.ErrBrokerUnavailable)
		}
	}
	if succeeded == 0 || succeeded > answered {
		t.Errorf("%d publishes succeeded, want some, and at most %d", succeeded, answered)
	}
}

// What waits for Redis is bounded in bytes.
func TestQueueFull(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := joinEmitter(t, newBroker(t, redisbroker.Options{URL: server.URL(), QueueBytes: 1 << 20}))
	server.Freeze()
	defer server.Thaw()
	env := toRoom("r", "event")
	env.Data = []byte(`"` + strings.Repeat("x", 100<<10) + `"`)
	results := make(chan error, 30)
	for range cap(results) {
		s.Publish(env, func(err error) { results <- err })
	}
	if queued := s.Stats().QueuedBytes; queued < 1<<20 || queued > 1<<20+110<<10 {
		t.Errorf("%d bytes are queued, want the bound of %d and less than one envelope more", queued, 1<<20)
	}
	overloaded := 0
	for range cap(results) {
		switch err := <-results; {
		case errors.Is(err, hearth.ErrBrokerOverloaded):
			overloaded++
		case !errors.Is(err, hearth.ErrBrokerUnavailable):
			t.Errorf("Publish: %v, want overloaded or unavailable", err)
		}
	}
	if overloaded != cap(results)-11 {
		t.Errorf("%d publishes were refused as overloaded, want %d", overloaded, cap(results)-11)
	}
	eventually(t, "nothing is queued any more", func() bool { return s.Stats().QueuedBytes == 0 })
}

// A server that does not keep up loses envelopes, and is told how many.
func TestInboxFull(t *testing.T) {
	t.Parallel()
	const sent = 200
	server := redistest.Start(t)
	p := join(t, newBroker(t, redisbroker.Options{URL: server.URL(), InboxBytes: 10_000}))
	p.subscribe(hearth.ForRoom("r"))
	p.mu.Lock() // Deliver waits for it
	for range sent {
		mustPublish(t, p, "r", "event")
	}
	mustPublish(t, p, "r", "end")
	p.mu.Unlock()
	eventually(t, "each has arrived or was announced as missed", func() bool {
		received, missed := p.received("event")+p.received("end"), 0
		for _, gap := range p.gaps() { // more than one if some come after the first was told
			missed += int(gap.Missed)
		}
		return missed > 0 && received+missed == sent+1
	})
	stats := p.Stats()
	missed := int64(0)
	for _, gap := range p.gaps() {
		missed += gap.Missed
		if gap.Channel != hearth.ForRoom("r") || gap.Missed <= 0 || gap.From.After(gap.To) {
			t.Errorf("gap %+v, want some that were dropped of the room's channel", gap)
		}
	}
	if stats.Overflowed != missed {
		t.Errorf("overflowed %d, missed %d", stats.Overflowed, missed)
	}
	mustPublish(t, p, "r", "after")
	eventually(t, "envelopes arrive again", func() bool { return p.received("after") == 1 })
	if stats.State != hearth.BrokerConnected || !strings.Contains(p.logs.String(), "broker may have missed envelopes") {
		t.Errorf("state %s, want %s, and a line in the log:\n%s", stats.State, hearth.BrokerConnected, p.logs)
	}
}

// What is lost while every connection is well is found by its number: here
// what Redis refused, as its publisher was told.
func TestMissingNumber(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	allow := func(channels ...string) {
		args := append([]string{"ACL", "SETUSER", "publisher", "on", "nopass", "+@all", "~*", "resetchannels"}, channels...)
		server.CLI(args...)
	}
	allow("&*")
	p := join(t, newBroker(t, redisbroker.Options{URL: server.URL()}))
	from := joinEmitter(t, newBroker(t, redisbroker.Options{Addrs: []string{server.Addr()}, Username: "publisher", Password: "any"}))
	p.subscribe(hearth.ForRoom("r"), hearth.ForRoom("quiet"))
	mustPublish(t, from, "r", "before")
	eventually(t, "the first arrives", func() bool { return p.received("before") == 1 })
	began := time.Now()
	allow("&ws:probe:*")
	for range 5 {
		if err := publish(t, from, "r", "lost"); err == nil {
			t.Fatal("Redis did not refuse what it should")
		}
	}
	allow("&*")
	mustPublish(t, from, "quiet", "after") // another channel tells nothing
	eventually(t, "the other channel arrives", func() bool { return p.received("after") == 1 })
	if gaps := p.gaps(); len(gaps) > 0 {
		t.Errorf("gaps before anything could be missed: %+v", gaps)
	}
	mustPublish(t, from, "r", "after")
	eventually(t, "the gap is told", func() bool { return len(p.gaps()) > 0 })
	gap := p.gaps()[0]
	want := hearth.Gap{Channel: hearth.ForRoom("r"), Missed: 5, Server: "test"}
	if diff := cmp.Diff(want, gap, cmpopts.IgnoreFields(hearth.Gap{}, "From", "To")); diff != "" {
		t.Errorf("gap (-want +told):\n%s", diff)
	}
	if gap.From.After(began) || gap.To.Before(began) || gap.From.Before(began.Add(-findWithin)) {
		t.Errorf("the gap is from %s to %s, and the loss began at %s", gap.From, gap.To, began)
	}
	if s := p.Stats(); s.Missed != 5 || s.Gaps != 1 || s.Reconnects != 0 {
		t.Errorf("stats: %+v, want 5 missed, one gap, no new connection", s)
	}
	if !strings.Contains(p.logs.String(), "missed=5") {
		t.Errorf("the log does not say it:\n%s", p.logs)
	}
}

// Close is bounded by its context, and by itself, whatever Redis does.
func TestCloseWhileFrozen(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	p := join(t, newBroker(t, redisbroker.Options{URL: server.URL(), WriteTimeout: time.Minute}))
	p.subscribe(hearth.ForRoom("r"))
	server.Freeze()
	defer server.Thaw()
	results := make(chan error, 200)
	for i := range cap(results) / 2 {
		p.Publish(toRoom("r", "event"), func(err error) { results <- err })
		p.Subscribe([]string{hearth.ForRoom(fmt.Sprint(i))}, func(err error) { results <- err })
	}
	short, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := p.Close(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Close with 50 ms: %v, want %v", err, context.DeadlineExceeded)
	}
	began := time.Now()
	mustClose(t, p)
	if took := time.Since(began); took > findWithin {
		t.Errorf("Close took %s, want much less than WriteTimeout", took)
	}
	for range cap(results) {
		if err := <-results; err == nil {
			t.Error("a call is done without an error, though Redis is frozen")
		}
	}
}

// While somebody's script keeps it busy Redis answers everything with BUSY, which
// is no refusal: what was asked for meanwhile is subscribed when it is over. Fails
// when forbidden takes every error of Redis for NOPERM.
func TestBusyRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--lua-time-limit", "50")
	proxy := redistest.StartProxy(t, server.Addr())
	p := join(t, newBroker(t, redisbroker.Options{Addrs: []string{proxy.Addr()}}))
	p.subscribe(hearth.ForRoom("r"))
	mustPublish(t, p, "r", "before")
	eventually(t, "envelopes arrive", func() bool { return p.received("before") == 1 })

	script := make(chan string, 1)
	go func() { script <- server.CLI("EVAL", "while true do end", "0") }()
	eventually(t, "Redis is busy", func() bool { return strings.HasPrefix(server.CLI("PING"), "BUSY") })
	proxy.Cut(redistest.Subscriber)
	eventually(t, "the loss is known", func() bool { return p.Stats().State != hearth.BrokerConnected })
	time.Sleep(500 * time.Millisecond) // the fault itself: several connections are made, and refused
	if s := p.Stats(); s.State == hearth.BrokerConnected || s.Live != 0 {
		t.Errorf("with Redis busy: %+v", s)
	}
	server.CLI("SCRIPT", "KILL")
	<-script

	p.restored(0)
	mustPublish(t, p, "r", "after")
	eventually(t, "envelopes arrive again", func() bool { return p.received("after") == 1 })
}
