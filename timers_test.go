package hearth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// after sleeps until d after began, and lets everything settle.
func after(began time.Time, d time.Duration) {
	time.Sleep(time.Until(began.Add(d)))
	synctest.Wait()
}

// Who does not authenticate in time is closed, without an error event.
func TestAuthTimeout(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var j journal
		opts := accepting()
		opts.AuthTimeout = 2 * time.Second
		s := hearthtest.New(t, journaled(&j, opts))
		began := time.Now()
		c := s.Dial()
		time.Sleep(time.Second)
		second := s.Dial() // has a time of its own
		c.Send("heartbeat", nil)
		after(began, 2*time.Second-time.Millisecond)
		if c.Conn().State() != hearth.StateUnauthorized {
			t.Errorf("the client is %s before its time is over", c.Conn().State())
		}
		after(began, 2*time.Second)
		expectClose(t, c, 4001, "Authentication timeout")
		expectReceived(t, c)
		if second.Conn().State() != hearth.StateUnauthorized {
			t.Errorf("the second client is %s", second.Conn().State())
		}
		after(began, 3*time.Second)
		expectClose(t, second, 4001, "Authentication timeout")
		j.expect(t,
			`OnDisconnect disconnected "" 4001 "Authentication timeout"`,
			`OnDisconnect disconnected "" 4001 "Authentication timeout"`)
		if got := s.Stats().AuthTimeouts; got != 2 {
			t.Errorf("%d timeouts are counted, want 2", got)
		}
	})
}

// Once `authenticate` has arrived, 3 times AuthTimeout cover everything until
// `connected`.
func TestAuthenticatingTimeout(t *testing.T) {
	type test struct {
		at    stage
		takes time.Duration
		ok    bool
	}
	const limit = time.Second
	var tests []test
	for _, at := range []stage{inAuthenticate, inHandshake, inSubscribe} {
		tests = append(tests, test{at, 3*limit - time.Millisecond, true}, test{at, 3*limit + time.Millisecond, false})
	}
	bubbles(t, tests, func(test test) string { return fmt.Sprintf("%s takes %s", test.at, test.takes) }, func(t *testing.T, test test) {
		var j journal
		broker := newFakeBroker()
		opts, release := stopAt(test.at, &j, broker)
		opts.AuthTimeout = limit
		s := hearthtest.New(t, opts)
		c := s.Dial()
		time.Sleep(limit - time.Millisecond) // of the first timer
		began := time.Now()
		c.Send("authenticate", user("ann"))
		after(began, test.takes)
		if !test.ok {
			expectClose(t, c, 4001, "Authentication timeout")
		}
		release()
		broker.answer(nil)
		if test.ok {
			c.Expect("connected")
			time.Sleep(10 * limit)
			if c.Conn().State() != hearth.StateAuthenticated {
				t.Errorf("the client is %s after it was let in", c.Conn().State())
			}
			return
		}
		expectReceived(t, c)
		if got := s.Stats(); got.AuthTimeouts != 1 || got.AuthAccepted != 0 {
			t.Errorf("stats count %d timeouts and %d accepted", got.AuthTimeouts, got.AuthAccepted)
		}
	})
}

// The context of a slow hook ends with the limit.
func TestAuthTimeoutEndsContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		opts := accepting()
		opts.AuthTimeout = time.Second
		took := make(chan time.Duration, 1)
		began := time.Now()
		opts.Authenticate = func(ctx context.Context, _ *hearth.Client, _ json.RawMessage) (hearth.Identity, error) {
			<-ctx.Done()
			took <- time.Since(began)
			return hearth.Identity{}, ctx.Err()
		}
		s := hearthtest.New(t, opts)
		c := s.Dial()
		c.Send("authenticate", nil)
		if got := <-took; got != 3*time.Second {
			t.Errorf("the context ended after %s, want 3s", got)
		}
		expectClose(t, c, 4001, "Authentication timeout")
		expectReceived(t, c)
	})
}

