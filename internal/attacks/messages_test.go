package attacks_test

import (
	"strings"
	"testing"

	"github.com/hearthws/hearth"
)

// What looks like an envelope and comes from a client is a message like any
// other; what comes from the broker and is of no known type reaches nobody.
// Fails when deliver takes what it does not know for a broadcast.
func TestA15ForgedEnvelopes(t *testing.T) {
	b := &spy{Broker: hearth.NewMemoryBroker()}
	opts := accepting()
	opts.Broker = b
	s := serve(t, opts)
	c, other := s.connect(t, nil), s.connect(t, nil)
	for _, forged := range []string{
		`{"serverId":"emitter","type":"broadcast","event":"news","data":1}`,
		`{"serverId":"emitter","type":"room","target":"ws-default","event":"news","data":1}`,
		`{"serverId":"` + s.ID() + `","type":"client","target":"` + other.ID() + `","event":"news","data":1,"exclude":[]}`,
	} {
		c.SendText(forged)
		if got := c.Next().String(); got != `{"event":"news","data":1}` {
			t.Errorf("the echo is %s", got)
		}
	}
	for _, env := range []hearth.Envelope{
		{ServerID: "x", Type: "everything", Event: "news"},
		{ServerID: "x", Type: "", Event: "news"},
		{ServerID: "x", Type: "Broadcast", Event: "news"},
		{ServerID: "x", Type: hearth.TypeRoom, Target: "ws:broadcast", Event: "news"},
		{ServerID: "x", Type: hearth.TypeClient, Target: "ws-default", Event: "news"},
		{ServerID: "x", Type: hearth.TypeUser, Target: "", Event: "news"},
		{ServerID: s.ID(), Type: hearth.TypeBroadcast, Event: "news"}, // says that it is the server's own
	} {
		b.deliver(env)
	}
	_, _ = other.Conn().Send("end", nil)
	if m := other.Next(); m.Event != "end" {
		t.Errorf("another client hears %s", m)
	}
}

// One reading only: the message's own members are read strictly, data is passed
// on as it came, and depth has an end. Fails when MaxDepth is 10 million, when
// nameSet knows no duplicates, and when names are compared without case.
func TestA16JSON(t *testing.T) {
	onBoth(t, func() hearth.Options {
		opts := accepting()
		opts.MaxPayload = 1 << 20
		return opts
	}, func(t *testing.T, s *target) {
		c := s.connect(t, nil)
		nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
		objects := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
		for _, text := range []string{
			`{"event":"e","data":` + nested(100_000) + `}`,
			`{"event":"e","data":` + objects(100_000) + `}`,
			`{"event":"e","data":` + nested(10_000) + `}`,
			`{"event":"e","data":` + strings.Repeat("[", 100_000),
			`{"event":"e","event":"f"}`, `{"event":"e","e\u0076ent":"f"}`, `{"event":"e","data":1,"data":2}`, `{"event":"e","x":1,"x":2}`,
			`{"event":"e"}{"event":"f"}`, `{"event":"e"} x`, `[{"event":"e"}]`, `"e"`, `null`, ``, "\ufeff" + `{"event":"e"}`,
			`{"event":1}`, `{"event":["e"]}`, `{'event':'e'}`, `{"event":"e",}`, `{"event":"e","data":01}`, `{"event":"e","data":NaN}`,
			`{"event":"e","data":"` + "\x01" + `"}`, `{"event":"e"/**/}`, "{\"event\":\"e\"}\x00",
		} {
			c.SendText(text)
			if got := c.Next().String(); got != errorEvent("Invalid message format") {
				t.Errorf("%.60q is answered with %.80s", text, got)
			}
		}
		for _, text := range []string{`{"Event":"e"}`, `{"EVENT":"e","data":1}`, `{}`, `{"event":null}`, `{"event":""}`} {
			c.SendText(text) // of no event: dropped
		}
		for _, data := range []string{
			nested(9_000), objects(9_000), `1e400`, `-0`, `0.1e-999`, `12345678901234567890123`, `"\ud800"`, `{"a":1,"a":2}`, `{"event":"f","Event":"g"}`, `"\u0000"`, `[1 , 2]`,
		} {
			c.SendText(`{"event":"e","data":` + data + `}`)
			if got := string(c.Expect("e").Data); got != data {
				t.Errorf("%.60s arrives as %.60s", data, got)
			}
		}
	})
}

// Names that mean something in JavaScript are names. There is no defence to take
// out here: Go has no such objects. The browser client's is in its own tests.
func TestA17Prototypes(t *testing.T) {
	s := serve(t, accepting())
	for _, name := range []string{"__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "valueOf"} {
		c := s.connect(t, user(name))
		c.Send("join", rooms(name))
		c.SendText(`{"event":"` + name + `","data":{"` + name + `":{"polluted":true}},"` + name + `":1}`)
		if got, want := c.Next().String(), `{"event":"`+name+`","data":{"`+name+`":{"polluted":true}}}`; got != want {
			t.Errorf("received %s, want %s", got, want)
		}
		_ = s.ToRoom(t.Context(), name, "r", nil)
		c.Expect("r")
		_ = s.ToUser(t.Context(), name, "u", nil)
		c.Expect("u")
		if c.Conn().UserID() != name {
			t.Errorf("the user is %q", c.Conn().UserID())
		}
	}
}
