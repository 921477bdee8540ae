package hearth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// asItIs is a Transform that leaves messages to whoever sends them.
func asItIs(context.Context, *hearth.Client, hearth.Outgoing) (*hearth.Outgoing, error) {
	return nil, nil
}

// encrypting are options that make every client an encrypted one.
func encrypting(transform hearth.TransformFunc) hearth.Options {
	opts := accepting()
	opts.RequireEncryption = true
	opts.Handshake = func(context.Context, *hearth.Client, json.RawMessage) (hearth.HandshakeResult, error) {
		return hearth.HandshakeResult{ServerPublicKey: "k"}, nil
	}
	opts.Transform = transform
	return opts
}

// A failure loses that message only, and never lets the plain one through.
func TestTransformOutcomes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var seen []string
		s := hearthtest.New(t, encrypting(func(_ context.Context, c *hearth.Client, m hearth.Outgoing) (*hearth.Outgoing, error) {
			seen = append(seen, fmt.Sprintf("%s %s", m.Event, m.Data))
			switch m.Event {
			case "keep":
				return nil, nil
			case "fail":
				return &m, errBroken
			case "panic":
				panic("asked to")
			case "empty":
				return &hearth.Outgoing{Event: "empty"}, nil
			}
			return seal(m), nil
		}))
		c := s.Connect(nil)
		send := func(event string, data any) {
			t.Helper()
			if _, err := c.Conn().Send(event, data); err != nil {
				t.Errorf("%s: %v", event, err)
			}
		}
		send("keep", 1)
		send("seal", map[string]string{"a": "<é>"})
		send("fail", "secret")
		send("panic", "secret")
		send("empty", "secret")
		send("seal", hearth.Absent)
		c.SendText("{")
		expectReceived(t, c,
			`{"event":"keep","data":1}`,
			sealed(`{"event":"seal","data":{"a":"<é>"}}`),
			`{"event":"empty"}`,
			sealed(`{"event":"seal"}`),
			sealed(errorEvent("Invalid message format")))
		want := `keep 1, seal {"a":"<é>"}, fail "secret", panic "secret", empty "secret", seal , error {"message":"Invalid message format"}`
		if got := strings.Join(seen, ", "); got != want {
			t.Errorf("Transform sees %s, want %s", got, want)
		}
		if st := s.Stats(); st.TransformFailures != 2 || st.HookFailures != 2 || st.QueuedBytes != 0 {
			t.Errorf("stats count %d and %d failures, %d bytes queued", st.TransformFailures, st.HookFailures, st.QueuedBytes)
		}
	})
}

// Without Transform an encrypted client gets messages as they are, where encryption
// is only offered.
func TestEncryptedWithoutTransform(t *testing.T) {
	bubble(t, func(t *testing.T) {
		opts := encrypting(nil)
		opts.RequireEncryption = false
		s := hearthtest.New(t, opts)
		c := s.Connect(asking)
		if !c.Conn().Encrypted() {
			t.Error("the client is not encrypted")
		}
		if err := s.Broadcast(t.Context(), "news", 1); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Conn().SendRaw(hearth.Raw{Payload: []byte("raw")}); err != nil {
			t.Errorf("SendRaw: %v", err)
		}
		expectReceived(t, c, `{"event":"news","data":1}`, "raw")
	})
}

// An envelope's event may be empty. It is a message all the same, not a raw one.
func TestEmptyEventIsTransformed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		broker := newFakeBroker()
		opts := encrypting(sealing(accepting()).Transform)
		opts.Broker = broker
		s := hearthtest.New(t, opts)
		c := s.Connect(nil)
		broker.deliver(hearth.Envelope{ServerID: "other", Type: hearth.TypeBroadcast, Data: json.RawMessage("1")})
		expectReceived(t, c, sealed(`{"event":"","data":1}`))
	})
}

