//go:build unix

package interop

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/internal/transcript"
)

// TestEnvelopesAlike checks that every verb of a Hearth node publishes what
// the original publishes for it, member for member and in the same channel,
// and that Hearth reads it.
func TestEnvelopesAlike(t *testing.T) {
	t.Parallel()
	c := newCluster(t, original, loop)
	redis := dialRedis(t, c.redis.Addr())
	redis.do("PSUBSCRIBE", "*")
	verbs := []string{
		`{"event":"client","data":{"id":"<id>","body":{"a":[1,null,"é🦊\u0000"]}}}`,
		`{"event":"client","data":{"id":"<id>"}}`,
		`{"event":"client","data":{"id":"<id>","body":null}}`,
		`{"event":"user","data":{"userId":"ann","body":1}}`,
		`{"event":"user","data":{"userId":"ünï \"","body":1}}`,
		`{"event":"room","data":{"room":"r","body":1}}`,
		`{"event":"room","data":{"room":"r\r\n\u0000🦊","body":"x"}}`,
		`{"event":"room","data":{"room":"r","body":1,"exclude":["a","b"]}}`,
		`{"event":"all","data":{"body":{"x":1}}}`,
		`{"event":"pub","data":{"room":"nobody is here","body":1}}`,
		`{"event":"pub","data":{"room":"<own>","body":1}}`,
		`{"event":"pub","data":{"room":"","body":1}}`,
		`{"event":"pub","data":{"room":"ws-default","body":1}}`,
		`{"event":"bcast","data":{"body":null}}`,
	}
	for _, verb := range verbs {
		var published [2]string
		for i, n := range c.nodes {
			own := n.probe
			own.write(strings.NewReplacer("<id>", "11111111-1111-4111-8111-111111111111", "<own>", own.id).Replace(verb))
			m := redis.next() // pmessage, *, channel, payload
			published[i] = m[2] + " " + envelopeOf(t, m[3])
			published[i] = strings.ReplaceAll(published[i], own.id, "<own>")
		}
		if published[0] != published[1] {
			t.Errorf("%s\nthe original publishes %s\nHearth publishes       %s", verb, published[0], published[1])
		}
	}
}

