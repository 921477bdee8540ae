package frame_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth/internal/frame"
)

func TestMaxMessage(t *testing.T) {
	cfg := &frame.Config{MaxMessage: 1000}
	for _, c := range []protocolCase{
		{"exactly", masked(text, repeat(1000)), []event{message(text, repeat(1000))}},
		{"one more", masked(text, repeat(1001)), []event{violation(1009)}},
		{"exactly, in fragments", join(part(text, repeat(500)), masked(more, repeat(500))), []event{message(text, repeat(1000))}},
		{"one more in fragments", join(part(text, repeat(1000)), masked(more, "*")), []event{violation(1009)}},
		{
			"each message anew", join(masked(text, repeat(1000)), masked(text, repeat(999))),
			[]event{message(text, repeat(1000)), message(text, repeat(999))},
		},
		{"not for pings", join(part(text, repeat(1000)), masked(ping, repeat(125))), []event{message(ping, repeat(125))}},
	} {
		t.Run(c.id, func(t *testing.T) { expect(t, cfg, false, c.input, c.want...) })
	}
	none := &frame.Config{}
	expect(t, none, false, masked(text, ""), message(text, ""))
	expect(t, none, false, masked(text, "a"), violation(1009))
}

// A long message is refused at its header: neither the payload nor even the
// masking key has arrived.
func TestMaxMessageFailsFast(t *testing.T) {
	input := masked(binary, repeat(70000))[:10]
	expect(t, &frame.Config{MaxMessage: 69999}, false, input, violation(1009))
	expect(t, &frame.Config{MaxMessage: 70000}, false, input)
}

func TestMaxFragments(t *testing.T) {
	flood := func(n int, payload string) []byte {
		b := part(text, payload)
		for range n - 1 {
			b = append(b, part(more, payload)...)
		}
		return b
	}
	tests := []struct {
		name  string
		cfg   frame.Config
		input []byte
		want  []event
	}{
		{"4096 empty fragments by default", frame.Config{MaxMessage: 100}, flood(4096, ""), nil},
		{"one more", frame.Config{MaxMessage: 100}, flood(4097, ""), []event{violation(1008)}},
		{"one byte each without end", frame.Config{MaxMessage: 1 << 20}, flood(5000, "x"), []event{violation(1008)}},
		{"16 bytes each", frame.Config{MaxMessage: 1 << 20, MaxFragments: 1}, flood(60000, repeat(16)), nil},
		{"own limit", frame.Config{MaxMessage: 100, MaxFragments: 2}, flood(2, ""), nil},
		{"one more than it", frame.Config{MaxMessage: 100, MaxFragments: 2}, flood(3, ""), []event{violation(1008)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, chop := range []int{0, 1, 7} {
				if diff := cmp.Diff(tt.want, read(t, &tt.cfg, false, tt.input, chop)); diff != "" {
					t.Errorf("in pieces of %d bytes (-want +got):\n%s", chop, diff)
				}
			}
		})
	}
}

