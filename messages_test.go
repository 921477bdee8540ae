package hearth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// One client's messages are handled one after the other, those of several at
// once.
func TestMessagesAreSerial(t *testing.T) {
	onBoth(t, func(t *testing.T, n *network) {
		const clients, messages = 8, 200
		var running [clients]atomic.Int64
		var handled [clients][]int // by the client's hooks only
		var left sync.WaitGroup
		left.Add(clients)
		opts := accepting()
		opts.OnMessage = func(_ context.Context, c *hearth.Client, m hearth.Message) error {
			i, _ := strconv.Atoi(c.UserID())
			if running[i].Add(1) != 1 {
				t.Error("two hooks of one client run at once")
			}
			k, err := hearth.DataOf[int](m)
			handled[i] = append(handled[i], k)
			running[i].Add(-1)
			if k == messages-1 {
				left.Done()
			}
			return err
		}
		s := n.serve(t, opts)
		var all []*hearthtest.Client
		for i := range clients {
			all = append(all, n.connect(t, s, user(fmt.Sprint(i))))
		}
		for k := range messages {
			for _, c := range all {
				c.Send("e", k)
			}
		}
		var want []int
		for k := range messages {
			want = append(want, k)
		}
		left.Wait()
		for i := range all {
			if diff := cmp.Diff(want, handled[i]); diff != "" {
				t.Errorf("client %d (-want +got):\n%s", i, diff)
			}
		}
	})
}

// A hook that blocks holds up its own client only. Heartbeats, errors and pings
// of that client are answered at once all the same.
func TestBlockedHook(t *testing.T) {
	onBoth(t, func(t *testing.T, n *network) {
		release := make(chan struct{})
		opts := accepting()
		opts.OnMessage = func(_ context.Context, c *hearth.Client, m hearth.Message) error {
			if m.Event == "block" {
				<-release
			}
			_, err := c.Send("did", m.Event)
			return err
		}
		s := n.serve(t, opts)
		blocked, free := n.connect(t, s, nil), n.connect(t, s, nil)
		blocked.Send("block", nil)
		blocked.Send("next", nil)
		blocked.Send("heartbeat", nil)
		blocked.SendText("{")
		blocked.Send("authenticate", nil)
		expectNext(t, blocked, errorEvent("Invalid message format"))
		expectNext(t, blocked, errorEvent("Already authenticated"))
		free.Send("hello", nil)
		expectNext(t, free, `{"event":"did","data":"hello"}`)
		if _, err := blocked.Conn().Send("hello", nil); err != nil { // sending to it works, too
			t.Error(err)
		}
		blocked.Expect("hello")
		close(release)
		expectNext(t, blocked, `{"event":"did","data":"block"}`)
		expectNext(t, blocked, `{"event":"did","data":"next"}`)
	})
}

// What a client has sent and OnMessage has not handled is bounded: its socket is
// not read meanwhile, and nothing is lost.
func TestPendingIsBounded(t *testing.T) {
	type bound struct {
		name            string
		messages, bytes int
		size            int // of each message's data
		want            int64
	}
	for _, b := range []bound{
		{"messages", 10, 1 << 20, 1, 10},
		{"bytes", 1000, 5000, 1000, 5},
		{"one", 1, 1 << 20, 1, 1},
	} {
		t.Run(b.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, n *network) {
				const messages = 1000
				started, release, done := make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
				var handled []int
				opts := accepting()
				opts.MaxPendingMessages, opts.MaxPendingBytes = b.messages, b.bytes
				opts.OnMessage = func(_ context.Context, _ *hearth.Client, m hearth.Message) error {
					select {
					case started <- struct{}{}:
						<-release
					default:
					}
					i, err := strconv.Atoi(m.Event)
					handled = append(handled, i)
					if i == messages-1 {
						close(done)
					}
					return err
				}
				s := n.serve(t, opts)
				c := n.connect(t, s, nil)
				data := strings.Repeat("x", b.size)
				c.Send("0", data)
				<-started
				before := s.Stats().MessagesIn
				var sending sync.WaitGroup
				sending.Go(func() {
					for i := 1; i < messages; i++ {
						c.Send(strconv.Itoa(i), data)
					}
				})
				eventually(t, "as many messages wait as may", func() bool { return s.Stats().MessagesIn-before == b.want })
				n.connect(t, s, nil) // the server has time to do something wrong
				if got := s.Stats().MessagesIn - before - 1; got != b.want {
					t.Errorf("%d messages wait, want %d", got, b.want)
				}
				close(release)
				<-done
				sending.Wait()
				for i, got := range handled {
					if got != i {
						t.Fatalf("message %d came when %d was due", got, i)
					}
				}
				if got := s.Stats(); len(handled) != messages || got.ReadPauses < 1 {
					t.Errorf("%d messages were handled, reading has paused %d times", len(handled), got.ReadPauses)
				}
			})
		})
	}
}

