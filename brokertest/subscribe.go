package brokertest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hearthws/hearth"
)

// testLiveWhenDone: what is published as soon as Subscribe is done arrives.
func testLiveWhenDone(t *testing.T, h Harness) {
	const count = 300
	from, to := openNode(t, h.Broker(), "from"), openNode(t, h.Broker(), "to")
	var running sync.WaitGroup
	for i := range count {
		running.Add(1)
		channels := []string{hearth.ForClient(fmt.Sprint(i)), hearth.ForRoom(fmt.Sprint(i)), hearth.ForUser(fmt.Sprint(i % 7))}
		to.Subscribe(channels, once(t, func(err error) {
			if err != nil {
				t.Errorf("Subscribe: %v", err)
			}
			from.Publish(toRoom("from", fmt.Sprint(i), "event"), once(t, func(err error) {
				if err != nil {
					t.Errorf("Publish: %v", err)
				}
				running.Done()
			}))
		}))
	}
	waitAll(t, "every publish is answered", &running)
	to.awaitEvents("event", count)
}

// testReferences: a channel is subscribed as long as one reference is left.
func testReferences(t *testing.T, h Harness) {
	from, to := openNode(t, h.Broker(), "from"), openNode(t, h.Broker(), "to")
	channel := hearth.ForRoom("r")
	to.subscribe(channel, channel, hearth.ForRoom("other"))
	to.subscribe(channel)
	to.Unsubscribe([]string{channel, hearth.ForRoom("never subscribed")})
	to.Unsubscribe([]string{channel})
	mustPublish(t, from, toRoom("from", "r", "wanted"))
	to.awaitEvents("wanted", 1)
	if to.Unfiltered() {
		return
	}

	to.Unsubscribe([]string{channel})
	to.Unsubscribe([]string{channel}) // one too many
	n := 0
	eventually(t, "nothing of the channel arrives", func() bool {
		n++
		event := fmt.Sprintf("unwanted %d.", n)
		mustPublish(t, from, toRoom("from", "r", event))
		mustPublish(t, from, toRoom("from", "other", "after "+event))
		to.awaitEvents("after "+event, 1)
		return len(to.received(event)) == 0
	})

	to.subscribe(channel)
	mustPublish(t, from, toRoom("from", "r", "wanted again"))
	to.awaitEvents("wanted again", 1)
	to.Unsubscribe([]string{channel})
	to.subscribe(channel) // at once
	mustPublish(t, from, toRoom("from", "r", "wanted still"))
	to.awaitEvents("wanted still", 1)
}

// testManyChannels: ten thousand channels, asked for by many at once.
func testManyChannels(t *testing.T, h Harness) {
	const clients, each = 2500, 4
	from, to := openNode(t, h.Broker(), "from"), openNode(t, h.Broker(), "to")
	var subscribed sync.WaitGroup
	for i := range clients {
		channels := make([]string, each)
		for k := range channels {
			channels[k] = hearth.ForRoom(fmt.Sprintf("%d/%d", i, k))
		}
		subscribed.Add(1)
		to.Subscribe(channels, once(t, func(err error) {
			if err != nil {
				t.Errorf("Subscribe: %v", err)
			}
			subscribed.Done()
		}))
	}
	waitAll(t, "every Subscribe is done", &subscribed)
	p := newPipeline(t, from, 500)
	for i := range clients {
		for k := range each {
			p.publish(toRoom("from", fmt.Sprintf("%d/%d", i, k), "event"))
		}
	}
	p.wait()
	to.awaitEvents("event", clients*each)
	if s := to.Stats(); !to.Unfiltered() && (s.Channels != clients*each || s.Live != clients*each) {
		t.Errorf("stats: %d channels, %d live, want %d", s.Channels, s.Live, clients*each)
	}
}

