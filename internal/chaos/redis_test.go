//go:build linux

package chaos_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hearthws/hearth/internal/chaos"
	"github.com/hearthws/hearth/internal/redistest"
)

// findWithin is how long a dead link to Redis may go unnoticed (G6).
const findWithin = 5 * time.Second

// gapTold waits until a node has told a gap that covers at.
func gapTold(w *chaos.World, at time.Time) {
	w.Eventually("a gap covers "+at.Format(time.StampMilli), func() bool {
		for _, g := range w.Gaps() {
			if !g.From.After(at) && !g.To.Before(at) {
				return true
			}
		}
		return false
	})
}

// F1: Redis is restarted, in an orderly way and by kill -9.
func TestF1RedisRestarted(t *testing.T) {
	each(t, func(t *testing.T, seed uint64) {
		redis := redistest.Start(t)
		w := world(t, seed, redis.URL(), nil)
		check := nobodyLeaves(t, w)
		for _, end := range []func(){redis.Stop, redis.Kill} {
			w.Recover()
			end()
			ended := time.Now()
			time.Sleep(lasting(300*time.Millisecond, 3*time.Second)) // the fault
			redis.Restart()
			w.Recover()
			gapTold(w, ended)
		}
		check()
		w.Settle()
	})
}

// F2: Redis is frozen. A second is nothing; longer is a gap.
func TestF2RedisFrozen(t *testing.T) {
	for _, d := range []time.Duration{time.Second, 5 * time.Second, 30 * time.Second} {
		if d > 5*time.Second && !*long {
			continue
		}
		t.Run(d.String(), func(t *testing.T) {
			each(t, func(t *testing.T, seed uint64) {
				redis := redistest.Start(t)
				w := world(t, seed, redis.URL(), nil)
				check := nobodyLeaves(t, w)
				redis.Freeze()
				frozen := time.Now()
				time.Sleep(d)
				redis.Thaw()
				w.Recover()
				if d > time.Second {
					gapTold(w, frozen.Add(d/2))
				} else if gaps := w.Gaps(); len(gaps) > 0 {
					t.Errorf("gaps after a second: %+v", gaps)
				}
				check()
				w.Settle()
			})
		})
	}
}

// F3: only the subscribers' connections are cut, again and again.
func TestF3SubscribersCut(t *testing.T) {
	each(t, func(t *testing.T, seed uint64) {
		redis := redistest.Start(t)
		w := world(t, seed, redis.URL(), nil)
		check := nobodyLeaves(t, w)
		for range crowd(5, 50) {
			at := time.Now()
			redis.CLI("CLIENT", "KILL", "TYPE", "pubsub")
			w.Eventually("both nodes tell a gap", func() bool { return w.Tellers(at) == 2 })
			w.Recover()
		}
		check()
		w.Settle()
	})
}

// F4: a subscriber does not read, so that Redis cuts it off.
func TestF4OutputBufferOverrun(t *testing.T) {
	each(t, func(t *testing.T, seed uint64) {
		redis := redistest.Start(t, "--client-output-buffer-limit", "pubsub 1mb 256kb 1")
		w := world(t, seed, redis.URL(), func(o *chaos.Options) {
			o.Body, o.InFlight, o.Pace = 8<<10, 20*time.Second, 2*time.Millisecond
			o.Flags = []string{"-backpressure-limit", "16777216"} // what Redis and the kernel have kept comes at once
		})
		subscribers := func() int { return strings.Count(redis.CLI("CLIENT", "LIST", "TYPE", "pubsub"), "\n") + 1 }
		before := subscribers()
		w.Nodes[1].Freeze()
		at := time.Now()
		w.Eventually("Redis cuts off the node that does not read", func() bool { return subscribers() < before })
		w.Nodes[1].Thaw()
		w.Recover()
		gapTold(w, at)
		w.Settle()
	})
}

