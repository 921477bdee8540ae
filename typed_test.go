package hearth_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// The hooks see a message as it was sent.
func TestMessage(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var got []hearth.Message
		opts := accepting()
		opts.OnMessage = func(_ context.Context, _ *hearth.Client, m hearth.Message) error {
			got = append(got, m)
			return nil
		}
		s := hearthtest.New(t, opts)
		c := s.Connect(nil)
		raws := []string{
			`{"event":"e","data":{"a": 1e400 },"id":[1,"x"]}`,
			` {"id":null,"event":"\u0065\ud800","more":{"event":"f"}}` + "\n",
			`{"event":"__proto__","data":null}`,
			`{"event":"` + strings.Repeat("n", 5000) + `"}`,
		}
		for _, raw := range raws {
			c.SendText(raw)
		}
		c.SendBinary([]byte(raws[0]))
		synctest.Wait()
		want := []hearth.Message{
			{Event: "e", Data: json.RawMessage(`{"a": 1e400 }`), ID: json.RawMessage(`[1,"x"]`), Raw: json.RawMessage(raws[0])},
			{Event: "e\ufffd", ID: json.RawMessage(`null`), Raw: json.RawMessage(raws[1])},
			{Event: "__proto__", Data: json.RawMessage(`null`), Raw: json.RawMessage(raws[2])},
			{Event: strings.Repeat("n", 5000), Raw: json.RawMessage(raws[3])},
			{Event: "e", Data: json.RawMessage(`{"a": 1e400 }`), ID: json.RawMessage(`[1,"x"]`), Raw: json.RawMessage(raws[0])},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("messages (-want +got):\n%s", diff)
		}
	})
}

// A message may be kept: what arrives later does not change it.
func TestMessagesMayBeKept(t *testing.T) {
	onBoth(t, func(t *testing.T, n *network) {
		const messages = 200
		kept := make(chan hearth.Message, messages)
		opts := accepting()
		opts.InlineHooks = true
		opts.OnMessage = func(_ context.Context, _ *hearth.Client, m hearth.Message) error {
			kept <- m
			return nil
		}
		s := n.serve(t, opts)
		c := n.connect(t, s, nil)
		for i := range messages {
			c.Send("e", strings.Repeat(string(rune('a'+i%26)), 100))
		}
		var all []hearth.Message
		for range messages {
			all = append(all, <-kept)
		}
		for i, m := range all {
			text, err := hearth.DataOf[string](m)
			if err != nil || text != strings.Repeat(string(rune('a'+i%26)), 100) {
				t.Fatalf("message %d has become %s", i, m.Raw)
			}
		}
	})
}

func TestDataOf(t *testing.T) {
	type point struct{ X, Y int }
	if p, err := hearth.DataOf[point](hearth.Message{Event: "e", Data: json.RawMessage(`{"x":1,"Y":2}`)}); err != nil || p != (point{1, 2}) {
		t.Errorf("an object is %+v, %v", p, err)
	}
	if p, err := hearth.DataOf[*point](hearth.Message{Event: "e", Data: json.RawMessage(`null`)}); err != nil || p != nil {
		t.Errorf("null is %+v, %v", p, err)
	}
	if p, err := hearth.DataOf[point](hearth.Message{Event: "e"}); err != nil || p != (point{}) {
		t.Errorf("absent data is %+v, %v", p, err)
	}
	if _, err := hearth.DataOf[point](hearth.Message{Event: "move", Data: json.RawMessage(`"x"`)}); err == nil || !strings.Contains(err.Error(), `"move"`) {
		t.Errorf("data that does not fit: %v", err)
	}
}

// Credentials and metadata of the application's own types.
func TestAuthenticateWith(t *testing.T) {
	type credentials struct{ Token string }
	type profile struct{ Name string }
	bubble(t, func(t *testing.T) {
		s := hearthtest.New(t, hearth.Options{
			Authenticate: hearth.AuthenticateWith(func(_ context.Context, c *hearth.Client, got credentials) (hearth.Identity, error) {
				if _, ok := hearth.MetadataOf[profile](c); ok {
					t.Error("there is metadata before authentication")
				}
				return hearth.Identity{Metadata: profile{got.Token}}, nil
			}),
		})
		c := s.Connect(credentials{"ann"})
		if p, ok := hearth.MetadataOf[profile](c.Conn()); !ok || p.Name != "ann" {
			t.Errorf("metadata is %+v, %t", p, ok)
		}
		if _, ok := hearth.MetadataOf[int](c.Conn()); ok {
			t.Error("metadata is of another type, too")
		}
		bad := s.Dial()
		bad.Send("authenticate", 5)
		expectNext(t, bad, errorEvent("Authentication failed"))
		expectClose(t, bad, hearth.CloseAuthenticationFailed, "Authentication failed")
		s.Connect(nil) // {}
	})
}

