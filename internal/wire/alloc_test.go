package wire_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hearthws/hearth/internal/wire"
)

// grown keeps the compiler from leaving out what is measured.
var grown []byte

func TestAllocations(t *testing.T) {
	var (
		eight = []byte(`{"event":"x","a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"data":"\u0041"}`)
		deep  = []byte(`{"event":"x","data":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "}")
		sent  = envelope()
		got   = wire.AppendEnvelope(nil, envelope())
		buf   = make([]byte, 0, 1024)

		// What it takes to grow once: 1, but 2 under the race detector.
		growth = testing.AllocsPerRun(100, func() { grown = slices.Grow([]byte(nil), 512) })
	)
	for _, tt := range []struct {
		name string
		want float64
		f    func() bool
	}{
		{"DecodeText", 0, func() bool { _, err := wire.DecodeText(echo); return err == nil }},
		{"DecodeMessage", 0, func() bool { _, err := wire.DecodeMessage(echo); return err == nil }},
		{"DecodeText with eight members", 0, func() bool { _, err := wire.DecodeText(eight); return err == nil }},
		{"DecodeText with deep data", 0, func() bool { _, err := wire.DecodeText(deep); return err == nil }},
		{"DecodeText of nothing useful", 0, func() bool { _, err := wire.DecodeText(echo[1:]); return err != nil }},
		{"Valid", 0, func() bool { return wire.Valid(deep) }},
		{"Member", 0, func() bool { _, ok := wire.Member(echo, "data"); return ok }},
		{"AppendMessage into a buffer", 0, func() bool { return len(wire.AppendMessage(buf, "msg", echo)) > 0 }},
		{"AppendMessage", growth, func() bool { return len(wire.AppendMessage(nil, "msg", echo)) > 0 }},
		{"AppendEnvelope into a buffer", 0, func() bool { return len(wire.AppendEnvelope(buf, sent)) > 0 }},
		{"AppendEnvelope", growth, func() bool { return len(wire.AppendEnvelope(nil, sent)) > 0 }},
		{"DecodeEnvelope", 1, func() bool { _, err := wire.DecodeEnvelope(got); return err == nil }},
	} {
		ok := true
		if n := testing.AllocsPerRun(100, func() { ok = tt.f() && ok }); n != tt.want {
			t.Errorf("%s: %v allocations, want %v", tt.name, n, tt.want)
		}
		if !ok {
			t.Errorf("%s failed", tt.name)
		}
	}
}
