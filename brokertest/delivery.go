package brokertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth"
)

// testTypes: an envelope of every type arrives by its channel.
func testTypes(t *testing.T, h Harness) {
	from, to := openNode(t, h.Broker(), "from"), openNode(t, h.Broker(), "to")
	var want []hearth.Envelope
	for _, kind := range hearth.AllMessageTypes() {
		env := hearth.Envelope{ServerID: "from", Type: kind, Target: "target", Event: "event-" + string(kind), Data: []byte(`1`)}
		if kind == hearth.TypeBroadcast {
			env.Target = ""
		}
		to.subscribe(env.Channel())
		mustPublish(t, from, env)
		to.awaitEvents(env.Event, 1)
		want = append(want, env)
	}
	if diff := cmp.Diff(want, published(want, to.received("event"))); diff != "" {
		t.Errorf("envelopes (-published +received):\n%s", diff)
	}
}

// testContents: nothing of an envelope changes on its way.
func testContents(t *testing.T, h Harness) {
	from, to := openNode(t, h.Broker(), "from"), openNode(t, h.Broker(), "to")
	to.subscribe(hearth.ForRoom("räume/🚪 \u2028"))
	base := toRoom("from", "räume/🚪 \u2028", "")
	var want []hearth.Envelope
	for i, change := range []func(*hearth.Envelope){
		func(e *hearth.Envelope) { e.Data = nil },
		func(e *hearth.Envelope) { e.Data = json.RawMessage(`null`) },
		func(e *hearth.Envelope) { e.Data = json.RawMessage(`"\ud800 lone \" \\ \u0000"`) },
		func(e *hearth.Envelope) { e.Data = json.RawMessage(`{"a":1e400,"a":12345678901234567890123}`) },
		func(e *hearth.Envelope) { e.Data = json.RawMessage("[ 1 ,\n\t\"\u2028日本語🙂\" ]") },
		func(e *hearth.Envelope) { e.Exclude = []string{"one"} },
		func(e *hearth.Envelope) { e.Exclude = []string{"quote\"", "back\\slash", "\x00\n", "ünï"} },
		func(e *hearth.Envelope) { e.Epoch, e.Seq = "epoch", 1<<63+1 },
		func(e *hearth.Envelope) { e.Event += "\"\\\r\n\x00 ünï 🙂" },
		func(e *hearth.Envelope) { e.ServerID = hearth.EmitterID },
	} {
		env := base
		env.Event = fmt.Sprintf("%02d", i)
		change(&env)
		mustPublish(t, from, env)
		want = append(want, env)
	}
	if diff := cmp.Diff(want, published(want, to.awaitEvents("", len(want)))); diff != "" {
		t.Errorf("envelopes (-published +received):\n%s", diff)
	}
}

// published is got without the numbers that the broker has added.
func published(want, got []hearth.Envelope) []hearth.Envelope {
	got = slices.Clone(got)
	for i := range min(len(want), len(got)) {
		if want[i].Epoch == "" {
			got[i].Epoch, got[i].Seq = "", 0
		}
	}
	return got
}

