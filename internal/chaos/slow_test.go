//go:build linux

package chaos_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
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

// F11, G7: readers that are stuck hold no more than they may, each and all
// together, and others do not notice: they receive everything, which the ledger
// sees, and as fast, which is logged. Fails when checkTotal does nothing; and with
// -chaos.long when it lets half of what its loop has queued count as too long,
// whatever counts already: all hold a fifth more than they may, and on a busy
// machine messages on their way are refused.
func TestF11StuckReaders(t *testing.T) {
	const limit = 1 << 20
	each(t, func(t *testing.T, seed uint64) {
		clients, stuck := crowd(100, 4900), crowd(10, 100)
		for name, all := range map[string]int{
			"each at its limit": 2 * stuck * limit,
			"all at theirs":     stuck * limit * 6 / 10,
		} {
			t.Run(name, func(t *testing.T) {
				w := chaos.NewWorld(t, seed, chaos.Options{
					Nodes: 1, Clients: clients, Rooms: 1, Each: 1, Publishers: 1,
					Pace:     lasting(50*time.Millisecond, 125*time.Millisecond),
					Patience: 60 * time.Second,
					Flags: []string{
						"-close-on-backpressure=false", "-backpressure-limit", strconv.Itoa(limit), "-max-queued-bytes", strconv.Itoa(all),
					},
				})
				s := stuffing{World: w, node: w.Nodes[0], limit: limit, all: int64(all)}
				var without, with, more []float64
				for range crowd(1, 10) { // in turn, since the machine may have other work
					before := s.measure(t)
					release := s.stuff(t, stuck)
					after := s.measure(t)
					release()
					s.Eventually("nothing is held for them any more", func() bool { return stats(t, s.node).QueuedBytes < limit })
					without, with, more = append(without, before), append(with, after), append(more, 100*(after/before-1))
				}
				t.Logf("p99 of %d clients, medians of %d times: %.2f ms without and %.2f ms with %d stuck readers, %+.1f %%",
					clients, len(more), median(without), median(with), stuck, median(more))
				w.Settle()
			})
		}
	})
}

func median(all []float64) float64 {
	slices.Sort(all)
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
}

// stuffing is a world with readers that are stuck in the room of all.
type stuffing struct {
	*chaos.World
	node       *chaos.Node
	limit, all int64 // bytes for one client, and for all
}

// measure is the p99 of the others, in milliseconds.
func (s *stuffing) measure(t *testing.T) float64 {
	t.Helper()
	s.Recover()
	s.Latencies.Reset()
	time.Sleep(lasting(500*time.Millisecond, 2500*time.Millisecond))
	p99, count := s.Latencies.Quantile(0.99)
	t.Logf("p99 of %d deliveries: %s", count, p99)
	return float64(p99.Microseconds()) / 1000
}

// stuff connects readers, and sends them more than they may hold, until release.
func (s *stuffing) stuff(t *testing.T, stuck int) (release func()) {
	t.Helper()
	var peers []*chaos.Peer
	var slow sync.WaitGroup
	stop := make(chan struct{})
	release = sync.OnceFunc(func() {
		close(stop)
		for _, p := range peers {
			p.Close()
		}
		slow.Wait()
	})
	t.Cleanup(release)
	for i := range stuck {
		p := s.peer(t)
		if err := p.Send("join", map[string]any{"rooms": []string{"stuffing", "r0"}}); err != nil {
			t.Fatal(err)
		}
		if i == 0 { // one reads a byte a second, the others nothing
			slow.Go(func() {
				for p.Read(1) == nil {
					select {
					case <-stop:
						return
					case <-time.After(time.Second):
					}
				}
			})
		}
		peers = append(peers, p)
	}
	stuffer := s.peer(t)
	defer stuffer.Close()
	dropped, before := int64(0), stats(t, s.node).Dropped
	body := strings.Repeat("x", 64<<10)
	s.Eventually("the stuck readers' queues are full", func() bool {
		for range 50 {
			if err := stuffer.Send("local", map[string]any{"room": "stuffing", "body": body}); err != nil {
				t.Fatal(err)
			}
		}
		ask(t, stuffer, "echo", nil)
		s.bounded(t)
		dropped = stats(t, s.node).Dropped - before
		return dropped > int64(50*stuck)
	})

	longest := int64(0)
	ask(t, stuffer, "longest", &longest)
	held, most := unsent(t, s.node), int64(0)
	for _, p := range peers {
		most = max(most, held[p.Port()])
	}
	const spare = 256 << 10
	t.Logf("%d dropped; a stuck reader holds at most %d KiB in the process and %d KiB in the kernel; all hold %d KiB, of %d",
		dropped, longest>>10, most>>10, s.bounded(t)>>10, s.all>>10)
	if longest+most > s.limit+spare {
		t.Errorf("a stuck reader holds %d + %d bytes, want at most %d", longest, most, s.limit+spare)
	}
	return release
}

// bounded is how many bytes are queued, which is not more than may be.
func (s *stuffing) bounded(t *testing.T) int64 {
	t.Helper()
	queued := stats(t, s.node).QueuedBytes
	if queued > s.all {
		t.Errorf("%d bytes are queued, want at most %d", queued, s.all)
	}
	return queued
}

func (s *stuffing) peer(t *testing.T) *chaos.Peer {
	t.Helper()
	p, err := s.node.Peer("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// ask sends an event that is answered with the same.
func ask(t *testing.T, p *chaos.Peer, event string, answer any) {
	t.Helper()
	if err := p.Send(event, nil); err != nil {
		t.Fatal(err)
	}
	if err := p.Await(event, answer); err != nil {
		t.Fatal(err)
	}
}
