//go:build linux

package chaos_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hearthws/hearth/internal/chaos"
)

// unsent is what the kernel holds for each connection of a node to a peer: the
// bytes that were written and not acknowledged, by the peer's port.
func unsent(t *testing.T, n *chaos.Node) map[int]int64 {
	t.Helper()
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(n.Addr(), ":")
	local, _ := strconv.Atoi(port)
	bytes := map[int]int64{}
	for _, line := range strings.Split(string(table), "\n")[1:] {
		fields := strings.Fields(line)
		if len(fields) < 5 || !strings.HasSuffix(fields[1], fmt.Sprintf(":%04X", local)) {
			continue
		}
		_, remote, _ := strings.Cut(fields[2], ":")
		peer, _ := strconv.ParseInt(remote, 16, 32)
		queue, _, _ := strings.Cut(fields[4], ":")
		held, _ := strconv.ParseInt(queue, 16, 64)
		bytes[int(peer)] = held
	}
	return bytes
}

// F11, G7: readers that are stuck hold no more than they may, and others do not
// notice.
func TestF11StuckReaders(t *testing.T) {
	const limit, all, spare = 1 << 20, 64 << 20, 256 << 10
	each(t, func(t *testing.T, seed uint64) {
		clients, stuck := crowd(100, 4900), crowd(10, 100)
		w := chaos.NewWorld(t, seed, chaos.Options{
			Nodes: 1, Clients: clients, Rooms: 1, Each: 1, Publishers: 1, Pace: lasting(50*time.Millisecond, 250*time.Millisecond),
			Patience: 60 * time.Second,
			Flags:    []string{"-backpressure-limit", strconv.Itoa(limit), "-max-queued-bytes", strconv.Itoa(all)},
		})
		n := w.Nodes[0]
		measure := func() time.Duration {
			w.Recover()
			w.Latencies.Reset()
			time.Sleep(lasting(500*time.Millisecond, 20*time.Second))
			p99, count := w.Latencies.Quantile(0.99)
			t.Logf("p99 of %d deliveries: %s", count, p99)
			return p99
		}
		before := measure()

		var peers []*chaos.Peer
		for i := range stuck {
			p, err := n.Peer("")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(p.Close)
			if err := p.Send("join", map[string]any{"rooms": []string{"stuffing", "r0"}}); err != nil {
				t.Fatal(err)
			}
			if i == 0 { // one reads a byte a second, the others nothing
				go func() {
					for p.Read(1) == nil {
						time.Sleep(time.Second)
					}
				}()
			}
			peers = append(peers, p)
		}
		stuffer, err := n.Peer("")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stuffer.Close)
		body := strings.Repeat("x", 64<<10)
		dropped := int64(0)
		w.Eventually("the stuck readers' queues are full", func() bool {
			for range 50 {
				if err := stuffer.Send("local", map[string]any{"room": "stuffing", "body": body}); err != nil {
					t.Fatal(err)
				}
			}
			if err := stuffer.Send("echo", 1); err != nil {
				t.Fatal(err)
			}
			if err := stuffer.Await("echo", nil); err != nil {
				t.Fatal(err)
			}
			s := stats(t, n)
			if s.QueuedBytes > all {
				t.Errorf("%d bytes are queued, want at most %d", s.QueuedBytes, all)
			}
			dropped = s.Dropped
			return dropped > int64(50*stuck)
		})

		s := stats(t, n)
		held, most := unsent(t, n), int64(0)
		for _, p := range peers {
			most = max(most, held[p.Port()])
		}
		// What waits in the process is bounded together with what the kernel holds.
		queued := s.QueuedBytes / int64(stuck)
		t.Logf("%d dropped; a stuck reader holds %d KiB in the process on average, and at most %d KiB in the kernel", dropped, queued>>10, most>>10)
		if queued+most > limit+spare {
			t.Errorf("a stuck reader holds %d + %d bytes, want at most %d", queued, most, limit+spare)
		}
		after := measure()
		t.Logf("p99 without and with %d stuck readers: %s, %s", stuck, before, after)
		w.Settle()
	})
}