// Raw messages cannot be transformed, so encrypted clients do not get them.
func TestRawToEncrypted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := hearthtest.New(t, sealing(accepting()))
		encrypted, plain := s.Connect(nil), s.Connect(nil)
		encrypted.Conn().EnableEncryption()
		raw := hearth.Raw{Payload: []byte("raw")}
		if result, err := encrypted.Conn().SendRaw(raw); result != hearth.Dropped || err != hearth.ErrEncrypted {
			t.Errorf("SendRaw returns %s and %v, want ErrEncrypted", result, err)
		}
		if err := s.Publish(hearth.DefaultRoom, raw); err != nil {
			t.Error(err)
		}
		if err := encrypted.Conn().Publish(hearth.DefaultRoom, raw); err != nil {
			t.Error(err)
		}
		expectReceived(t, encrypted)
		expectReceived(t, plain, "raw", "raw")
		if queued := s.Stats().QueuedBytes; queued != 0 {
			t.Errorf("%d bytes stay queued", queued)
		}
	})
}

// However long each hook takes, the messages of every client stay in the order
// in which they were sent, over all verbs.
func TestTransformKeepsOrder(t *testing.T) {
	const clients, messages = 7, 60
	bubble(t, func(t *testing.T) {
		s := hearthtest.New(t, encrypting(func(_ context.Context, _ *hearth.Client, m hearth.Outgoing) (*hearth.Outgoing, error) {
			time.Sleep(time.Duration(rand.IntN(1000)) * time.Microsecond)
			return seal(m), nil
		}))
		var all []*hearthtest.Client
		for range clients {
			all = append(all, s.Connect(user("ann")))
		}
		ctx := t.Context()
		for i := range messages {
			switch i % 5 {
			case 0:
				_ = s.Broadcast(ctx, "m", i)
			case 1:
				_ = s.ToRoom(ctx, hearth.DefaultRoom, "m", i)
			case 2:
				_ = s.ToUser(ctx, "ann", "m", i)
			case 3:
				for _, c := range all {
					_ = s.ToClient(ctx, c.ID(), "m", i)
				}
			case 4:
				for _, c := range all {
					_, _ = c.Conn().Batch(func(b *hearth.Batch) { b.Send("m", i) })
				}
			}
			if i%7 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		time.Sleep(time.Second)
		var want []string
		for i := range messages {
			want = append(want, sealed(fmt.Sprintf(`{"event":"m","data":%d}`, i)))
		}
		for _, c := range all {
			expectReceived(t, c, want...)
		}
	})
}

// Hooks of one client run one after the other, those of several at once, and
// never more than EncryptedBatchLimit.
func TestEncryptedBatchLimit(t *testing.T) {
	const clients, limit = 10, 3
	bubble(t, func(t *testing.T) {
		var mu sync.Mutex
		running := map[*hearth.Client]int{}
		most := 0
		opts := encrypting(func(_ context.Context, c *hearth.Client, m hearth.Outgoing) (*hearth.Outgoing, error) {
			mu.Lock()
			running[c]++
			if running[c] > 1 {
				t.Error("two hooks of one client run at once")
			}
			most = max(most, len(running))
			mu.Unlock()
			time.Sleep(10 * time.Millisecond)
			mu.Lock()
			delete(running, c)
			mu.Unlock()
			return nil, nil
		})
		opts.Loops, opts.EncryptedBatchLimit = 1, limit
		s := hearthtest.New(t, opts)
		var all []*hearthtest.Client
		for range clients {
			all = append(all, s.Connect(nil))
		}
		for i := range 3 {
			_ = s.Broadcast(t.Context(), "m", i)
		}
		time.Sleep(time.Second)
		for _, c := range all {
			expectReceived(t, c, `{"event":"m","data":0}`, `{"event":"m","data":1}`, `{"event":"m","data":2}`)
		}
		if most != limit {
			t.Errorf("%d hooks ran at once, want %d", most, limit)
		}
	})
}

// Hooks that never return harm their own clients only, however many there are.
func TestTransformHangs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		var gone sync.Map // clients
		opts := encrypting(func(_ context.Context, c *hearth.Client, _ hearth.Outgoing) (*hearth.Outgoing, error) {
			if c.UserID() == "hangs" {
				<-release
				if _, ok := gone.Load(c); ok {
					t.Error("OnDisconnect came before a hook had returned")
				}
			}
			return nil, nil
		})
		opts.Loops, opts.EncryptedBatchLimit = 1, 2
		opts.OnDisconnect = func(_ context.Context, c *hearth.Client, _ hearth.Cause) error {
			gone.Store(c, true)
			return nil
		}
		s := hearthtest.New(t, opts)
		var hanging []*hearthtest.Client
		for range 4 {
			hanging = append(hanging, s.Connect(user("hangs")))
		}
		other := s.Connect(nil)
		_ = s.ToUser(t.Context(), "hangs", "m", 1)
		_ = s.Broadcast(t.Context(), "m", 2)
		_ = s.Broadcast(t.Context(), "m", 3)
		time.Sleep(5 * time.Second)
		expectReceived(t, other, `{"event":"m","data":2}`, `{"event":"m","data":3}`)
		hanging[0].Conn().Close(4000, "out") // is not followed by what hangs
		synctest.Wait()
		if _, ok := gone.Load(hanging[0].Conn()); ok {
			t.Error("OnDisconnect did not wait for Transform")
		}
		close(release)
		synctest.Wait()
		expectReceived(t, hanging[0])
		for _, c := range hanging[1:] {
			expectReceived(t, c, `{"event":"m","data":1}`, `{"event":"m","data":2}`, `{"event":"m","data":3}`)
		}
		if _, ok := gone.Load(hanging[0].Conn()); !ok {
			t.Error("OnDisconnect never came")
		}
	})
}