// A client that is not read can be sent away all the same, and is not waited
// for.
func TestCloseWhilePaused(t *testing.T) {
	onBoth(t, func(t *testing.T, n *network) {
		release := make(chan struct{})
		gone := make(chan hearth.Cause, 1)
		opts := accepting()
		opts.MaxPendingMessages = 1
		opts.OnMessage = func(context.Context, *hearth.Client, hearth.Message) error {
			<-release
			return nil
		}
		opts.OnDisconnect = func(_ context.Context, _ *hearth.Client, cause hearth.Cause) error {
			gone <- cause
			return nil
		}
		s := n.serve(t, opts)
		c := n.connect(t, s, nil)
		for range 5 {
			c.Send("e", nil)
		}
		eventually(t, "reading pauses", func() bool { return s.Stats().MessagesIn == 3 }) // one of them `authenticate`
		c.Conn().Close(4000, "out")
		expectClose(t, c, 4000, "out")
		close(release)
		if cause := <-gone; cause.Code != 4000 {
			t.Errorf("OnDisconnect gets %+v", cause)
		}
		eventually(t, "the connection is gone", func() bool { return s.Stats().Connections == 0 })
	})
}

// With InlineHooks all promises hold as well.
func TestInlineHooks(t *testing.T) {
	onBoth(t, func(t *testing.T, n *network) {
		var j journal
		entered, release := make(chan struct{}), make(chan struct{})
		gone := make(chan struct{})
		opts := accepting()
		opts.InlineHooks = true
		opts.OnMessage = func(_ context.Context, c *hearth.Client, m hearth.Message) error {
			j.note("OnMessage %s %t", m.Event, c.InRoom("a"))
			switch m.Event {
			case "panic":
				panic("asked to")
			case "block":
				close(entered)
				<-release
				j.note("OnMessage returns")
			case "leave now":
				c.Close(4000, "left")
				j.note("OnMessage has closed")
				return nil
			}
			_, err := c.Send("did", m.Event)
			return err
		}
		opts.OnDisconnect = func(_ context.Context, c *hearth.Client, cause hearth.Cause) error {
			j.note("OnDisconnect %d", cause.Code)
			gone <- struct{}{}
			return nil
		}
		opts.Loops = 1
		s := n.serve(t, opts)
		c := n.connect(t, s, nil)
		c.Send("1", nil)
		c.Expect("did")
		c.Send("panic", nil)
		c.Send("join", rooms("a"))
		c.Send("2", nil)
		c.Expect("did")
		c.Send("block", nil)
		<-entered
		c.Conn().Close(4001, "out") // while the hook runs
		close(release)
		<-gone
		c = n.connect(t, s, nil)
		c.Send("leave now", nil)
		_, _ = c.Write(maskedText(`{"event":"never"}`)) // if it is still there
		<-gone
		expectClose(t, c, 4000, "left")
		j.expect(t, "OnMessage 1 false", "OnMessage panic false", "OnMessage 2 true", "OnMessage block true", "OnMessage returns", "OnDisconnect 4001",
			"OnMessage leave now false", "OnMessage has closed", "OnDisconnect 4000")
	})
}