// The sweep closes authenticated clients that send no messages. Whatever they
// send counts, save pings and pongs.
func TestHeartbeatTimeout(t *testing.T) {
	type test struct {
		name string
		send func(c *hearthtest.Client)
		dies bool
	}
	bubbles(t, []test{
		{"nothing", func(*hearthtest.Client) {}, true},
		{"pings", func(c *hearthtest.Client) { c.Ping() }, true},
		{"heartbeats", func(c *hearthtest.Client) { c.Send("heartbeat", hearth.Absent) }, false},
		{"messages", func(c *hearthtest.Client) { c.Send("hello", nil) }, false},
		{"messages without an event", func(c *hearthtest.Client) { c.SendText("{}") }, false},
	}, func(test test) string { return test.name }, func(t *testing.T, test test) {
		opts := accepting()
		opts.HeartbeatInterval, opts.HeartbeatTimeout = 10*time.Second, 25*time.Second
		began := time.Now()
		s := hearthtest.New(t, opts) // sweeps at 10 s, 20 s, 30 s, …
		c := s.Connect(nil)
		for time.Since(began) < 29*time.Second && c.Conn().State() == hearth.StateAuthenticated {
			time.Sleep(time.Second)
			test.send(c)
		}
		synctest.Wait()
		if c.Conn().State() != hearth.StateAuthenticated {
			t.Fatalf("the client is %s too early, after %s", c.Conn().State(), time.Since(began))
		}
		after(began, 30*time.Second)
		if !test.dies {
			after(began, 51*time.Second)
			if c.Conn().State() != hearth.StateAuthenticated {
				t.Errorf("the client is %s", c.Conn().State())
			}
			return
		}
		expectClose(t, c, 4002, "Heartbeat timeout")
		expectReceived(t, c)
		if got := s.Stats().HeartbeatTimeouts; got != 1 {
			t.Errorf("%d timeouts are counted, want 1", got)
		}
	})
}

// A client whose messages wait for a hook is not silent, however long that
// takes: its socket is not read. Afterwards it has all its time again, for the
// sweep and for the idle timeout.
func TestPausedIsNotSilent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		opts := accepting()
		opts.MaxPendingMessages = 2
		opts.HeartbeatInterval, opts.HeartbeatTimeout, opts.IdleTimeout = time.Second, 20*time.Second, 10*time.Second
		opts.OnMessage = func(context.Context, *hearth.Client, hearth.Message) error {
			<-release
			return nil
		}
		s := hearthtest.New(t, opts)
		c := s.Connect(nil)
		for range 3 { // one with the hook, two that wait
			c.Send("hello", nil)
		}
		synctest.Wait()
		if s.Stats().ReadPauses == 0 {
			t.Error("reading does not pause")
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if c.Conn().State() != hearth.StateAuthenticated {
			t.Fatal("the client was taken for silent while it was not read")
		}
		close(release)
		time.Sleep(19 * time.Second)
		synctest.Wait()
		if c.Conn().State() != hearth.StateAuthenticated {
			t.Fatal("the client was taken for silent soon after it was read again")
		}
		time.Sleep(3 * time.Second)
		expectClose(t, c, 4002, "Heartbeat timeout")
	})
}