// envelopeOf is the canonical form of an envelope that Hearth reads, without
// what differs by nature: the server's id, and the members reserved for
// finding gaps.
func envelopeOf(t *testing.T, payload string) string {
	t.Helper()
	e, err := hearth.ParseEnvelope([]byte(payload))
	if err != nil {
		t.Fatalf("%s: %v", payload, err)
	}
	if !bytes.Equal(e.AppendJSON(nil), []byte(payload)) {
		t.Errorf("the envelope %s is written again as %s", payload, e.AppendJSON(nil))
	}
	if e.ServerID == "" {
		t.Errorf("%s has no serverId", payload)
	}
	e.ServerID, e.Epoch, e.Seq = "", "", 0
	text, err := transcript.Canonical(e.AppendJSON(nil))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// oddEnvelope is something that somebody published.
type oddEnvelope struct {
	name    string
	channel string // ws:broadcast if empty
	payload string // <id> is the id of a client of the node, which is in room "r" and of user "7"

	received string // by that client: canonical messages, one a line
	lost     string // why the original loses it, and Hearth does not
}

var oddEnvelopes = []oddEnvelope{
	{name: "a room", payload: `{"serverId":"x","type":"room","target":"r","event":"msg","data":1}`, received: `{"event":"msg","data":1}`},
	{name: "a client", payload: `{"serverId":"x","type":"client","target":"<id>","event":"msg","data":1}`, received: `{"event":"msg","data":1}`},
	{name: "a user", payload: `{"serverId":"x","type":"user","target":"7","event":"msg","data":1}`, received: `{"event":"msg","data":1}`},
	{name: "everybody", payload: `{"serverId":"x","type":"broadcast","event":"msg","data":1}`, received: `{"event":"msg","data":1}`},
	{name: "of an emitter", payload: `{"serverId":"emitter","type":"room","target":"r","event":"msg","data":1}`, received: `{"event":"msg","data":1}`},
	{name: "type and target count, not the channel", channel: "ws:room:r", payload: `{"serverId":"x","type":"user","target":"7","event":"msg","data":1}`, received: `{"event":"msg","data":1}`},
	{name: "a broadcast in a room's channel", channel: "ws:room:r", payload: `{"serverId":"x","type":"broadcast","event":"msg","data":1}`, received: `{"event":"msg","data":1}`},
	{name: "a broadcast with a target", payload: `{"serverId":"x","type":"broadcast","target":"elsewhere","event":"msg","data":1}`, received: `{"event":"msg","data":1}`},

	{name: "not JSON", payload: `hello`},
	{name: "nothing", payload: ``},
	{name: "null", payload: `null`},
	{name: "a number", payload: `5`},
	{name: "an array", payload: `[{"serverId":"x","type":"broadcast","event":"msg","data":1}]`},
	{name: "an empty object", payload: `{}`},
	{name: "text after the value", payload: `{"serverId":"x","type":"broadcast","event":"msg","data":1}}`},
	{name: "white space around it", payload: " {\"serverId\":\"x\" ,\n\"type\":\"broadcast\",\"event\":\"msg\",\"data\": 1 } ", received: `{"event":"msg","data":1}`},
	{name: "without serverId", payload: `{"type":"broadcast","event":"msg","data":1}`},
	{name: "serverId is a number", payload: `{"serverId":5,"type":"broadcast","event":"msg","data":1}`},
	{name: "serverId is empty", payload: `{"serverId":"","type":"broadcast","event":"msg","data":1}`, received: `{"event":"msg","data":1}`},
	{name: "without event", payload: `{"serverId":"x","type":"broadcast","data":1}`},
	{name: "event is a number", payload: `{"serverId":"x","type":"broadcast","event":5,"data":1}`},
	{name: "event is null", payload: `{"serverId":"x","type":"broadcast","event":null,"data":1}`},
	{name: "event is empty", payload: `{"serverId":"x","type":"broadcast","event":"","data":1}`, received: `{"event":"","data":1}`},
	{name: "event is of the protocol", payload: `{"serverId":"x","type":"broadcast","event":"connected","data":1}`, received: `{"event":"connected","data":1}`},
	{name: "without type", payload: `{"serverId":"x","target":"r","event":"msg","data":1}`},
	{name: "unknown type", payload: `{"serverId":"x","type":"planet","target":"r","event":"msg","data":1}`},
	{name: "type in capitals", payload: `{"serverId":"x","type":"ROOM","target":"r","event":"msg","data":1}`},
	{name: "type is a number", payload: `{"serverId":"x","type":5,"target":"r","event":"msg","data":1}`},
	{name: "without target", payload: `{"serverId":"x","type":"room","event":"msg","data":1}`},
	{name: "target is empty", payload: `{"serverId":"x","type":"user","target":"","event":"msg","data":1}`},
	{name: "target is null", payload: `{"serverId":"x","type":"client","target":null,"event":"msg","data":1}`},
	{name: "target is a number, of a room", payload: `{"serverId":"x","type":"room","target":5,"event":"msg","data":1}`, received: `{"event":"msg","data":1}`},
	{
		name: "target is a number, of a user", payload: `{"serverId":"x","type":"user","target":7,"event":"msg","data":1}`, received: `{"event":"msg","data":1}`,
		lost: "numeric targets are read as their decimal text",
	},
	{name: "target is an object", payload: `{"serverId":"x","type":"room","target":{"r":1},"event":"msg","data":1}`},

	{name: "without data", payload: `{"serverId":"x","type":"room","target":"r","event":"msg"}`, received: `{"event":"msg"}`},
	{name: "data is null", payload: `{"serverId":"x","type":"room","target":"r","event":"msg","data":null}`, received: `{"event":"msg","data":null}`},
	{name: "data first", payload: `{"data":{"serverId":"y"},"event":"msg","target":"r","type":"room","serverId":"x"}`, received: `{"event":"msg","data":{"serverId":"y"}}`},
	{name: "more members", payload: `{"serverId":"x","v":2,"type":"room","target":"r","event":"msg","data":1,"epoch":"of <id>","seq":7,"__proto__":{"a":1}}`, received: `{"event":"msg","data":1}`},
	{name: "epoch and seq of other types", payload: `{"serverId":"x","type":"room","target":"r","event":"msg","data":1,"epoch":5,"seq":"x"}`, received: `{"event":"msg","data":1}`},
	{name: "names with escapes", payload: `{"s\u0065rverId":"x","typ\u0065":"r\u006fom","target":"\u0072","event":"m\u0073g","data":1}`, received: `{"event":"msg","data":1}`},
	{name: "a lone surrogate in data", payload: `{"serverId":"x","type":"room","target":"r","event":"msg","data":"\ud800"}`, received: `{"event":"msg","data":"\ud800"}`},

	{name: "excluded from a room", payload: `{"serverId":"x","type":"room","target":"r","event":"msg","data":1,"exclude":["<id>"]}`},
	{name: "excluded from a broadcast", payload: `{"serverId":"x","type":"broadcast","event":"msg","data":1,"exclude":["other","<id>"]}`},
	{name: "exclude does not count for clients", payload: `{"serverId":"x","type":"client","target":"<id>","event":"msg","data":1,"exclude":["<id>"]}`, received: `{"event":"msg","data":1}`},
	{name: "exclude does not count for users", payload: `{"serverId":"x","type":"user","target":"7","event":"msg","data":1,"exclude":["<id>"]}`, received: `{"event":"msg","data":1}`},
	{name: "others excluded", payload: `{"serverId":"x","type":"room","target":"r","event":"msg","data":1,"exclude":["other"]}`, received: `{"event":"msg","data":1}`},
	{name: "exclude is empty", payload: `{"serverId":"x","type":"room","target":"r","event":"msg","data":1,"exclude":[]}`, received: `{"event":"msg","data":1}`},
	{name: "exclude is null", payload: `{"serverId":"x","type":"room","target":"r","event":"msg","data":1,"exclude":null}`, received: `{"event":"msg","data":1}`},
	{name: "exclude is a string", payload: `{"serverId":"x","type":"room","target":"r","event":"msg","data":1,"exclude":"<id>"}`, received: `{"event":"msg","data":1}`},
	{name: "exclude is a number", payload: `{"serverId":"x","type":"room","target":"r","event":"msg","data":1,"exclude":5}`, received: `{"event":"msg","data":1}`},
	{name: "exclude is true", payload: `{"serverId":"x","type":"room","target":"r","event":"msg","data":1,"exclude":true}`, received: `{"event":"msg","data":1}`},
	{
		name: "exclude is an object with a length", payload: `{"serverId":"x","type":"room","target":"r","event":"msg","data":1,"exclude":{"length":1}}`, received: `{"event":"msg","data":1}`,
		lost: "an exclude that is not an array of strings excludes nobody and must not lose the message",
	},
	{name: "an event twice", payload: `{"serverId":"x","type":"room","target":"r","event":"one","event":"two","data":1}`, received: `{"event":"two","data":1}`},
	{name: "data twice", payload: `{"serverId":"x","type":"room","target":"r","event":"msg","data":1,"data":2}`, received: `{"event":"msg","data":2}`},
	{name: "exclude has numbers", payload: `{"serverId":"x","type":"room","target":"r","event":"msg","data":1,"exclude":[1,2]}`, received: `{"event":"msg","data":1}`},
}

// TestOddEnvelopes publishes whatever might come along, and compares what
// clients of both servers get.
func TestOddEnvelopes(t *testing.T) {
	t.Parallel()
	c := newCluster(t, original, loop, stream)
	redis := dialRedis(t, c.redis.Addr())
	var members []*member
	for _, n := range c.nodes {
		m := n.connect(t, "receiver", "7", nil)
		m.do("join", map[string]any{"rooms": []string{"r", "5"}})
		members = append(members, m)
	}
	if err := c.settle(members...); err != nil {
		t.Fatal(err)
	}
	for _, odd := range oddEnvelopes {
		for _, m := range members {
			channel := odd.channel
			if channel == "" {
				channel = hearth.ChannelBroadcast
			}
			redis.do("PUBLISH", channel, strings.ReplaceAll(odd.payload, "<id>", m.id))
			if err := c.settle(members...); err != nil {
				t.Fatalf("%s: %v", odd.name, err)
			}
			want := odd.received
			if m.node.kind == original && odd.lost != "" {
				want = ""
			}
			if diff := cmp.Diff(want, m.received(t)); diff != "" {
				t.Errorf("%s, on %s (-want +got):\n%s", odd.name, m.node.name, diff)
			}
			for _, other := range members {
				other.received(t)
			}
		}
	}
}

// received takes everything that the member has received, one message a line.
func (m *member) received(t *testing.T) string {
	t.Helper()
	m.mu.Lock()
	got := slices.Clone(m.mu.got)
	m.mu.got = nil
	m.mu.Unlock()
	var lines []string
	for _, g := range got {
		text, err := json.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		canonical, err := transcript.Canonical(text)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, canonical)
	}
	return strings.Join(lines, "\n")
}