// An envelope's JSON form is the one of PROTOCOL.md.
func TestEnvelopeJSON(t *testing.T) {
	for _, test := range []struct {
		env  hearth.Envelope
		json string
		ch   string
	}{
		{
			hearth.Envelope{ServerID: "s", Type: hearth.TypeBroadcast, Event: "e", Data: json.RawMessage(`null`)},
			`{"serverId":"s","type":"broadcast","event":"e","data":null}`, "ws:broadcast",
		},
		{
			hearth.Envelope{ServerID: "s", Type: hearth.TypeRoom, Target: "r:1", Event: "e", Data: json.RawMessage(`{"a" : 1e400}`), Exclude: []string{"x", "y"}},
			`{"serverId":"s","type":"room","target":"r:1","event":"e","data":{"a" : 1e400},"exclude":["x","y"]}`, "ws:room:r:1",
		},
		{
			hearth.Envelope{ServerID: "emitter", Type: hearth.TypeUser, Target: "u", Event: ""},
			`{"serverId":"emitter","type":"user","target":"u","event":""}`, "ws:user:u",
		},
		{
			hearth.Envelope{ServerID: "s", Type: hearth.TypeClient, Target: "c", Event: "e", Epoch: "p", Seq: 7},
			`{"serverId":"s","type":"client","target":"c","event":"e","epoch":"p","seq":7}`, "ws:client:c",
		},
	} {
		if got := string(test.env.AppendJSON([]byte("x"))); got != "x"+test.json {
			t.Errorf("it is written as %s, want x%s", got, test.json)
		}
		back, err := hearth.ParseEnvelope([]byte(test.json))
		if err != nil {
			t.Errorf("%s: %v", test.json, err)
		}
		if diff := cmp.Diff(test.env, back); diff != "" {
			t.Errorf("%s is read differently (-want +got):\n%s", test.json, diff)
		}
		if got := test.env.Channel(); got != test.ch {
			t.Errorf("its channel is %s, want %s", got, test.ch)
		}
	}
	for _, bad := range []string{
		``, `null`, `[]`, `{"type":"room","target":"r","event":"e"}`, `{"serverId":1,"type":"room","target":"r","event":"e"}`,
		`{"serverId":"s","type":"room","event":"e"}`, `{"serverId":"s","type":"other","target":"r","event":"e"}`,
		`{"serverId":"s","type":"broadcast"}`, `{"serverId":"s","type":"broadcast","event":"e"} x`,
	} {
		if env, err := hearth.ParseEnvelope([]byte(bad)); err == nil {
			t.Errorf("%s is read as %+v", bad, env)
		}
	}
	if env, err := hearth.ParseEnvelope([]byte(`{"serverId":"s","type":"user","target":42,"event":"e"}`)); err != nil || env.Target != "42" {
		t.Errorf("a numeric target is %q, %v", env.Target, err)
	}
}

// The constants are those of the original.
func TestConstants(t *testing.T) {
	for _, e := range hearth.AllEvents() {
		if !hearth.IsProtocolEvent(e) {
			t.Errorf("%s is not valid", e)
		}
	}
	for _, m := range hearth.AllMessageTypes() {
		if !m.IsValid() {
			t.Errorf("%s is not valid", m)
		}
	}
	for _, st := range hearth.AllStates() {
		if !st.IsValid() {
			t.Errorf("%s is not valid", st)
		}
	}
	if hearth.IsProtocolEvent("hello") || hearth.MessageType("x").IsValid() || hearth.State("").IsValid() {
		t.Error("everything is valid")
	}
	got := []any{
		strings.Join(hearth.AllEvents(), " "), hearth.AllMessageTypes(), hearth.AllStates(),
		hearth.ChannelBroadcast, hearth.ForRoom("a"), hearth.ForClient("a"), hearth.ForUser("a"),
		hearth.ForRoomPattern(), hearth.ForClientPattern(), hearth.ForUserPattern(),
		hearth.DefaultPath, hearth.DefaultRoom, hearth.DefaultNotificationRoom, hearth.DefaultBroadcastTopic, hearth.EmitterID,
	}
	want := []any{
		"authenticate connected disconnect join leave error heartbeat encrypted",
		[]hearth.MessageType{"client", "user", "room", "broadcast"},
		[]hearth.State{"unauthorized", "authenticating", "authenticated", "disconnected"},
		"ws:broadcast", "ws:room:a", "ws:client:a", "ws:user:a", "ws:room:*", "ws:client:*", "ws:user:*",
		"/ws", "ws-default", "ws-notification", "ws:internal:broadcast", "emitter",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("constants (-want +got):\n%s", diff)
	}
}