func TestFeedStops(t *testing.T) {
	frames := [][]byte{masked(text, "one"), masked(ping, "two"), masked(text, ""), masked(pong, ""), masked(binary, "three")}
	want := []event{message(text, "one"), message(ping, "two"), message(text, ""), message(pong, ""), message(binary, "three")}
	input := join(frames...)
	rec := recorder{stop: true}
	var r frame.Reader
	r.Reset(usual, false)
	for i, f := range frames {
		n, err := r.Feed(input, &rec)
		if n != len(f) || err != nil {
			t.Fatalf("Feed of frame %d = %d, %v, want %d, nil", i, n, err, len(f))
		}
		if !r.Idle() {
			t.Errorf("not idle after frame %d", i)
		}
		input = input[n:]
	}
	if diff := cmp.Diff(want, rec.events); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestIdle(t *testing.T) {
	tests := []struct {
		name  string
		input []byte
		idle  bool
	}{
		{"nothing", nil, true},
		{"part of a header", masked(text, "x")[:1], false},
		{"a header", masked(text, "x")[:6], false},
		{"part of a payload", masked(text, "xy")[:7], false},
		{"part of a ping", masked(ping, "xy")[:7], false},
		{"a message", masked(text, "xy"), true},
		{"an empty message", masked(text, ""), true},
		{"a ping", masked(ping, "xy"), true},
		{"a fragment", part(text, "xy"), false},
		{"an empty fragment", part(text, ""), false},
		{"a fragmented message", join(part(text, "xy"), masked(more, "z")), true},
		{"a close frame", masked(closes, ""), false},
		{"a violation", []byte{0xff}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, chop := range []int{0, 1} {
				var r frame.Reader
				r.Reset(usual, false)
				feed(t, &r, tt.input, chop)
				if got := r.Idle(); got != tt.idle {
					t.Errorf("Idle() = %v in pieces of %d", got, chop)
				}
				r.Reset(usual, false)
				if !r.Idle() {
					t.Error("not idle after Reset")
				}
				got := feed(t, &r, masked(text, "next"), chop)
				if diff := cmp.Diff([]event{message(text, "next")}, got); diff != "" {
					t.Errorf("after Reset (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// What a header claims costs nothing: memory follows what has arrived.
func TestBufferedGrowsWithInput(t *testing.T) {
	for _, op := range []frame.Opcode{text, binary} {
		input := frame.AppendMasked(nil, op, true, false, []byte(repeat(1<<20)), key)
		var r frame.Reader
		r.Reset(usual, false)
		var rec recorder
		for fed, step := 0, 1; fed+step < len(input); step += step/2 + 1 {
			if _, err := r.Feed(input[fed:fed+step], &rec); err != nil {
				t.Fatal(err)
			}
			fed += step
			if got := r.Buffered(); got > 2*fed+64 {
				t.Fatalf("%d bytes held after %d have arrived", got, fed)
			}
		}
	}
}

// A Reader that goes from one connection to the next takes no more than a
// small buffer along.
func TestBufferedAfterMessage(t *testing.T) {
	var r frame.Reader
	r.Reset(usual, true)
	for _, size := range []int{10, 1000, 100_000, 1 << 20} {
		feed(t, &r, masked(binary, repeat(size)), 512)
		if got := r.Buffered(); got > 4<<10 {
			t.Errorf("%d bytes held after a message of %d", got, size)
		}
	}
	feed(t, &r, join(part(binary, repeat(1<<19)), masked(closes, "")), 512)
	if got := r.Buffered(); got != 0 {
		t.Errorf("%d bytes held after a close frame", got)
	}
	r.Reset(usual, true)
	feed(t, &r, join(part(binary, repeat(1<<19)), []byte{0xff}), 512)
	if got := r.Buffered(); got != 0 {
		t.Errorf("%d bytes held after a violation", got)
	}
}

func TestErrorStays(t *testing.T) {
	var r frame.Reader
	var rec recorder
	r.Reset(usual, false)
	_, first := r.Feed(frame.Append(nil, text, []byte("not masked")), &rec)
	n, second := r.Feed(masked(text, "fine"), &rec)
	if first == nil || !errors.Is(second, first) || n != 0 {
		t.Errorf("Feed after the error %v = %d, %v", first, n, second)
	}
	if len(rec.events) > 0 {
		t.Errorf("handler called: %v", rec.events)
	}
}

// A handler that panics leaves the Reader between two frames.
func TestHandlerPanics(t *testing.T) {
	var r frame.Reader
	r.Reset(usual, false)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		_, _ = r.Feed(masked(text, "x"), panicker{})
	}()
	if !r.Idle() {
		t.Error("not idle")
	}
}

type panicker struct{}

func (panicker) Message(frame.Opcode, []byte) bool { panic("message") }
func (panicker) Control(frame.Opcode, []byte) bool { panic("control") }
