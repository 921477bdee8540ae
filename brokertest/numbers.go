package brokertest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hearthws/hearth"
)

// numbered publishes an envelope that has a number already, to the room r.
func numbered(t *testing.T, from *node, server, epoch string, seq uint64) {
	t.Helper()
	env := toRoom(server, "r", fmt.Sprintf("%s %s %d.", server, epoch, seq))
	env.Epoch, env.Seq = epoch, seq
	mustPublish(t, from, env)
}

// counts reports whether the broker numbers what is published, and so can tell
// what is missing. One that loses nothing as long as it is there need not.
func counts(t *testing.T, from, to *node) bool {
	t.Helper()
	to.subscribe(hearth.ForRoom("r"))
	mustPublish(t, from, toRoom("from", "r", "is it numbered?"))
	return to.awaitEvents("is it numbered?", 1)[0].Epoch != ""
}

// testNumbers: each publisher counts up by channel, in the order in which it
// publishes, and the broker takes none of it for a gap.
func testNumbers(t *testing.T, h Harness) {
	const rooms, count = 5, 40
	shared := h.Broker()
	to := openNode(t, h.Broker(), "to")
	publishers := []*node{openNode(t, shared, "a"), openNode(t, shared, "b"), openNode(t, h.Broker(), "c")}
	if !counts(t, publishers[0], to) {
		return
	}
	for room := range rooms {
		to.subscribe(hearth.ForRoom(fmt.Sprint(room)))
	}
	for _, from := range publishers {
		p := newPipeline(t, from, 16)
		for range count {
			for room := range rooms {
				p.publish(toRoom(from.id, fmt.Sprint(room), "event"))
			}
		}
		p.wait()
	}
	type key struct{ epoch, room string }
	last, epochs := map[key]uint64{}, map[string]string{}
	for _, env := range to.awaitEvents("event", len(publishers)*rooms*count) {
		k := key{env.Epoch, env.Target}
		if last[k]++; env.Seq != last[k] {
			t.Fatalf("server %s, room %s: number %d, want %d", env.ServerID, env.Target, env.Seq, last[k])
		}
		if other, ok := epochs[env.Epoch]; ok && other != env.ServerID {
			t.Fatalf("servers %s and %s have the same epoch", other, env.ServerID)
		}
		epochs[env.Epoch] = env.ServerID
	}
	if gaps := to.missed(); len(gaps) > 0 || to.Stats().Missed != 0 {
		t.Errorf("everything has arrived, and gaps were told: %+v", gaps)
	}
}