// testNames: a channel's name is nothing but a name.
func testNames(t *testing.T, h Harness) {
	from, to := openNode(t, h.Broker(), "from"), openNode(t, h.Broker(), "to")
	rooms := []string{
		"*", "?", "[a]", "a*", "ws:room:*", " ", "a b", "\r\n", "\x00", "\"", `\`, "%00", "ü", "🙂",
		strings.Repeat("long", 64), "subscribe", "SUBSCRIBE a", "__proto__", "{tag}", "$1",
	}
	for _, room := range rooms {
		to.subscribe(hearth.ForRoom(room))
	}
	others := []string{"a", "aa", "b", "c", "ws:room:a"} // that would match, were they patterns
	for _, room := range rooms {
		others = append(others, "x"+room)
	}
	for i, room := range others {
		mustPublish(t, from, toRoom("from", room, fmt.Sprintf("not %d", i)))
	}
	for i, room := range rooms {
		mustPublish(t, from, toRoom("from", room, fmt.Sprintf("yes %02d", i)))
	}
	for _, env := range to.awaitEvents("yes", len(rooms)) {
		var i int
		if _, err := fmt.Sscanf(env.Event, "yes %d", &i); err != nil || env.Target != rooms[i] {
			t.Errorf("event %q for room %q, want room %q", env.Event, env.Target, rooms[i])
		}
	}
	if got := to.received("not"); len(got) > 0 && !to.Unfiltered() {
		t.Errorf("received %d envelopes of channels nobody subscribed to, first %+v", len(got), got[0])
	}
}

// testLargeData: an envelope may be larger than any buffer.
func testLargeData(t *testing.T, h Harness) {
	from, to := openNode(t, h.Broker(), "from"), openNode(t, h.Broker(), "to")
	to.subscribe(hearth.ForRoom("r"))
	large := toRoom("from", "r", "large")
	large.Data = append(append([]byte{'"'}, bytes.Repeat([]byte("0123456789abcdef"), 6<<20/16)...), '"')
	for range 3 {
		mustPublish(t, from, large)
	}
	mustPublish(t, from, toRoom("from", "r", "small"))
	to.awaitEvents("small", 1)
	for _, env := range to.received("large") {
		if !bytes.Equal(env.Data, large.Data) {
			t.Errorf("large data was changed: %d bytes, want %d", len(env.Data), len(large.Data))
		}
	}
	if n := len(to.received("large")); n != 3 {
		t.Errorf("received %d large envelopes, want 3", n)
	}
}

// testDataMayBeKept: what was delivered is not overwritten later.
func testDataMayBeKept(t *testing.T, h Harness) {
	const count = 2000
	from, to := openNode(t, h.Broker(), "from"), openNode(t, h.Broker(), "to")
	to.subscribe(hearth.ForRoom("r"))
	p := newPipeline(t, from, 128)
	for i := range count {
		env := toRoom("from", "r", fmt.Sprintf("event %d", i))
		env.Data = []byte(fmt.Sprintf(`{"n":%d,"padding":"%s"}`, i, strings.Repeat("x", i%100)))
		p.publish(env)
	}
	p.wait()
	for i, env := range to.awaitEvents("event", count) {
		want := fmt.Sprintf(`{"n":%d,"padding":"%s"}`, i, strings.Repeat("x", i%100))
		if string(env.Data) != want || env.Event != fmt.Sprintf("event %d", i) {
			t.Fatalf("envelope %d: %q %s, want %s", i, env.Event, env.Data, want)
		}
	}
}

// testEmitter: a node without Deliver publishes.
func testEmitter(t *testing.T, h Harness) {
	emitter, to := openEmitter(t, h.Broker()), openNode(t, h.Broker(), "to")
	to.subscribe(hearth.ForUser("u"))
	env := hearth.Envelope{ServerID: hearth.EmitterID, Type: hearth.TypeUser, Target: "u", Event: "e", Data: []byte(`{}`)}
	mustPublish(t, emitter, env)
	want := []hearth.Envelope{env}
	if diff := cmp.Diff(want, published(want, to.awaitEvents("e", 1))); diff != "" {
		t.Errorf("envelopes (-published +received):\n%s", diff)
	}
	if err := wait(t, func(done func(error)) { emitter.Subscribe([]string{"ws:user:u"}, done) }); err != nil {
		t.Errorf("Subscribe of an emitter: %v", err)
	}
	emitter.Unsubscribe([]string{"ws:user:u"})
	mustPublish(t, emitter, env)
	to.awaitEvents("e", 2)
	if got := emitter.Stats(); got.Published != 2 || got.Received != 0 {
		t.Errorf("the emitter's stats: %+v, want 2 published and none received", got)
	}
}

// testSessions: sessions of one broker and of several are independent.
func testSessions(t *testing.T, h Harness) {
	shared := h.Broker()
	nodes := []*node{
		openNode(t, shared, "0"), openNode(t, shared, "1"), openNode(t, shared, "2"), openNode(t, h.Broker(), "3"),
	}
	for i, n := range nodes {
		n.subscribe(hearth.ChannelBroadcast, hearth.ForRoom(fmt.Sprint(i%2)))
	}
	for i := range nodes {
		mustPublish(t, nodes[i], toRoom(nodes[i].id, "0", fmt.Sprintf("even from %d", i)))
		mustPublish(t, nodes[i], toRoom(nodes[i].id, "1", fmt.Sprintf("odd from %d", i)))
	}
	for i := range nodes {
		mustPublish(t, nodes[i], hearth.Envelope{ServerID: nodes[i].id, Type: hearth.TypeBroadcast, Event: fmt.Sprintf("end from %d", i)})
	}
	others := func(n *node, prefix string) int { // own envelopes may come, too
		count := 0
		for _, env := range n.received(prefix) {
			if env.ServerID != n.id {
				count++
			}
		}
		return count
	}
	for i, n := range nodes {
		eventually(t, "the broadcasts of all others arrive at "+n.id, func() bool { return others(n, "end") == len(nodes)-1 })
		mine, other := "even", "odd"
		if i%2 == 1 {
			mine, other = other, mine
		}
		eventually(t, n.id+" receives its room", func() bool { return others(n, mine) == len(nodes)-1 })
		if got := len(n.received(other)); got > 0 && !n.Unfiltered() {
			t.Errorf("node %d received %d envelopes of a room it did not subscribe to", i, got)
		}
	}
}
