//go:build linux

package chaos_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/internal/chaos"
	"github.com/hearthws/hearth/internal/ledger"
	"github.com/hearthws/hearth/internal/redistest"
	"github.com/hearthws/hearth/internal/transcript/servers"
)

// stats asks a node.
func stats(t *testing.T, n *chaos.Node) (s hearth.Stats) {
	t.Helper()
	p, err := n.Peer("")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Send("stats", nil); err != nil {
		t.Fatal(err)
	}
	if err := p.Await("stats", &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// F7: a node is killed, and started again.
func TestF7NodeKilled(t *testing.T) {
	each(t, func(t *testing.T, seed uint64) {
		w := world(t, seed, redistest.Start(t).URL(), func(o *chaos.Options) { o.Nodes = 3 })
		for i := range crowd(2, 9) {
			n := w.Nodes[i%3]
			n.Kill()
			w.Recover()
			n.Start()
			w.Recover()
		}
		w.Settle()
	})
}

// F8: a node is frozen. Its clients hear late, but hear everything, or that they
// did not.
func TestF8NodeFrozen(t *testing.T) {
	each(t, func(t *testing.T, seed uint64) {
		w := world(t, seed, redistest.Start(t).URL(), func(o *chaos.Options) { o.InFlight = 20 * time.Second })
		w.Nodes[0].Freeze()
		time.Sleep(lasting(3*time.Second, 10*time.Second))
		w.Nodes[0].Thaw()
		w.Recover()
		w.Settle()
	})
}

// F9: a node is told to end while messages flow. It ends well, and its clients
// come back to another one.
func TestF9NodeEnds(t *testing.T) {
	each(t, func(t *testing.T, seed uint64) {
		w := world(t, seed, redistest.Start(t).URL(), func(o *chaos.Options) { o.Pace = 2 * time.Millisecond })
		for i := range crowd(2, 10) {
			n := w.Nodes[i%2]
			n.Stop()
			w.Recover()
			n.Start()
			w.Recover()
		}
		w.Settle()
	})
}

// F10: the links of a node's clients die without a word. The server finds out
// within its time limit (G6), and they come back.
func TestF10HalfOpenClients(t *testing.T) {
	const timeout, interval = 2 * time.Second, 500 * time.Millisecond
	each(t, func(t *testing.T, seed uint64) {
		w := chaos.NewWorld(t, seed, chaos.Options{Nodes: 1, Clients: 1, Publishers: 1, Flags: []string{
			"-idle-timeout", timeout.String(), "-heartbeat-timeout", "1m", "-heartbeat-interval", interval.String(),
		}})
		before := stats(t, w.Nodes[0])
		link := chaos.NewLink(t, w.Nodes[0])
		for i := range 10 {
			w.AddClient(fmt.Sprint("behind the link ", i), []string{"r0"})
		}
		w.AwaitClients()
		link.Silent.Store(true)
		silent := time.Now()
		for _, c := range w.Clients[1:] {
			w.Ledger.Client(c.Name()).DisconnectedSince(silent)
		}
		w.Eventually("the server has dropped them", func() bool {
			return stats(t, w.Nodes[0]).Disconnected-before.Disconnected >= 10 && stats(t, w.Nodes[0]).Authenticated <= before.Authenticated+1
		})
		if took := time.Since(silent); took > 2*timeout {
			t.Errorf("half-open clients were found after %s, want little more than %s", took, timeout)
		} else {
			t.Logf("half-open clients were found after %s, with an idle timeout of %s", took, timeout)
		}
		for _, c := range w.Clients[1:] {
			c.Cut()
		}
		link.Silent.Store(false)
		w.Recover()
		w.Settle()
	})
}

// F12: the clients' links are slow, cut, and split what passes into single bytes.
func TestF12BadLinks(t *testing.T) {
	each(t, func(t *testing.T, seed uint64) {
		w := world(t, seed, redistest.Start(t).URL(), func(o *chaos.Options) { o.InFlight = 10 * time.Second })
		for _, n := range w.Nodes {
			link := chaos.NewLink(t, n)
			link.Latency.Store(int64(200 * time.Microsecond))
			link.Piece.Store(16)
			link.Cuts.Store(200)
		}
		for _, c := range w.Clients {
			c.Cut() // so that it comes back by a link
		}
		time.Sleep(lasting(2*time.Second, 60*time.Second))
		w.Recover()
		w.Settle()
	})
}

// F13: a crowd is dropped at once, and is back and authenticated in time (G4).
func TestF13CrowdReturns(t *testing.T) {
	each(t, func(t *testing.T, seed uint64) {
		n := crowd(500, 10_000)
		w := world(t, seed, redistest.Start(t).URL(), func(o *chaos.Options) {
			o.Nodes, o.Clients, o.Rooms, o.Pace = 2, n, n/10, 50*time.Millisecond
			o.Patience = 90 * time.Second
		})
		w.Nodes[0].Kill()
		w.Nodes[0].Start()
		before := make([]int64, n)
		for i, c := range w.Clients {
			before[i] = c.Lives.Load()
		}
		dropped := time.Now()
		for _, c := range w.Clients {
			c.Cut()
		}
		w.Eventually("every client has another connection", func() bool {
			for i, c := range w.Clients {
				if c.Lives.Load() == before[i] {
					return false
				}
			}
			return true
		})
		w.AwaitClients()
		took := time.Since(dropped)
		t.Logf("%d clients were back and in their rooms after %s", n, took)
		if took > 10*time.Second {
			t.Error("which is more than 10 s")
		}
		w.Settle()
	})
}

// F15: a node has no descriptors left. The clients that it has are served, and
// when some are free others are let in.
func TestF15NoDescriptors(t *testing.T) {
	each(t, func(t *testing.T, seed uint64) {
		w := chaos.NewWorld(t, seed, chaos.Options{Nodes: 1, Limit: 256})
		var crowd []*chaos.Peer
		for {
			p, err := w.Nodes[0].Peer("")
			if err != nil {
				break
			}
			crowd = append(crowd, p)
			if len(crowd) > 300 {
				t.Fatal("256 descriptors are enough for 300 connections")
			}
		}
		w.Recover() // those inside are served
		for _, p := range crowd {
			p.Close()
		}
		w.Eventually("others are let in again", func() bool {
			p, err := w.Nodes[0].Peer("")
			if err != nil {
				return false
			}
			p.Close()
			return true
		})
		t.Logf("%d connections besides those of the scenario", len(crowd))
		w.Recover()
		w.Settle()
	})
}

// F16: the memory limit is small. Everything is slower, and nothing is lost.
func TestF16SmallMemory(t *testing.T) {
	each(t, func(t *testing.T, seed uint64) {
		w := world(t, seed, redistest.Start(t).URL(), func(o *chaos.Options) {
			o.Env, o.Body, o.Pace, o.Clients = []string{"GOMEMLIMIT=8MiB"}, 2<<10, 5*time.Millisecond, 100
		})
		time.Sleep(lasting(time.Second, 30*time.Second))
		w.Recover()
		w.Settle()
	})
}

// F17: hooks panic, and do not return. That concerns nobody but their clients.
func TestF17BadHooks(t *testing.T) {
	each(t, func(t *testing.T, seed uint64) {
		w := world(t, seed, redistest.Start(t).URL(), nil)
		for range 50 {
			p, err := w.Nodes[0].Peer("")
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Send("panic", nil); err != nil {
				t.Fatal(err)
			}
			if err := p.Send("echo", 1); err != nil {
				t.Fatal(err)
			}
			if err := p.Await("echo", nil); err != nil {
				t.Errorf("after a panic of its hook: %v", err)
			}
			if err := p.Send("sleep", map[string]int{"ms": 3_600_000}); err != nil { // never, as seen from here
				t.Fatal(err)
			}
			t.Cleanup(p.Close)
			if p, err := w.Nodes[0].Peer("throw"); err == nil {
				p.Close()
				t.Error("a client whose Authenticate panics is connected")
			}
		}
		w.Recover()
		w.Settle()
		for _, n := range w.Nodes {
			n.Kill() // it would wait for hooks that do not return
		}
	})
}

// F18: what a node logs cannot be written: the disk is full, or nobody reads the
// pipe. It goes on.
func TestF18BrokenLog(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	read, pipe, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = read.Close()
	for name, sink := range map[string]*os.File{"full": full, "pipe": pipe} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, seed uint64) {
				redis := redistest.Start(t)
				w := world(t, seed, redis.URL(), func(o *chaos.Options) { o.Log = sink })
				at := time.Now()
				redis.Restart() // is logged
				w.Recover()
				w.Eventually("both nodes tell the gap", func() bool { return w.Tellers(at) == 2 })
				w.Settle()
			})
		})
	}
}

