package attacks_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// A reader that is stuck in a full room costs its limit, and nobody's time.
// Fails when loops queue the frames of a room whatever waits.
func TestA12SlowReader(t *testing.T) {
	onBoth(t, accepting, func(t *testing.T, s *target) {
		var stuck, well []*hearthtest.Client
		for range 4 {
			c := s.connect(t, nil)
			c.Stall()
			stuck = append(stuck, c)
			well = append(well, s.connect(t, nil))
		}
		page := strings.Repeat("x", 60_000)
		for range 110 { // 6 MB, which no socket takes
			_ = s.ToRoom(t.Context(), hearth.DefaultRoom, "page", page)
			for _, c := range well {
				c.Expect("page")
			}
		}
		for _, c := range stuck {
			if got := c.Conn().Snapshot().QueuedBytes; got == 0 || got > hearth.DefaultBackpressureLimit+256<<10 {
				t.Errorf("%d bytes wait for a stuck reader", got)
			}
		}
		if s.Stats().Dropped == 0 {
			t.Error("nothing is counted as dropped")
		}
	})
}

// Sending races with closing, joining and leaving. Fails, by the race detector,
// when Hub.Leave takes no lock of the client.
func TestA24SendRacesWithClose(t *testing.T) {
	onBoth(t, func() hearth.Options {
		opts := accepting()
		opts.OnDisconnect = func(_ context.Context, c *hearth.Client, _ hearth.Cause) error {
			_, _ = c.Send("last", nil)
			_ = c.Join("late")
			return nil
		}
		return opts
	}, func(t *testing.T, s *target) {
		var senders sync.WaitGroup
		var over atomic.Bool
		for range 2 {
			senders.Go(func() {
				for i := 0; !over.Load(); i++ {
					_ = s.Broadcast(t.Context(), "e", i)
					_ = s.ToRoom(t.Context(), "r", "e", i)
					_ = s.ToUser(t.Context(), "ann", "e", i)
					for c := range s.Clients(hearth.Filter{}) {
						_, _ = c.Send("e", i)
						_, _ = c.Batch(func(b *hearth.Batch) { b.Send("e", i); b.Send("e", i) })
						_ = c.Join("r", "r2")
						c.Leave("r2")
						_ = c.Snapshot()
					}
				}
			})
		}
		for i := range 24 {
			c := s.connect(t, user("ann"))
			hc := s.Client(c.ID())
			switch i % 4 {
			case 0:
				c.Drop()
			case 1:
				c.Close(1000, "")
			case 2:
				hc.Close(4000, "")
			case 3:
				var closers sync.WaitGroup
				for range 3 {
					closers.Go(func() { hc.Close(4000, "") })
				}
				closers.Wait()
			}
		}
		over.Store(true)
		senders.Wait()
		eventually(t, "all are gone", func() bool { return s.Stats().Connections == 0 })
	})
}

// One small message that goes to many, in a flood: MessageCost makes it as rare
// as it is expensive, and nothing else slower. Fails when costOf is always 1.
func TestA26Amplification(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var shouts, whispers atomic.Int64
		opts := accepting()
		opts.MessageRate = 100
		opts.MessageCost = func(_ *hearth.Client, event string, _ int) float64 {
			return map[string]float64{"shout": 100, "whisper": 1}[event]
		}
		var s *hearthtest.Server
		opts.OnMessage = func(ctx context.Context, _ *hearth.Client, m hearth.Message) error {
			if m.Event == "whisper" {
				whispers.Add(1)
				return nil
			}
			shouts.Add(1)
			return s.Broadcast(ctx, "shout", nil)
		}
		s = hearthtest.New(t, opts)
		for range 100 {
			s.Connect(nil)
		}
		loud, quiet := s.Connect(nil), s.Connect(nil)
		var flood []byte
		for range 100 {
			flood = append(flood, masked(1, true, `{"event":"shout"}`)...)
		}
		go func() { _, _ = loud.Write(flood) }()
		for range 80 {
			quiet.Send("whisper", nil)
		}
		time.Sleep(9500 * time.Millisecond)
		if got := shouts.Load(); got < 9 || got > 12 {
			t.Errorf("%d shouts in 9.5 s, want about one a second", got)
		}
		if got := whispers.Load(); got != 80 {
			t.Errorf("%d whispers are heard", got)
		}
		loud.Drop()
	})
}
