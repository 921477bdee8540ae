package hearth_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// Messages of a batch follow one another, whatever others send.
func TestBatch(t *testing.T) {
	onBoth(t, func(t *testing.T, n *network) {
		const senders, batches, size = 4, 50, 5
		s := n.serve(t, accepting())
		c := n.connect(t, s, nil)
		hc := c.Conn()
		var all sync.WaitGroup
		for i := range senders {
			all.Go(func() {
				for j := range batches {
					result, err := hc.Batch(func(b *hearth.Batch) {
						for k := range size {
							b.Send("m", fmt.Sprintf("%d.%d.%d", i, j, k))
						}
					})
					if result == hearth.Dropped || err != nil {
						t.Errorf("batch %d.%d is %s, %v", i, j, result, err)
					}
				}
			})
		}
		for range senders * batches {
			first := ""
			for k := range size {
				text, err := hearth.DataOf[string](c.Expect("m").Message)
				batch, number, _ := strings.Cut(text[strings.Index(text, ".")+1:], ".")
				batch = text[:strings.Index(text, ".")] + "." + batch
				if k == 0 {
					first = batch
				}
				if err != nil || batch != first || number != fmt.Sprint(k) {
					t.Fatalf("received %s within batch %s, at %d", text, first, k)
				}
			}
		}
		all.Wait()
	})
}

// A batch goes as a whole, or not at all.
func TestBatchIsWhole(t *testing.T) {
	bubble(t, func(t *testing.T) {
		opts := accepting()
		opts.BackpressureLimit = 1000
		s := hearthtest.New(t, opts)
		c, early := s.Connect(nil), s.Dial()
		hc := c.Conn()
		synctest.Wait()
		if result, err := hc.Batch(func(*hearth.Batch) {}); result != hearth.Sent || err != nil {
			t.Errorf("an empty batch is %s, %v", result, err)
		}
		result, err := hc.Batch(func(b *hearth.Batch) {
			b.Send("m", 1)
			b.Send("m", func() {})
			b.Send("", 2)
		})
		if result != hearth.Dropped || !errors.Is(err, hearth.ErrNoEvent) || !strings.Contains(err.Error(), "unsupported type") {
			t.Errorf("a batch with mistakes is %s, %v", result, err)
		}
		two := func(b *hearth.Batch) {
			b.Send("page", page(600))
			b.Send("page", page(600))
		}
		if result, err := early.Conn().Batch(two); result != hearth.Dropped || !errors.Is(err, hearth.ErrNotAuthenticated) {
			t.Errorf("before authentication a batch is %s, %v", result, err)
		}
		expectReceived(t, c)
		c.Stall()
		if result, err := hc.Batch(two); result != hearth.Sent || err != nil {
			t.Errorf("a batch is %s, %v", result, err)
		}
		if result, err := hc.Batch(two); result != hearth.Dropped || !errors.Is(err, hearth.ErrBackpressure) {
			t.Errorf("at the limit a batch is %s, %v", result, err)
		}
		c.Unstall()
		synctest.Wait()
		if got := len(c.Received()); got != 2 {
			t.Errorf("%d messages arrive, want those of the batch that was taken", got)
		}
		hc.Close(4000, "")
		if result, err := hc.Batch(two); result != hearth.Dropped || !errors.Is(err, hearth.ErrClosed) {
			t.Errorf("after Close a batch is %s, %v", result, err)
		}
	})
}

// Raw messages go as they are, text as text and bytes as bytes.
func TestSendRaw(t *testing.T) {
	onBoth(t, func(t *testing.T, n *network) {
		s := n.serve(t, accepting())
		c, early := n.connect(t, s, nil), n.dial(t, s)
		hc := c.Conn()
		for _, raw := range []hearth.Raw{
			{Payload: []byte("plain text é")},
			{Payload: nil},
			{Payload: []byte("\xff\x00"), Binary: true},
			{Payload: nil, Binary: true},
			{Payload: []byte(strings.Repeat("long ", 30_000)), NoCompress: true},
		} {
			if result, err := hc.SendRaw(raw); result == hearth.Dropped {
				t.Errorf("%.20q: %v", raw.Payload, err)
			}
			if m := c.Next(); m.Binary != raw.Binary || string(m.Raw) != string(raw.Payload) {
				t.Errorf("received %.20s, binary %t, want %.20q", m, m.Binary, raw.Payload)
			}
		}
		if result, err := hc.SendRaw(hearth.Raw{Payload: []byte("\xff")}); result != hearth.Dropped || err == nil {
			t.Errorf("text that is not UTF-8 is %s, %v", result, err)
		}
		for hcEarly := range s.Clients(hearth.Filter{State: hearth.StateUnauthorized}) {
			if result, err := hcEarly.SendRaw(hearth.Raw{}); result != hearth.Dropped || !errors.Is(err, hearth.ErrNotAuthenticated) {
				t.Errorf("before authentication it is %s, %v", result, err)
			}
		}
		early.Drop()
		hc.Close(4000, "")
		if result, err := hc.SendRaw(hearth.Raw{}); result != hearth.Dropped || !errors.Is(err, hearth.ErrClosed) {
			t.Errorf("after Close it is %s, %v", result, err)
		}
	})
}