// F18: so does hearth serve, which logs every client at this level.
func TestF18BrokenLogOfServe(t *testing.T) {
	t.Parallel()
	read, pipe, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = read.Close()
	port, err := redistest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	cmd := servers.Command(t, "serve", "--demo", "--addr", addr, "--log-level", "debug", "--drain-for", "0s")
	cmd.Stderr = pipe
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	redistest.Eventually(t, "the server answers", func() bool {
		res, err := http.Get("http://" + addr + "/healthz")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	for range 3 {
		p, err := chaos.Connect(addr, "ada")
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Errorf("the server whose log nobody reads ends with: %v", err)
	}
}

// The runner finds what it is there for: a loss that nobody was told of. Here a
// node loses its memberships behind its clients' backs, and a gap that comes later
// does not cover it.
func TestLossIsFound(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	w := world(t, 1, redis.URL(), func(o *chaos.Options) { o.Patience = 10 * time.Second })
	w.Recover()
	victim := w.Clients[0]
	victim.Say(t, "exit", map[string]string{"room": victim.Rooms()[0]})
	before := w.Accepted()
	w.Eventually("there are messages to every room", func() bool { return w.Accepted() > before+200 })
	time.Sleep(2 * time.Second) // longer than ago when everything was last known to arrive
	at := time.Now()
	redis.CLI("CLIENT", "KILL", "TYPE", "pubsub")
	w.Eventually("both nodes tell a gap", func() bool { return w.Tellers(at) == 2 })
	report := w.Report()
	if report.Violations[ledger.Missing] == 0 {
		t.Errorf("a client that hears nothing of its room is not found: %s", report)
	}
}
