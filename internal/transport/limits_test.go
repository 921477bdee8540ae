package transport_test

import (
	"testing"

	"github.com/hearthws/hearth/internal/frame"
	"github.com/hearthws/hearth/internal/transport"
)

func TestBackpressure(t *testing.T) {
	const limit = 1 << 20
	onEvery(t, func(c *transport.Config) { c.BackpressureLimit = limit }, func(t *testing.T, b *bench) {
		s, p := b.connect(t, nil)
		g := transport.NewGroup(s.Loop())
		s.Loop().Post(transport.Join(&s.Conn, g))
		// The peer does not read: sooner or later a message is refused.
		sent := 0
		for s.send(numbered(sent, 10_000)) != transport.Refused {
			sent++
			if sent > 100_000 {
				t.Fatal("a peer that does not read is sent to without end")
			}
		}
		waitFor(t, "congestion is reported", func() bool { return len(s.congested) > 0 })
		if on := <-s.congested; !on {
			t.Error("congestion is reported as its end")
		}
		for s.send(numbered(sent, 10_000)) != transport.Refused {
			sent++
		}
		if q := s.Queued(); q < limit || q > limit+11_000 {
			t.Errorf("%d bytes are queued at a limit of %d", q, limit)
		}
		waitFor(t, "a frame of the group is dropped", func() bool {
			for s.send(numbered(sent, 10_000)) != transport.Refused { // the kernel may have taken some more
				sent++
			}
			s.Loop().Post(transport.ToGroup(g, transport.FrameOf(frame.Text, true, []byte("group")), nil))
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.dropped > 0
		})
		for i := 0; i < sent; {
			got := p.read().payload
			if got == "group" {
				continue
			}
			if got != numbered(i, 10_000) {
				t.Fatalf("message %d is %.9q of %d bytes", i, got, len(got))
			}
			i++
		}
		if s.send("again") == transport.Refused {
			t.Error("a message is refused though the queue has room")
		}
		got := p.read().payload
		for got == "group" {
			got = p.read().payload
		}
		if got != "again" {
			t.Errorf("got %q", got)
		}
		waitFor(t, "the queue is empty", func() bool { return s.Queued() == 0 })
		if on := <-s.congested; on {
			t.Error("the end of congestion is not reported")
		}
	})
}

func TestMaxQueuedBytes(t *testing.T) {
	const total = 4 << 20
	onEvery(t, func(c *transport.Config) { c.MaxQueuedBytes = total; c.Loops = 1 }, func(t *testing.T, b *bench) {
		small, ps := b.connect(t, nil)
		big, _ := b.connect(t, nil)
		for i := 0; big.send(numbered(i, 100_000)) != transport.Refused; i++ {
			if q := b.Queued(); q > 4*total {
				t.Fatalf("%d bytes are queued at a limit of %d for all", q, total)
			}
		}
		if small.send("fits") == transport.Refused {
			t.Error("the shorter queue counts as over its limit")
		}
		if got := ps.read().payload; got != "fits" {
			t.Errorf("got %q", got)
		}
	})
}

// Peers that do not read, and hold what all together may, cost those who do no
// message. Fails when checkTotal lets half of what its loop has queued count as too
// long, whatever counts already: then the queues left to mark are those of one
// message on its way to a stream, and the next one is refused.
func TestStuckCostOthersNothing(t *testing.T) {
	const total, stuck, well = 4 << 20, 8, 64
	onEvery(t, func(c *transport.Config) { c.MaxQueuedBytes = total }, func(t *testing.T, b *bench) {
		page := transport.FrameOf(frame.Text, true, []byte(numbered(0, 10_000)))
		loops := b.Loops()
		lazy, busy := map[*transport.Loop]*transport.Group{}, map[*transport.Loop]*transport.Group{}
		for _, l := range loops {
			lazy[l], busy[l] = transport.NewGroup(l), transport.NewGroup(l)
		}
		var slow []*server
		for range stuck {
			s, _ := b.connect(t, nil)
			s.Loop().Post(transport.Join(&s.Conn, lazy[s.Loop()]))
			slow = append(slow, s)
		}
		var peers []*peer
		var servers []*server
		for range well {
			s, p := b.connect(t, nil)
			s.Loop().Post(transport.Join(&s.Conn, busy[s.Loop()]))
			servers, peers = append(servers, s), append(peers, p)
		}
		refused := func() bool {
			for _, s := range slow {
				s.mu.Lock()
				n := s.dropped
				s.mu.Unlock()
				if n == 0 {
					return false
				}
			}
			return true
		}
		waitFor(t, "all that are stuck are refused more", func() bool {
			for _, l := range loops {
				l.Post(transport.ToGroup(lazy[l], page, nil))
			}
			return refused()
		})
		const rounds = 20
		for n := range rounds {
			for _, l := range loops { // in one turn
				l.Post(
					transport.ToGroup(busy[l], transport.FrameOf(frame.Text, true, []byte(numbered(2*n, 100))), nil),
					transport.ToGroup(lazy[l], page, nil),
					transport.ToGroup(busy[l], transport.FrameOf(frame.Text, true, []byte(numbered(2*n+1, 100))), nil),
				)
			}
			for i, p := range peers {
				for m := 2 * n; m < 2*n+2; m++ {
					if got := p.read().payload; got != numbered(m, 100) {
						t.Fatalf("peer %d has received %.9q, want message %d", i, got, m)
					}
				}
			}
		}
		for i, s := range servers {
			if s.dropped > 0 {
				t.Errorf("peer %d was refused %d messages", i, s.dropped)
			}
		}
		if q := b.Queued(); q > total {
			t.Errorf("%d bytes are queued, want at most %d", q, total)
		}
	})
}
