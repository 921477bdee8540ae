package redisbroker

import (
	"fmt"
	"testing"
)

// However many channels there are, what is remembered stays bounded at both
// ends, and forgetting is never taken for a loss.
func TestNumbersAreForgotten(t *testing.T) {
	var n numbers
	heard := newRuns()
	pass := func(channel string) (string, uint64) {
		epoch, seq := n.next([]byte(channel))
		if v := heard.note(channel, epoch, seq, 1); v.missed != 0 || v.again {
			t.Fatalf("channel %s, %s %d: %+v, want nothing", channel, epoch, seq, v)
		}
		return epoch, seq
	}
	first, _ := pass("busy")
	rare, _ := pass("rare")
	for i := range 5 * maxNumbered {
		pass(fmt.Sprint(i))
		if i%1000 == 0 {
			pass("busy")
		}
		if size := len(n.recent) + len(n.older); size > 2*maxNumbered {
			t.Fatalf("%d channels are remembered, want at most %d", size, 2*maxNumbered)
		}
		if len(heard.recent)+len(heard.older) > 2*maxRuns+1 {
			t.Fatalf("%d channels are heard of, want at most %d", len(heard.recent)+len(heard.older), 2*maxRuns+1)
		}
	}
	if epoch, seq := pass("busy"); epoch != first || seq != 2+5*maxNumbered/1000+1 {
		t.Errorf("the channel in use has come to %s %d, want it to be remembered from %s 1", epoch, seq, first)
	}
	if epoch, seq := pass("rare"); epoch == rare || seq != 1 {
		t.Errorf("the channel not in use has come to %s %d, want 1 of another epoch than %s", epoch, seq, rare)
	}
	epochs := map[string]bool{}
	for range 4 {
		epoch, _ := pass("again")
		for i := range 2 * maxNumbered {
			pass(fmt.Sprint("filler", i))
		}
		if epochs[epoch] {
			t.Errorf("epoch %s has begun the channel before", epoch)
		}
		epochs[epoch] = true
	}
}

// What is lost is found exactly, whatever came between, as long as it is
// remembered.
func TestRuns(t *testing.T) {
	heard := newRuns()
	type step struct {
		channel, epoch string
		seq            uint64
		want           verdict
	}
	at := moment(0)
	check := func(steps ...step) {
		t.Helper()
		for i, s := range steps {
			at++
			if got := heard.note(s.channel, s.epoch, s.seq, at); got != s.want {
				t.Errorf("step %d, %+v: %+v", i, s, got)
			}
		}
	}
	next := func(since moment) verdict { return verdict{since: since} }
	missing := func(n int64, since moment) verdict { return verdict{missed: n, since: since} }
	none, again := verdict{}, verdict{again: true}
	check(
		step{"a", "x", 10, none}, step{"b", "x", 3, none}, step{"a", "y", 7, none}, // 1, 2, 3
		step{"a", "x", 11, next(1)}, step{"a", "x", 15, missing(3, 4)}, step{"b", "x", 5, missing(1, 2)}, step{"a", "y", 8, next(3)},
		step{"a", "x", 12, again}, step{"a", "x", 15, again}, step{"a", "x", 9, none}, step{"b", "x", 2, none}, // 8 … 11
		step{"a", "x", 16, next(5)}, step{"a", "", 99, none}, step{"a", "x", 0, none},
	)
	heard.forget("a")
	check(step{"a", "x", 11, none}, step{"b", "x", 6, next(6)}, step{"a", "x", 12, next(15)}) // 15, 16, 17
	heard.skip()
	check(
		step{"a", "x", 12, again}, step{"a", "x", 50, none}, step{"a", "x", 13, again}, step{"b", "x", 50, none}, // 18 … 21
		step{"a", "x", 1<<64 - 1, missing(1<<63-1, 19)},
	)

	const publishers = 10 * maxOfChannel
	for i := range publishers {
		check(step{"c", fmt.Sprint(i), 1, none})
	}
	if n := len(heard.channel("c").list); n != maxOfChannel {
		t.Errorf("%d publishers of a channel are remembered, want %d", n, maxOfChannel)
	}
	for i := publishers - maxOfChannel; i < publishers; i++ { // those heard last
		if v := heard.note("c", fmt.Sprint(i), 3, at); v.missed != 1 {
			t.Errorf("publisher %d: %d missed, want 1", i, v.missed)
		}
	}
}