// A panic in any hook harms its own client only, and its text never leaves.
func TestPanicsHarmOneClient(t *testing.T) {
	type test struct {
		hook string
		set  func(o *hearth.Options, panics func(c *hearth.Client))
	}
	tests := []test{
		{"Authenticate", func(o *hearth.Options, panics func(c *hearth.Client)) {
			accept := o.Authenticate
			o.Authenticate = func(ctx context.Context, c *hearth.Client, data json.RawMessage) (hearth.Identity, error) {
				if strings.Contains(string(data), "victim") {
					panic(errBroken)
				}
				return accept(ctx, c, data)
			}
		}},
		{"Handshake", func(o *hearth.Options, _ func(c *hearth.Client)) {
			o.Handshake = func(context.Context, *hearth.Client, json.RawMessage) (hearth.HandshakeResult, error) {
				panic(errBroken)
			}
		}},
		{"ValidateRooms", func(o *hearth.Options, panics func(c *hearth.Client)) {
			o.ValidateRooms = func(_ context.Context, c *hearth.Client, rooms []string) ([]string, error) {
				panics(c)
				return rooms, nil
			}
		}},
		{"OnConnect", func(o *hearth.Options, panics func(c *hearth.Client)) {
			o.OnConnect = func(_ context.Context, c *hearth.Client) error {
				panics(c)
				return nil
			}
		}},
		{"OnMessage", func(o *hearth.Options, panics func(c *hearth.Client)) {
			inner := o.OnMessage
			o.OnMessage = func(ctx context.Context, c *hearth.Client, m hearth.Message) error {
				panics(c)
				return inner(ctx, c, m)
			}
		}},
		{"OnMessage, inline", func(o *hearth.Options, panics func(c *hearth.Client)) {
			o.InlineHooks = true
			inner := o.OnMessage
			o.OnMessage = func(ctx context.Context, c *hearth.Client, m hearth.Message) error {
				panics(c)
				return inner(ctx, c, m)
			}
		}},
		{"OnDisconnect", func(o *hearth.Options, panics func(c *hearth.Client)) {
			o.OnDisconnect = func(_ context.Context, c *hearth.Client, _ hearth.Cause) error {
				panics(c)
				return nil
			}
		}},
		{"OnBackpressure", func(o *hearth.Options, panics func(c *hearth.Client)) {
			o.OnBackpressure = func(c *hearth.Client, _ bool) { panics(c) }
		}},
		{"Transform", func(o *hearth.Options, panics func(c *hearth.Client)) {
			o.Transform = func(_ context.Context, c *hearth.Client, _ hearth.Outgoing) (*hearth.Outgoing, error) {
				panics(c)
				return nil, nil
			}
			o.OnConnect = func(_ context.Context, c *hearth.Client) error {
				c.EnableEncryption()
				return nil
			}
		}},
	}
	bubbles(t, tests, func(test test) string { return test.hook }, func(t *testing.T, test test) {
		opts := accepting()
		opts.OnMessage = func(_ context.Context, c *hearth.Client, m hearth.Message) error {
			_, err := c.Send("did", m.Event)
			return err
		}
		test.set(&opts, func(c *hearth.Client) {
			if c.UserID() == "victim" {
				panic(errBroken)
			}
		})
		s := hearthtest.New(t, opts)
		victim, other := s.Dial(), s.Connect(user("other"))
		victim.Send("authenticate", map[string]string{"user": "victim", "publicKey": "k"})
		synctest.Wait()
		if victim.Conn().State() == hearth.StateAuthenticated {
			victim.Send("join", rooms("a"))
			victim.Send("hello", nil)
			victim.Stall()
			_, _ = victim.Conn().Send("page", strings.Repeat("x", 100_000)) // congests
			synctest.Wait()
			victim.Unstall()
			victim.Close(1000, "")
		}
		synctest.Wait()
		for _, m := range victim.Received() {
			if strings.Contains(m.String(), "secret") {
				t.Errorf("the victim is told %s", m)
			}
		}
		if _, reason := victim.ExpectClose(); strings.Contains(reason, "secret") {
			t.Errorf("the victim is told %s", reason)
		}
		if got := s.Stats(); got.HookFailures == 0 || got.Connections != 1 {
			t.Errorf("%d failures are counted, %d connections left", got.HookFailures, got.Connections)
		}
		other.Send("join", rooms("a"))
		other.Send("hello", nil)
		time.Sleep(time.Second)
		expectReceived(t, other, `{"event":"did","data":"hello"}`)
		if !other.Conn().InRoom("a") {
			t.Error("the other client could not join")
		}
		another := s.Connect(user("another"))
		another.Send("hello", nil)
		another.Expect("did")
	})
}
