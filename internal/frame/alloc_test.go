package frame_test

import (
	"testing"

	"github.com/hearthws/hearth/internal/frame"
)

// counter is a Handler that allocates nothing.
type counter struct{ messages, controls int }

func (c *counter) Message(frame.Opcode, []byte) bool { c.messages++; return false }
func (c *counter) Control(frame.Opcode, []byte) bool { c.controls++; return false }

func TestAllocations(t *testing.T) {
	fragmented := join(part(text, repeat(500)), masked(ping, ""), masked(more, repeat(500)))
	tests := []struct {
		name  string
		input []byte
		chop  int
	}{
		{"message", masked(text, repeat(160)), 0},
		{"large message", masked(binary, repeat(100_000)), 0},
		{"ping", masked(ping, repeat(125)), 0},
		{"ping in pieces", masked(ping, repeat(125)), 10},
		{"message in pieces", masked(text, repeat(160)), 10},
		{"message in fragments", fragmented, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var (
				r   frame.Reader
				h   counter
				buf = make([]byte, len(tt.input))
			)
			got := testing.AllocsPerRun(100, func() {
				copy(buf, tt.input)
				r.Reset(usual, false)
				for b := buf; len(b) > 0; {
					n := len(b)
					if tt.chop > 0 {
						n = min(n, tt.chop)
					}
					if _, err := r.Feed(b[:n], &h); err != nil {
						t.Fatal(err)
					}
					b = b[n:]
				}
			})
			if got != 0 {
				t.Errorf("%v allocations, want 0", got)
			}
			if h.messages+h.controls == 0 {
				t.Error("the handler was not called")
			}
		})
	}
}

func TestAppendAllocations(t *testing.T) {
	payload := []byte(repeat(300))
	buf := make([]byte, 0, 1024)
	for name, f := range map[string]func(){
		"Append":       func() { frame.Append(buf, text, payload) },
		"AppendClose":  func() { frame.AppendClose(buf, 1000, "bye") },
		"AppendMasked": func() { frame.AppendMasked(buf, text, true, false, payload, key) },
	} {
		if got := testing.AllocsPerRun(100, f); got > 0 {
			t.Errorf("%s: %v allocations, want 0", name, got)
		}
	}
}
