package hearth_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// page is data whose message is a frame of n bytes to a client, for n from 127
// to 65535.
func page(n int) string { return strings.Repeat("x", n-len(`{"event":"page","data":""}`)-4) }

// What becomes of messages to a client that does not read: a message is
// accepted while less than the limit is queued.
func TestBackpressure(t *testing.T) {
	type step struct {
		what string
		send func(t *testing.T, s *hearthtest.Server, hc *hearth.Client, data string) (hearth.SendResult, error)
	}
	dropped := func(err error) (hearth.SendResult, error) {
		if err != nil {
			return hearth.Dropped, err
		}
		return hearth.Queued, nil
	}
	bubbles(t, []step{
		{"Send", func(_ *testing.T, _ *hearthtest.Server, hc *hearth.Client, data string) (hearth.SendResult, error) {
			return hc.Send("page", data)
		}},
		{"SendRaw", func(_ *testing.T, _ *hearthtest.Server, hc *hearth.Client, data string) (hearth.SendResult, error) {
			return hc.SendRaw(hearth.Raw{Payload: []byte(`{"event":"page","data":"` + data + `"}`)})
		}},
		{"Batch", func(_ *testing.T, _ *hearthtest.Server, hc *hearth.Client, data string) (hearth.SendResult, error) {
			return hc.Batch(func(b *hearth.Batch) { b.Send("page", data) })
		}},
		{"ToClient", func(t *testing.T, s *hearthtest.Server, hc *hearth.Client, data string) (hearth.SendResult, error) {
			return dropped(s.ToClient(t.Context(), hc.ID(), "page", data))
		}},
		{"ToUser", func(t *testing.T, s *hearthtest.Server, _ *hearth.Client, data string) (hearth.SendResult, error) {
			return dropped(s.ToUser(t.Context(), "ann", "page", data))
		}},
	}, func(test step) string { return test.what }, func(t *testing.T, test step) {
		opts := accepting()
		opts.BackpressureLimit = 10_000
		s := hearthtest.New(t, opts)
		c := s.Connect(user("ann"))
		hc := c.Conn()
		synctest.Wait()
		c.Stall()
		for i, want := range []struct {
			size   int
			result hearth.SendResult
			queued int64
		}{
			{4000, hearth.Sent, 4000},
			{5999, hearth.Queued, 9999},
			{60000, hearth.Queued, 69999}, // one byte is free, so it fits
			{200, hearth.Dropped, 69999},
		} {
			result, err := test.send(t, s, hc, page(want.size))
			if strings.HasPrefix(test.what, "To") && want.result == hearth.Sent {
				want.result = hearth.Queued // these do not tell
			}
			if result != want.result || (err != nil) != (want.result == hearth.Dropped) || err != nil && err != hearth.ErrBackpressure && !strings.Contains(err.Error(), hearth.ErrBackpressure.Error()) {
				t.Errorf("message %d is %s with %v, want %s", i, result, err, want.result)
			}
			synctest.Wait()
			if got := hc.Snapshot().QueuedBytes; got != want.queued {
				t.Errorf("after message %d %d bytes are queued, want %d", i, got, want.queued)
			}
		}
		// Rooms drop silently, and count.
		_ = s.ToRoom(t.Context(), hearth.DefaultRoom, "page", 1)
		_ = s.ToRoom(t.Context(), hc.ID(), "page", 1)
		_ = s.Broadcast(t.Context(), "page", 1)
		_ = s.Publish(hearth.DefaultRoom, hearth.Raw{Payload: []byte("x")})
		synctest.Wait()
		if got := s.Stats(); got.Dropped != 5 || got.QueuedBytes != 69999 {
			t.Errorf("%d messages are counted as dropped, %d bytes as queued", got.Dropped, got.QueuedBytes)
		}
		if !hc.Snapshot().Backpressured || s.Stats().Backpressured != 1 {
			t.Error("the client does not count as too slow")
		}
		c.Unstall()
		synctest.Wait()
		if got := len(c.Received()); got != 3 {
			t.Errorf("%d messages arrive, want those 3 that were taken", got)
		}
		if hc.Backpressured() || s.Stats().Backpressured != 0 || s.Stats().QueuedBytes != 0 {
			t.Errorf("afterwards %+v", hc.Snapshot())
		}
		if result, err := hc.Send("page", 1); result != hearth.Sent || err != nil {
			t.Errorf("afterwards a message is %s, %v", result, err)
		}
	})
}