// testChurn: subscriptions that come and go do not touch those that stay.
func testChurn(t *testing.T, h Harness) {
	const stable, churners, count = 8, 4, 400
	from, to := openNode(t, h.Broker(), "from"), openNode(t, h.Broker(), "to")
	for c := range stable {
		to.subscribe(hearth.ForRoom(fmt.Sprintf("stable %d", c)))
	}
	var stop atomic.Bool
	var churn sync.WaitGroup
	for range churners {
		churn.Go(func() {
			for !stop.Load() {
				channels := []string{
					hearth.ForRoom(fmt.Sprintf("churn %d", rand.N(50))),
					hearth.ForRoom(fmt.Sprintf("churn %d", rand.N(50))),
					hearth.ForRoom(fmt.Sprintf("stable %d", rand.N(stable))),
				}
				live := make(chan struct{})
				to.Subscribe(channels, once(t, func(err error) {
					if err != nil {
						t.Errorf("Subscribe: %v", err)
					}
					close(live)
				}))
				if rand.N(2) == 0 {
					<-live
				}
				to.Unsubscribe(channels)
				<-live
			}
		})
	}
	p := newPipeline(t, from, 64)
	for i := range count {
		for c := range stable {
			p.publish(toRoom("from", fmt.Sprintf("stable %d", c), fmt.Sprintf("event %d", i)))
			p.publish(toRoom("from", fmt.Sprintf("churn %d", rand.N(50)), "noise"))
		}
	}
	p.wait()
	stop.Store(true)
	waitAll(t, "every Subscribe is done", &churn)
	next := make(map[string]int)
	for _, env := range to.awaitEvents("event", stable*count) {
		if want := fmt.Sprintf("event %d", next[env.Target]); env.Event != want {
			t.Fatalf("room %s: received %s, want %s", env.Target, env.Event, want)
		}
		next[env.Target]++
	}
	if s := to.Stats(); !to.Unfiltered() && s.Channels != stable {
		t.Errorf("stats: %d channels after the churn, want %d", s.Channels, stable)
	}
}

// testDeliverSubscribes: Deliver may subscribe and unsubscribe.
func testDeliverSubscribes(t *testing.T, h Harness) {
	from, to := openNode(t, h.Broker(), "from"), openNode(t, h.Broker(), "to")
	to.subscribe(hearth.ForRoom("0"))
	const count = 50
	live := make(chan int, count)
	hook := func(env hearth.Envelope) {
		var i int
		if _, err := fmt.Sscanf(env.Target, "%d", &i); err != nil || env.ServerID != "from" {
			return
		}
		to.Unsubscribe([]string{env.Channel()})
		to.Subscribe([]string{hearth.ForRoom(fmt.Sprint(i + 1))}, once(t, func(err error) {
			if err != nil {
				t.Errorf("Subscribe: %v", err)
			}
			live <- i + 1
		}))
		to.Stats()
	}
	to.hook.Store(&hook)
	for i := range count {
		mustPublish(t, from, toRoom("from", fmt.Sprint(i), "event"))
		to.awaitEvents("event", i+1)
		select {
		case next := <-live:
			if next != i+1 {
				t.Fatalf("room %d is live, want %d", next, i+1)
			}
		case <-time.After(patience):
			t.Fatalf("after %s still not: room %d is live", patience, i+1)
		}
	}
}

// testStats: the numbers are right, and the state is known.
func testStats(t *testing.T, h Harness) {
	from, to := openNode(t, h.Broker(), "from"), openNode(t, h.Broker(), "to")
	to.subscribe(hearth.ForRoom("a"), hearth.ForRoom("b"), hearth.ForRoom("a"))
	for range 10 {
		mustPublish(t, from, toRoom("from", "a", "event"))
	}
	to.awaitEvents("event", 10)
	got := to.Stats()
	if got.Kind == "" || got.State != hearth.BrokerConnected || got.Since.IsZero() {
		t.Errorf("stats: kind %q, state %q since %v, want a kind, connected, and a time", got.Kind, got.State, got.Since)
	}
	if got.Received != 10 || got.Malformed != 0 || got.Overflowed != 0 || got.Gaps != 0 {
		t.Errorf("stats: %+v, want 10 received and nothing wrong", got)
	}
	if !to.Unfiltered() && (got.Channels != 2 || got.Live != 2) {
		t.Errorf("stats: %d channels, %d live, want 2 and 2", got.Channels, got.Live)
	}
	eventually(t, "nothing is queued", func() bool { return from.Stats().QueuedBytes == 0 })
	if got := from.Stats(); got.Published != 10 || got.Failed != 0 {
		t.Errorf("stats of the publisher: %d published, %d failed, want 10 and 0", got.Published, got.Failed)
	}
}