// Publish reaches the room on this node, and the publisher only if the server
// says so.
func TestPublish(t *testing.T) {
	for _, toSelf := range []bool{false, true} {
		t.Run(fmt.Sprint("PublishToSelf ", toSelf), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				opts := accepting()
				opts.PublishToSelf = toSelf
				nodes := hearthtest.NewCluster(t, 2, opts)
				a, b, other := nodes[0].Connect(nil), nodes[0].Connect(nil), nodes[1].Connect(nil)
				outside := nodes[0].Connect(nil)
				for _, c := range []*hearthtest.Client{a, b, other} {
					_ = c.Conn().Join("r")
				}
				if err := a.Conn().Publish("r", hearth.Raw{Payload: []byte("from a")}); err != nil {
					t.Error(err)
				}
				if err := nodes[0].Publish("r", hearth.Raw{Payload: []byte{0xff}, Binary: true}); err != nil {
					t.Error(err)
				}
				if err := outside.Conn().Publish("r", hearth.Raw{Payload: []byte("from outside")}); err != nil {
					t.Error(err)
				}
				if err := nodes[0].Publish("nowhere", hearth.Raw{}); err != nil {
					t.Error(err)
				}
				for _, err := range []error{
					a.Conn().Publish("r", hearth.Raw{Payload: []byte("\xff")}),
					nodes[0].Publish("r", hearth.Raw{Payload: []byte("\xff")}),
				} {
					if err == nil {
						t.Error("text that is not UTF-8 is accepted")
					}
				}
				if toSelf {
					expectReceived(t, a, "from a", `binary "\xff"`, "from outside")
				} else {
					expectReceived(t, a, `binary "\xff"`, "from outside")
				}
				expectReceived(t, b, "from a", `binary "\xff"`, "from outside")
				expectReceived(t, other)
				expectReceived(t, outside)
			})
		})
	}
}

// One caller's messages to a client arrive in the order in which they were
// sent, over all verbs.
func TestOneOrderOverAllVerbs(t *testing.T) {
	onBoth(t, func(t *testing.T, n *network) {
		const rounds = 200
		s := n.serve(t, accepting())
		c := n.connect(t, s, user("ann"))
		hc := c.Conn()
		ctx := t.Context()
		sends := []func(i int) error{
			func(i int) error { return s.ToClient(ctx, hc.ID(), "m", i) },
			func(i int) error { return s.ToUser(ctx, "ann", "m", i) },
			func(i int) error { return s.ToRoom(ctx, hearth.DefaultRoom, "m", i) },
			func(i int) error { return s.ToRoom(ctx, hc.ID(), "m", i) },
			func(i int) error { return s.Broadcast(ctx, "m", i) },
			func(i int) error { return s.Send(ctx, hearth.DefaultNotificationRoom, "m", i) },
			func(i int) error {
				return s.Publish(hearth.DefaultRoom, hearth.Raw{Payload: fmt.Appendf(nil, `{"event":"m","data":%d}`, i)})
			},
			func(i int) error {
				_, err := hc.Send("m", i)
				return err
			},
			func(i int) error {
				_, err := hc.Batch(func(b *hearth.Batch) { b.Send("m", i) })
				return err
			},
			func(i int) error {
				_, err := hc.SendRaw(hearth.Raw{Payload: fmt.Appendf(nil, `{"event":"m","data":%d}`, i)})
				return err
			},
		}
		for i := range rounds * len(sends) {
			if err := sends[i%len(sends)](i); err != nil {
				t.Fatal(err)
			}
		}
		for i := range rounds * len(sends) {
			expectNext(t, c, fmt.Sprintf(`{"event":"m","data":%d}`, i))
		}
	})
}