// testMissingNumbers: numbers that do not come are a gap, and nothing else is;
// what comes again, or late, is not delivered.
func testMissingNumbers(t *testing.T, h Harness) {
	from, to := openNode(t, h.Broker(), "from"), openNode(t, h.Broker(), "to")
	if !counts(t, from, to) {
		return
	}
	for _, n := range []struct {
		server, epoch string
		seq           uint64
	}{
		{"a", "first heard in the middle", 7},
		{"a", "first heard in the middle", 8},
		{"a", "first heard in the middle", 8}, // it comes twice
		{"a", "first heard in the middle", 3}, // from before it was listened to
		{"a", "first heard in the middle", 9},
		{"a", "another one", 5},
		{"a", "first heard in the middle", 10},
		{"a", "another one", 6},
		{"a", "", 100}, // numbers without an epoch count nothing
		{"a", "", 200},
		{"a", "no number", 0},
		{"to", "its own", 1}, // its own clients have got it
		{"to", "its own", 5},
		{"b", "three are missing", 1},
		{"b", "three are missing", 5},
		{"b", "three are missing", 4}, // late; it was told as missing
		{hearth.EmitterID, "two and one", 1<<64 - 8},
		{hearth.EmitterID, "two and one", 1<<64 - 5},
		{hearth.EmitterID, "two and one", 1<<64 - 3},
	} {
		numbered(t, from, n.server, n.epoch, n.seq)
	}
	missed := map[string]int64{}
	to.await("the gaps are told", func([]hearth.Envelope, []hearth.BrokerEvent) bool {
		clear(missed)
		for _, g := range to.gaps {
			missed[g.Server] += g.Missed
		}
		return missed["b"] >= 3 && missed[hearth.EmitterID] >= 3
	})
	if diff := cmp.Diff(map[string]int64{"b": 3, hearth.EmitterID: 3}, missed); diff != "" {
		t.Errorf("missed by server (-want +told):\n%s", diff)
	}
	for event, want := range map[string]int{
		"a first heard in the middle 8.": 1, "a first heard in the middle 3.": 1, "b three are missing 5.": 1,
		"b three are missing 4.": 0, "a no number 0.": 1, "a  100.": 1,
	} {
		if got := len(to.received(event)); got != want {
			t.Errorf("%q was delivered %d times, want %d", event, got, want)
		}
	}
	gaps := to.missed()
	for _, g := range gaps {
		if g.Channel != hearth.ForRoom("r") || g.From.After(g.To) || g.To.After(time.Now()) || g.From.IsZero() {
			t.Errorf("gap %+v, want channel %s and times in order", g, hearth.ForRoom("r"))
		}
	}
	// Sessions may share what they count: others have missed what this one did not.
	if s := to.Stats(); s.Missed < 6 || s.Gaps < int64(len(gaps)) {
		t.Errorf("stats: %d missed, %d gaps, want at least 6 and %d", s.Missed, s.Gaps, len(gaps))
	}
}

// testNumbersWhileAway: what is published to a channel that was given up is
// not missing when it is wanted again.
func testNumbersWhileAway(t *testing.T, h Harness) {
	from, to, stays := openNode(t, h.Broker(), "from"), openNode(t, h.Broker(), "to"), openNode(t, h.Broker(), "stays")
	if !counts(t, from, to) {
		return
	}
	channel := hearth.ForRoom("r")
	stays.subscribe(channel)
	var last uint64
	next := func(count int, receivers ...*node) { // count more envelopes; the last one arrives
		for range count {
			last++
			numbered(t, from, "a", "epoch", last)
		}
		for _, n := range receivers {
			n.awaitEvents(fmt.Sprintf("a epoch %d.", last), 1)
		}
	}
	next(1, stays, to)
	to.Unsubscribe([]string{channel})
	awaitSilence(t, from, to)
	for range 3 { // later times, it is wanted again before the broker lets it go
		next(10, stays)
		to.subscribe(channel)
		next(1, stays, to)
		to.Unsubscribe([]string{channel})
	}
	to.subscribe(channel)
	numbered(t, from, "b", "a real gap", 1)
	numbered(t, from, "b", "a real gap", 3)
	to.await("the gap is told", func([]hearth.Envelope, []hearth.BrokerEvent) bool { return len(to.gaps) > 0 })
	want := []hearth.Gap{{Channel: channel, Missed: 1, Server: "b"}}
	if diff := cmp.Diff(want, to.missed(), cmpopts.IgnoreFields(hearth.Gap{}, "From", "To")); diff != "" {
		t.Errorf("gaps (-want +told):\n%s", diff)
	}
}

// awaitSilence waits until nothing of the room r, which was given up, arrives.
func awaitSilence(t *testing.T, from, to *node) {
	t.Helper()
	if to.Unfiltered() {
		return
	}
	to.subscribe(hearth.ForRoom("other"))
	n := 0
	eventually(t, "nothing of the channel arrives", func() bool {
		n++
		event := fmt.Sprintf("unwanted %d.", n)
		mustPublish(t, from, toRoom("from", "r", event))
		mustPublish(t, from, toRoom("from", "other", "after "+event))
		to.awaitEvents("after "+event, 1)
		return len(to.received(event)) == 0
	})
}