// OnBackpressure tells of starts and ends by turns.
func TestOnBackpressure(t *testing.T) {
	onBoth(t, func(t *testing.T, n *network) {
		var mu sync.Mutex
		var events []bool
		opts := accepting()
		opts.BackpressureLimit = 32 << 20
		opts.OnBackpressure = func(c *hearth.Client, congested bool) {
			if c.Backpressured() != congested {
				t.Errorf("the client says %t, the hook %t", c.Backpressured(), congested)
			}
			mu.Lock()
			defer mu.Unlock()
			events = append(events, congested)
		}
		s := n.serve(t, opts)
		c := n.connect(t, s, nil)
		hc := c.Conn()
		for range 2 {
			c.Stall()
			const pages = 200 // 12 MB, which no socket takes
			for range pages {
				if _, err := hc.Send("page", page(65000)); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, "it has begun", hc.Backpressured)
			c.Unstall()
			for range pages {
				c.Expect("page")
			}
			eventually(t, "it has ended", func() bool { return !hc.Backpressured() })
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i, on := range events {
			if on != (i%2 == 0) {
				t.Fatalf("the events are %v", events)
			}
		}
		if len(events) < 4 || len(events)%2 != 0 {
			t.Errorf("the events are %v", events)
		}
	})
}

// The client is closed instead when the server says so, whoever sent too much.
func TestCloseOnBackpressureLimit(t *testing.T) {
	type test struct {
		name string
		send func(ctx context.Context, s *hearthtest.Server, hc *hearth.Client)
	}
	bubbles(t, []test{
		{"Send", func(_ context.Context, _ *hearthtest.Server, hc *hearth.Client) { _, _ = hc.Send("page", 1) }},
		{"ToRoom", func(ctx context.Context, s *hearthtest.Server, _ *hearth.Client) {
			_ = s.ToRoom(ctx, hearth.DefaultRoom, "page", 1)
		}},
		{"to its own room", func(ctx context.Context, s *hearthtest.Server, hc *hearth.Client) {
			_ = s.ToRoom(ctx, hc.ID(), "page", 1)
		}},
		{"Broadcast", func(ctx context.Context, s *hearthtest.Server, _ *hearth.Client) { _ = s.Broadcast(ctx, "page", 1) }},
	}, func(test test) string { return test.name }, func(t *testing.T, test test) {
		var j journal
		opts := accepting()
		opts.BackpressureLimit = 1000
		opts.CloseOnBackpressureLimit = true
		s := hearthtest.New(t, journaled(&j, opts))
		c, other := s.Connect(nil), s.Connect(nil)
		synctest.Wait()
		c.Stall()
		if _, err := c.Conn().Send("page", page(1000)); err != nil {
			t.Fatal(err)
		}
		test.send(t.Context(), s, c.Conn())
		synctest.Wait()
		if c.Conn().State() != hearth.StateDisconnected || other.Conn().State() != hearth.StateAuthenticated {
			t.Errorf("the slow client is %s, the other %s", c.Conn().State(), other.Conn().State())
		}
		c.Unstall()
		expectClose(t, c, hearth.CloseTryAgainLater, "Too slow")
		if got := len(c.Received()); got != 1 {
			t.Errorf("%d messages arrive, want the one that was taken", got)
		}
		synctest.Wait()
		lines := j.all()
		if got := lines[len(lines)-1]; got != `OnDisconnect disconnected "" 1013 "Too slow"` {
			t.Errorf("the last hook is %s", got)
		}
	})
}

// All clients together stay within MaxQueuedBytes: close to it the longest queues
// count as over their limit, and the others go on.
func TestMaxQueuedBytes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const clients, limit = 8, 100_000
		opts := accepting()
		opts.Loops = 1
		opts.BackpressureLimit, opts.MaxQueuedBytes = 50_000, limit
		s := hearthtest.New(t, opts)
		var slow []*hearthtest.Client
		for range clients {
			slow = append(slow, s.Connect(nil))
		}
		short := s.Connect(nil)
		synctest.Wait()
		for _, c := range slow {
			c.Stall()
		}
		short.Stall()
		refused := 0
		for range 100 {
			for _, c := range slow {
				if _, err := c.Conn().Send("page", page(1000)); err != nil {
					refused++
				}
			}
			synctest.Wait()
			if got := s.Stats().QueuedBytes; got > limit+clients*1000 {
				t.Fatalf("%d bytes are queued", got)
			}
		}
		if refused == 0 {
			t.Error("nothing was refused")
		}
		if _, err := short.Conn().Send("page", page(200)); err != nil {
			t.Errorf("a client with a short queue: %v", err)
		}
		for _, c := range append(slow, short) {
			c.Unstall()
		}
		synctest.Wait()
		for _, c := range slow {
			if result, err := c.Conn().Send("page", 1); result != hearth.Sent {
				t.Errorf("afterwards a message is %s, %v", result, err)
			}
		}
		if got := s.Stats().QueuedBytes; got > 1000 {
			t.Errorf("%d bytes stay queued", got)
		}
	})
}