// F5: the link to Redis is half open: nothing passes, and nothing says so. A
// proxy that passes nothing looks like that from both ends, and needs no rights,
// as a network namespace would.
func TestF5HalfOpenLink(t *testing.T) {
	each(t, func(t *testing.T, seed uint64) {
		redis := redistest.Start(t)
		proxy := redistest.StartProxy(t, redis.Addr())
		w := world(t, seed, "redis://"+proxy.Addr(), nil)
		check := nobodyLeaves(t, w)
		for range crowd(1, 5) {
			for _, p := range w.Publishers {
				p.FirstRefused.Store(0)
			}
			proxy.Silence()
			silent := time.Now()
			w.Eventually("a publisher is told", func() bool { return w.Publishers[0].FirstRefused.Load() != 0 })
			took := time.Since(silent)
			t.Logf("the silence was noticed after %s", took)
			if took > findWithin {
				t.Errorf("which is more than %s", findWithin)
			}
			proxy.Release()
			w.Recover() // a link that is back soon enough has lost nothing
		}
		check()
		w.Settle()
	})
}

// F6: Sentinels elect another master, with and without the old one's death.
func TestF6SentinelFailover(t *testing.T) {
	each(t, func(t *testing.T, seed uint64) {
		sentinels := redistest.StartSentinel(t, crowd(1, 3))
		url := "redis://" + strings.Join(sentinels.Addrs(), ",") + "?sentinel=" + redistest.MasterName
		w := world(t, seed, url, nil)
		check := nobodyLeaves(t, w)
		old := sentinels.Elected()
		if seed%2 == 0 || *long {
			sentinels.Failover()
			w.Eventually("another master is elected", func() bool { return sentinels.Elected() != old })
			w.Recover()
			old = sentinels.Elected()
		}
		if seed%2 == 1 || *long {
			if sentinels.Master.Addr() == old {
				sentinels.Master.Kill()
			} else {
				sentinels.Replica.Kill()
			}
			w.Eventually("another master is elected", func() bool { return sentinels.Elected() != old })
			w.Recover()
		}
		// Others may have published at the old master a little longer, which is told
		// when it is over; their own gaps are over long before.
		gapTold(w, time.Now().Add(8*time.Second))
		check()
		w.Settle()
	})
}

// F6: a Cluster grows, its slots move, and one of its nodes dies. In a Cluster
// every room has a node of its own, so order is one of each room.
func TestF6ClusterMoves(t *testing.T) {
	each(t, func(t *testing.T, seed uint64) {
		cluster := redistest.StartCluster(t, 3)
		url := "redis://" + cluster.Nodes[0].Addr() + "," + cluster.Nodes[1].Addr() + "?cluster=1"
		w := world(t, seed, url, func(o *chaos.Options) { o.PerRoom = true })
		check := nobodyLeaves(t, w)
		added := cluster.AddNode()
		cluster.MoveSlots(cluster.Nodes[0], added, 2000)
		w.Recover()
		time.Sleep(lasting(time.Second, 6*time.Second)) // more slots than the nodes look at
		cluster.Nodes[2].Kill()
		time.Sleep(lasting(500*time.Millisecond, 5*time.Second))
		cluster.Nodes[2].Restart()
		w.Recover()
		check()
		w.Settle()
	})
}

// F19: whatever others publish harms nothing.
func TestF19OddEnvelopes(t *testing.T) {
	each(t, func(t *testing.T, seed uint64) {
		redis := redistest.Start(t)
		w := world(t, seed, redis.URL(), nil)
		check := nobodyLeaves(t, w)
		for _, payload := range []string{
			``, `x`, `null`, `[]`, `{}`, `{"serverId":7}`, "\xff\xfe", `{"serverId":"x","type":"room","target":"r0"`,
			`{"serverId":"x","type":"planet","target":"r0","event":"msg","data":"p r0 1 "}`,
			`{"serverId":"x","type":"room","event":"msg","data":"p r0 1 "}`,
			`{"serverId":"x","type":"room","target":"nobody","event":"msg","data":"p r0 1 ","v":2,"epoch":"e","seq":7}`,
			`{"serverId":"x","type":"room","target":"nobody","event":"msg","epoch":["e"],"seq":-1,"exclude":7}`,
			strings.Repeat(`[`, 20_000), `{"serverId":"` + strings.Repeat("x", 100_000) + `"}`,
		} {
			for _, channel := range []string{"ws:broadcast", "ws:room:r0", "ws:room:lab:gaps"} {
				redis.CLI("PUBLISH", channel, payload)
			}
		}
		w.Recover()
		if gaps := w.Gaps(); len(gaps) > 0 {
			t.Errorf("gaps without a loss: %+v", gaps)
		}
		check()
		w.Settle()
	})
}