// A connection from which nothing comes, not even a pong, is dropped; a peer
// that answers pings lives.
func TestIdleTimeout(t *testing.T) {
	type test struct {
		name  string
		pings bool
		mute  bool // the peer does not answer
		dies  bool
	}
	bubbles(t, []test{
		{"peer answers pings", true, false, false},
		{"peer is mute", true, true, true},
		{"no pings", false, false, true},
	}, func(test test) string { return test.name }, func(t *testing.T, test test) {
		var j journal
		opts := accepting()
		opts.IdleTimeout, opts.HeartbeatTimeout, opts.DisablePings = 16*time.Second, time.Hour, !test.pings
		s := hearthtest.New(t, journaled(&j, opts))
		began := time.Now()
		c := s.Connect(nil)
		synctest.Wait()
		if test.mute {
			c.Stall()
		}
		after(began, 15*time.Second)
		if c.Conn().State() != hearth.StateAuthenticated {
			t.Fatalf("the client is %s too early", c.Conn().State())
		}
		after(began, 20*time.Second)
		if got := c.Conn().State() == hearth.StateDisconnected; got != test.dies {
			t.Errorf("the client is %s after %s", c.Conn().State(), time.Since(began))
		}
		if test.dies {
			j.expect(t, `Authenticate {} authenticating`, `OnConnect authenticated ""`, `OnDisconnect disconnected "" 1006 ""`)
			return
		}
		after(began, 30*time.Minute)
		if c.Conn().State() != hearth.StateAuthenticated {
			t.Errorf("the client is %s after %s", c.Conn().State(), time.Since(began))
		}
	})
}

// A broker that confirms no subscription delays `connected`, and the message
// after a join, by SubscribeWait and no longer.
func TestSubscribeWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		broker := newFakeBroker()
		opts := accepting()
		opts.Broker = broker
		opts.SubscribeWait = 2 * time.Second
		var gaps []hearth.Gap
		opts.OnGap = func(g hearth.Gap) { gaps = append(gaps, g) }
		opts.OnMessage = func(_ context.Context, c *hearth.Client, m hearth.Message) error {
			_, err := c.Send("did", m.Event)
			return err
		}
		s := hearthtest.New(t, opts)
		broker.hold()
		began := time.Now()
		c := s.Dial()
		c.Send("authenticate", nil)
		after(began, 2*time.Second-time.Millisecond)
		expectReceived(t, c)
		if c.Conn().State() != hearth.StateAuthenticating {
			t.Errorf("the client is %s before its subscriptions are live", c.Conn().State())
		}
		after(began, 2*time.Second)
		c.Expect("connected")

		began = time.Now()
		c.Send("join", rooms("a"))
		c.Send("hello", nil)
		synctest.Wait()
		if !c.Conn().InRoom("a") {
			t.Error("the client is not in the room while the broker is awaited")
		}
		after(began, 2*time.Second-time.Millisecond)
		expectReceived(t, c)
		after(began, 2*time.Second)
		expectReceived(t, c, `{"event":"did","data":"hello"}`)
		if got := s.Stats().SubscribeTimeouts; got != 2 {
			t.Errorf("%d timeouts are counted, want 2", got)
		}

		c.Send("join", rooms("b"))
		c.Send("hello", nil)
		expectReceived(t, c)
		broker.answer(nil) // in time
		expectReceived(t, c, `{"event":"did","data":"hello"}`)
		// What was late is live now: until then, the client has missed others' messages.
		want := []hearth.Gap{{From: began, To: time.Now(), Missed: -1}}
		if diff := cmp.Diff(want, gaps); diff != "" {
			t.Errorf("gaps (-want +told):\n%s", diff)
		}
		broker.hold()
		c.Send("join", rooms("c"))
		c.Send("hello", nil)
		expectReceived(t, c)
		broker.answer(hearth.ErrBrokerUnavailable) // goes on at once
		expectReceived(t, c, `{"event":"did","data":"hello"}`)
		if got := s.Stats().SubscribeTimeouts; got != 3 {
			t.Errorf("%d timeouts are counted, want 3", got)
		}
		broker.hold()
		c.Send("join", rooms("d"))
		began = time.Now()
		after(began, 3*time.Second)
		broker.answer(hearth.ErrBrokerUnavailable) // late; the broker's own gap begins now
		want = append(want, hearth.Gap{From: began.Add(2 * time.Second), To: time.Now(), Missed: -1})
		if diff := cmp.Diff(want, gaps); diff != "" {
			t.Errorf("gaps (-want +told):\n%s", diff)
		}
	})
}