// A client that does not read holds up nobody who sends, and nobody else.
func TestSlowClientHoldsUpNobody(t *testing.T) {
	onBoth(t, func(t *testing.T, n *network) {
		const messages = 120 // 7 MB, which no socket takes
		s := n.serve(t, accepting())
		slow := n.connect(t, s, nil)
		slow.Stall()
		var all []*hearthtest.Client
		for range 3 {
			all = append(all, n.connect(t, s, nil))
		}
		for range messages {
			if err := s.Broadcast(t.Context(), "page", page(60000)); err != nil {
				t.Fatal(err)
			}
			for _, c := range all {
				c.Expect("page")
			}
		}
		queued := slow.Conn().Snapshot().QueuedBytes
		if limit := int64(hearth.DefaultBackpressureLimit + 65000); queued == 0 || queued > limit {
			t.Errorf("%d bytes are queued for the slow client, want up to %d", queued, limit)
		}
		if got := s.Stats().Dropped; got == 0 {
			t.Error("nothing is counted as dropped")
		}
		slow.Unstall() // is still there, and has lost whole messages only
		eventually(t, "it has caught up", func() bool { return slow.Conn().Snapshot().QueuedBytes == 0 })
		_ = s.ToClient(t.Context(), slow.ID(), "end", nil)
		got := 0
		for m := slow.Next(); m.Event != "end"; m = slow.Next() {
			if m.Event != "page" || len(m.Raw) != 60000-4 {
				t.Fatalf("received %.100s", m)
			}
			got++
		}
		if want := messages - int(s.Stats().Dropped); got != want {
			t.Errorf("%d messages arrived, want %d", got, want)
		}
	})
}

// A message of exactly MaxPayload is accepted, in whatever pieces; a longer one
// is refused as soon as that is clear.
func TestMaxPayload(t *testing.T) {
	onBoth(t, func(t *testing.T, n *network) {
		const limit = 1000
		opts := accepting()
		opts.MaxPayload = limit
		opts.OnMessage = func(_ context.Context, c *hearth.Client, m hearth.Message) error {
			_, err := c.Send("length", len(m.Raw))
			return err
		}
		s := n.serve(t, opts)
		message := func(n int) string {
			return `{"event":"e","data":"` + strings.Repeat("x", n-len(`{"event":"e","data":""}`)) + `"}`
		}
		c := n.connect(t, s, nil)
		c.SendText(message(limit))
		expectNext(t, c, `{"event":"length","data":1000}`)
		c.SendText(message(limit + 1))
		if code, _ := c.ExpectClose(); code != hearth.CloseTooBig {
			t.Errorf("one byte more is answered with %d", code)
		}
		early := n.dial(t, s)
		if _, err := early.Write([]byte{0x81, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4}); err != nil { // 1 GiB are announced
			t.Fatal(err)
		}
		if code, _ := early.ExpectClose(); code != hearth.CloseTooBig {
			t.Errorf("a header that announces too much is answered with %d", code)
		}
	})
}

// Bytes queued for a client that goes are counted no more.
func TestQueuedBytesOfTheGone(t *testing.T) {
	onBoth(t, func(t *testing.T, n *network) {
		opts := accepting()
		opts.BackpressureLimit = 32 << 20
		s := n.serve(t, opts)
		for range 3 {
			c := n.connect(t, s, nil)
			c.Stall()
			for range 200 {
				if _, err := c.Conn().Send("page", page(65000)); err != nil {
					t.Fatal(err)
				}
			}
			c.Drop()
			c.Unstall()
		}
		eventually(t, "all is forgotten", func() bool {
			st := s.Stats()
			return st.QueuedBytes == 0 && st.Connections == 0 && st.Backpressured == 0
		})
	})
}
