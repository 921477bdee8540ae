//go:build linux

package chaos_test

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/internal/chaos"
	"github.com/hearthws/hearth/internal/redistest"
)

var deliveries = flag.Int64("chaos.deliveries", 200_000, "how many deliveries the mixed faults go on for")

// G2, G3: all faults of Redis and of nodes in a random order, over so many
// deliveries. Rooms are large, since that makes many of few.
func TestMixedFaults(t *testing.T) {
	each(t, func(t *testing.T, seed uint64) {
		redis := redistest.Start(t, "--client-output-buffer-limit", "pubsub 8mb 4mb 2")
		clients := crowd(60, 600)
		w := world(t, seed, redis.URL(), func(o *chaos.Options) {
			o.Nodes, o.Clients, o.Rooms, o.Each, o.Publishers = 2, clients, 4, 2, 4
			o.Pace, o.Window, o.InFlight = time.Millisecond, 16, 15*time.Second
			o.Patience = 90 * time.Second
		})
		node := func() *chaos.Node { return w.Nodes[w.N(2)] }
		faults := []struct {
			name string
			run  func()
		}{
			{"Redis stopped", func() { redis.Stop(); rest(w, 500); redis.Restart() }},
			{"Redis killed", func() { redis.Kill(); rest(w, 500); redis.Restart() }},
			{"Redis frozen", func() { redis.Freeze(); rest(w, 5000); redis.Thaw() }},
			{"subscribers cut", func() { redis.CLI("CLIENT", "KILL", "TYPE", "pubsub") }},
			{"everybody cut from Redis", func() { redis.CLI("CLIENT", "KILL", "TYPE", "normal"); redis.CLI("CLIENT", "KILL", "TYPE", "pubsub") }},
			{"publishers cut from Redis", func() { redis.CLI("CLIENT", "KILL", "TYPE", "normal") }},
			{"node killed", func() { n := node(); n.Kill(); rest(w, 500); n.Start() }},
			{"node ended", func() { n := node(); n.Stop(); n.Start() }},
			{"node frozen", func() { n := node(); n.Freeze(); rest(w, 4000); n.Thaw() }},
			{"clients cut", func() {
				for range len(w.Clients) / 4 {
					w.Clients[w.N(len(w.Clients))].Cut()
				}
			}},
		}
		count := map[string]int{}
		for began := time.Now(); w.Delivered() < *deliveries; {
			f := faults[w.N(len(faults))]
			f.run()
			count[f.name]++
			w.Recover()
			rest(w, 2000)
			if *long && count[f.name] == 1 {
				t.Logf("%8s: %d delivered; %s", time.Since(began).Round(time.Second), w.Delivered(), f.name)
			}
		}
		t.Logf("faults: %v", count)
		w.Settle()
	})
}

// rest waits for up to so many milliseconds.
func rest(w *chaos.World, ms int) { time.Sleep(time.Duration(w.N(ms)) * time.Millisecond) }

// G5: Redis is restarted again and again under a node with 10,000 rooms: all are
// subscribed again, soon after Redis answers.
func TestG5ManyRestarts(t *testing.T) {
	const rooms = 10_000
	each(t, func(t *testing.T, seed uint64) {
		redis := redistest.Start(t)
		w := world(t, seed, redis.URL(), func(o *chaos.Options) { o.Nodes, o.Pace = 1, 50*time.Millisecond })
		n := w.Nodes[0]
		const each = 500 // rooms of one client
		for i := range rooms / each {
			member, err := n.Peer("")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(member.Close)
			for k := 0; k < each; k += 100 {
				var names []string
				for l := range 100 {
					names = append(names, fmt.Sprint("many ", i*each+k+l))
				}
				if err := member.Send("join", map[string]any{"rooms": names}); err != nil {
					t.Fatal(err)
				}
			}
			if err := member.Send("echo", nil); err != nil {
				t.Fatal(err)
			}
			if err := member.Await("echo", nil); err != nil {
				t.Fatal(err)
			}
		}
		var took []time.Duration
		for range crowd(3, 20) {
			redis.Restart()
			answers := time.Now()
			w.Eventually("everything is subscribed again", func() bool {
				s := stats(t, n).Broker
				return s.State == hearth.BrokerConnected && s.Live >= rooms && s.Live == s.Channels
			})
			took = append(took, time.Since(answers))
			w.Recover()
		}
		slices.Sort(took)
		t.Logf("%d restarts, %d rooms: subscribed again after %s (median), %s (longest)", len(took), rooms, took[len(took)/2], took[len(took)-1])
		if *long && took[len(took)-1] > time.Second {
			t.Errorf("the longest took %s, want at most 1 s", took[len(took)-1])
		}
		w.Settle()
	})
}