// What waits for Transform counts as queued, so a hook that is too slow costs
// messages, and not memory.
func TestTransformBackpressure(t *testing.T) {
	bubble(t, func(t *testing.T) {
		opts := encrypting(func(context.Context, *hearth.Client, hearth.Outgoing) (*hearth.Outgoing, error) {
			time.Sleep(time.Second)
			return nil, nil
		})
		opts.BackpressureLimit = 1000
		s := hearthtest.New(t, opts)
		c := s.Connect(nil)
		synctest.Wait()
		page := strings.Repeat(".", 600)
		for i, want := range []hearth.SendResult{hearth.Sent, hearth.Queued, hearth.Dropped} {
			if got, _ := c.Conn().Send("page", page); got != want {
				t.Errorf("message %d is %s, want %s", i, got, want)
			}
		}
		_ = s.Broadcast(t.Context(), "page", page)
		synctest.Wait()
		if got := s.Stats().Dropped; got != 2 {
			t.Errorf("%d messages are counted as dropped, want 2", got)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if got := len(c.Received()); got != 2 {
			t.Errorf("%d messages arrived, want 2", got)
		}
		if queued := s.Stats().QueuedBytes; queued != 0 {
			t.Errorf("%d bytes stay queued", queued)
		}
	})
}

// Whatever is sent after EnableEncryption has returned is transformed, on
// whichever way and by whomever.
func TestNothingPlainAfterEnableEncryption(t *testing.T) {
	onBoth(t, func(t *testing.T, n *network) {
		opts := sealing(accepting())
		opts.OnMessage = func(ctx context.Context, c *hearth.Client, _ hearth.Message) error {
			c.EnableEncryption()
			_, err := c.Send("enabled", nil)
			return err
		}
		s := n.serve(t, opts)
		for range 20 {
			c := n.connect(t, s, user("ann"))
			stop := make(chan struct{})
			var senders sync.WaitGroup
			hc := c.Conn()
			for _, send := range []func(event string){
				func(event string) { _, _ = hc.Send(event, 1) },
				func(event string) { _ = s.ToUser(t.Context(), "ann", event, 1) },
				func(event string) { _ = s.Broadcast(t.Context(), event, 1) },
				func(event string) { _ = s.ToRoom(t.Context(), hearth.DefaultRoom, event, 1) },
				func(event string) { _ = s.ToRoom(t.Context(), hc.ID(), event, 1) },
			} {
				senders.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
							event := "any"
							if hc.Encrypted() {
								event = "secret"
							}
							send(event)
							time.Sleep(100 * time.Microsecond)
						}
					}
				})
			}
			c.Send("go", nil)
			for secrets := 0; secrets < 20; {
				m := c.Next()
				if m.Event == "secret" || m.Event == "enabled" {
					t.Errorf("received %s, which is plain", m)
				}
				if strings.Contains(m.String(), "secret") {
					secrets++
				}
			}
			close(stop)
			senders.Wait()
			c.Drop()
		}
	})
}
