package attacks_test

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hearthws/hearth"
)

// Who does not authenticate is closed in time, whatever else it sends, and is
// told one thing, and not for ever. Fails when expireAuth does nothing, and when
// maxEarlyErrors is 255.
func TestA05NeverAuthenticates(t *testing.T) {
	onBoth(t, func() hearth.Options {
		opts := accepting()
		opts.AuthTimeout = 2 * time.Second
		return opts
	}, func(t *testing.T, s *target) {
		mute, busy, flood := s.dial(t), s.dial(t), s.dial(t)
		for _, event := range []string{"heartbeat", "join", "echo", "connected", "encrypted"} {
			busy.Send(event, rooms("a"))
		}
		for range 4 {
			if got := busy.Next().String(); got != errorEvent("Not authenticated") {
				t.Errorf("received %s", got)
			}
		}
		text := masked(1, true, `{"event":"echo"}`)
		var all []byte
		for range 1000 {
			all = append(all, text...)
		}
		_, _ = flood.Write(all)
		expectClose(t, flood, hearth.ClosePolicy)
		if got := len(flood.Received()); got != 32 {
			t.Errorf("a flood is answered with %d errors", got)
		}
		expectClose(t, mute, hearth.CloseAuthTimeout)
		expectClose(t, busy, hearth.CloseAuthTimeout)
		if got := len(mute.Received()) + len(busy.Received()); got != 0 {
			t.Errorf("they were told %d more things", got)
		}
	})
}

// Any number of attempts are one. Fails when startAuth does not compare the
// state, but sets it.
func TestA06AuthenticationFlood(t *testing.T) {
	var calls atomic.Int64
	var release chan struct{}
	onBoth(t, func() hearth.Options {
		calls.Store(0)
		release = make(chan struct{})
		opts := accepting()
		wait := release
		opts.Authenticate = func(ctx context.Context, _ *hearth.Client, _ json.RawMessage) (hearth.Identity, error) {
			calls.Add(1)
			select {
			case <-wait:
			case <-ctx.Done():
			}
			return hearth.Identity{}, nil
		}
		return opts
	}, func(t *testing.T, s *target) {
		few, many := s.dial(t), s.dial(t)
		for range 20 {
			few.Send("authenticate", nil)
		}
		for range 19 {
			if got := few.Next().String(); got != errorEvent("Already authenticated") {
				t.Errorf("received %s", got)
			}
		}
		many.Send("authenticate", nil)
		eventually(t, "both are being authenticated", func() bool { return calls.Load() == 2 })
		var all []byte
		for range 1000 {
			all = append(all, masked(1, true, `{"event":"authenticate"}`)...)
		}
		_, _ = many.Write(all)
		expectClose(t, many, hearth.ClosePolicy)
		close(release)
		few.Expect("connected")
		if got := calls.Load(); got != 2 {
			t.Errorf("%d attempts were made", got)
		}
	})
}

// The first result wins, and who left meanwhile stays away. Fails when startAuth
// does not compare the state, and when Commit sets it without looking.
func TestA07AuthenticatesTwiceOrLeaves(t *testing.T) {
	var release chan struct{}
	var connected, disconnected atomic.Int64
	onBoth(t, func() hearth.Options {
		connected.Store(0)
		disconnected.Store(0)
		release = make(chan struct{})
		opts := accepting()
		accept, wait := opts.Authenticate, release
		opts.Authenticate = func(ctx context.Context, c *hearth.Client, data json.RawMessage) (hearth.Identity, error) {
			<-wait
			return accept(ctx, c, data)
		}
		opts.OnConnect = func(context.Context, *hearth.Client) error {
			connected.Add(1)
			return nil
		}
		opts.OnDisconnect = func(context.Context, *hearth.Client, hearth.Cause) error {
			disconnected.Add(1)
			return nil
		}
		return opts
	}, func(t *testing.T, s *target) {
		twice, gone := s.dial(t), s.dial(t)
		twice.Send("authenticate", user("first"))
		twice.Send("authenticate", user("second"))
		gone.Send("authenticate", user("gone"))
		twice.Expect("error")
		eventually(t, "both are being authenticated", func() bool { return s.Stats().Authenticating == 2 })
		gone.Drop()
		eventually(t, "one is gone", func() bool { return s.Stats().Authenticating == 1 })
		close(release)
		twice.Expect("connected")
		twice.Send("authenticate", user("third"))
		twice.Expect("error")
		eventually(t, "all hooks of the gone have returned", func() bool { return disconnected.Load() == 1 })
		for c := range s.Clients(hearth.Filter{}) {
			if c.UserID() != "first" {
				t.Errorf("there is a client of %q", c.UserID())
			}
		}
		_ = s.ToUser(t.Context(), "gone", "e", 1)
		twice.Close(1000, "")
		eventually(t, "all are gone", func() bool { return s.Stats().Connections == 0 })
		if got := connected.Load(); got != 1 {
			t.Errorf("%d clients were announced", got)
		}
	})
}
