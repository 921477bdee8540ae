package hearth_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

func TestStats(t *testing.T) {
	bubble(t, func(t *testing.T) {
		opts := accepting()
		opts.Identifier, opts.Loops = "node", 2
		opts.Authenticate = func(ctx context.Context, _ *hearth.Client, data json.RawMessage) (hearth.Identity, error) {
			switch string(data) {
			case `"refuse"`:
				return hearth.Identity{}, hearth.ErrRejected
			case `"fail"`:
				return hearth.Identity{}, errBroken
			case `"slow"`:
				time.Sleep(time.Second)
			}
			return hearth.Identity{}, nil
		}
		s := hearthtest.New(t, opts)
		others := cmpopts.IgnoreFields(hearth.Stats{}, "Loops", "Broker", "Refused")
		if diff := cmp.Diff(hearth.Stats{ServerID: s.ID(), Identifier: "node", Ready: true}, s.Stats(), others); diff != "" {
			t.Errorf("at first (-want +got):\n%s", diff)
		}
		s.Dial()
		in := s.Connect(nil)
		_ = in.Conn().Join("a", "b")
		in.SendText("{")
		slow := s.Dial()
		slow.Send("authenticate", "slow")
		for _, credentials := range []string{"refuse", "fail"} {
			c := s.Dial()
			c.Send("authenticate", credentials)
			c.ExpectClose()
		}
		r := hearthtest.NewRequest(s.Path())
		r.Header.Set("Origin", "https://evil.example")
		refuse(t, s, r, 403)
		synctest.Wait()
		want := hearth.Stats{
			ServerID: s.ID(), Identifier: "node", Ready: true,
			Connections: 3, Unauthorized: 1, Authenticating: 1, Authenticated: 1, OnStreams: 3, Rooms: 4,
			Accepted: 5, Disconnected: 2, UpgradesRefused: 1, AuthAccepted: 1, AuthRejected: 1, AuthFailed: 1,
			MessagesIn: 5, ErrorsSent: 3, HookFailures: 1,
		}
		got := s.Stats()
		for reason, n := range got.Refused {
			if want := map[string]int64{"origin": 1}[reason]; n != want {
				t.Errorf("%d refusals are counted as %s, want %d", n, reason, want)
			}
		}
		if diff := cmp.Diff(want, got, others); diff != "" {
			t.Errorf("then (-want +got):\n%s", diff)
		}
		var onLoops, rescued int64
		for _, l := range got.Loops {
			onLoops += l.Connections
			rescued += l.Rescued
			if len(l.Turns) != 5 {
				t.Errorf("turns are counted in %d classes", len(l.Turns))
			}
		}
		if len(got.Loops) != 2 || onLoops != 3 || rescued != 0 {
			t.Errorf("%d loops have %d connections, %d wake-ups were missed", len(got.Loops), onLoops, rescued)
		}
		text, err := json.Marshal(got)
		if err != nil || !strings.HasPrefix(string(text), `{"serverId":"`+s.ID()+`","identifier":"node","ready":true,"connections":3,`) {
			t.Errorf("as JSON: %s, %v", text, err)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := s.Stats(); got.Ready || got.Connections != 0 || got.Disconnected != 5 {
			t.Errorf("after Shutdown: %+v", got)
		}
	})
}

func TestSnapshot(t *testing.T) {
	bubble(t, func(t *testing.T) {
		opts := accepting()
		opts.Authenticate = func(context.Context, *hearth.Client, json.RawMessage) (hearth.Identity, error) {
			return hearth.Identity{UserID: "ann", Metadata: map[string]int{"a": 1}}, nil
		}
		opts.Handshake = func(context.Context, *hearth.Client, json.RawMessage) (hearth.HandshakeResult, error) {
			return hearth.HandshakeResult{ServerPublicKey: "key", Salt: "salt"}, nil
		}
		s := hearthtest.New(t, opts)
		began := time.Now()
		c := s.DialAs(hearth.UpgradeData{ClientID: "me", UserID: "from the session", Metadata: "cookie"})
		hc := c.Conn()
		same := func(what string, want hearth.Snapshot) {
			t.Helper()
			synctest.Wait()
			want.ID, want.RemoteAddr, want.Transport = "me", "192.0.2.1:1234", hearth.TransportStream
			want.ConnectedAt = began
			if diff := cmp.Diff(want, hc.Snapshot()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", what, diff)
			}
		}
		same("before", hearth.Snapshot{State: hearth.StateUnauthorized, Rooms: []string{}, LastActivity: began})
		time.Sleep(time.Second)
		c.Authenticate(map[string]string{"publicKey": "k"})
		time.Sleep(time.Second)
		c.Send("heartbeat", nil)
		want := hearth.Snapshot{
			UserID: "ann", HasUserID: true, State: hearth.StateAuthenticated,
			Rooms: []string{"me", "ws-default", "ws-notification"}, Encrypted: true, LastActivity: began.Add(2 * time.Second),
			Metadata: map[string]int{"a": 1}, ServerPublicKey: "key", Salt: "salt",
		}
		same("authenticated", want)
		if data := hc.Data(); data.ClientID != "me" || data.UserID != "from the session" || data.Metadata != "cookie" {
			t.Errorf("the data of the upgrade are %+v", data)
		}
		if !hc.ConnectedAt().Equal(began) || !hc.LastActivity().Equal(began.Add(2*time.Second)) {
			t.Errorf("connected at %s, active at %s", hc.ConnectedAt(), hc.LastActivity())
		}
		hc.Close(4000, "")
		want.State, want.Rooms = hearth.StateDisconnected, []string{}
		same("afterwards", want)
		if got := s.Connect(nil).Conn().Data(); !cmp.Equal(got, hearth.UpgradeData{}) {
			t.Errorf("a plain upgrade has the data %+v", got)
		}
	})
}
