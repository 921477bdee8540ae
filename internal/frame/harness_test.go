package frame_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth/internal/frame"
)

// event is one call of a Handler, or, with op 255, the error that ended it.
type event struct {
	Op      frame.Opcode
	Payload string
	Code    int
}

func (e event) String() string {
	if e.Code != 0 {
		return fmt.Sprintf("error %d", e.Code)
	}
	p := e.Payload
	if len(p) > 40 {
		p = fmt.Sprintf("%s… (%d bytes)", p[:40], len(p))
	}
	return fmt.Sprintf("%v %q", e.Op, p)
}

func message(op frame.Opcode, payload string) event { return event{Op: op, Payload: payload} }

func violation(code int) event { return event{Op: 255, Code: code} }

// recorder is a Handler that keeps copies of what it is given.
type recorder struct {
	events []event
	stop   bool // what Message and Control return
}

func (r *recorder) Message(op frame.Opcode, p []byte) bool {
	r.events = append(r.events, event{Op: op, Payload: string(p)})
	return r.stop
}

func (r *recorder) Control(op frame.Opcode, p []byte) bool { return r.Message(op, p) }

// read feeds input to a new Reader in pieces of chop bytes, or as a whole if
// chop is 0, and returns what came of it.
func read(t *testing.T, cfg *frame.Config, deflate bool, input []byte, chop int) []event {
	t.Helper()
	var r frame.Reader
	r.Reset(cfg, deflate)
	return feed(t, &r, input, chop)
}

func feed(t *testing.T, r *frame.Reader, input []byte, chop int) []event {
	t.Helper()
	var rec recorder
	input = []byte(string(input)) // Feed may change it
	if chop == 0 {
		chop = len(input)
	}
	for len(input) > 0 {
		piece := input[:min(chop, len(input))]
		input = input[len(piece):]
		n, err := r.Feed(piece, &rec)
		if err != nil {
			var ce *frame.CloseError
			if !errors.As(err, &ce) {
				t.Fatalf("Feed: error of type %T: %v", err, err)
			}
			return append(rec.events, violation(ce.Code))
		}
		if n != len(piece) {
			t.Fatalf("Feed consumed %d of %d bytes without an error or a stop", n, len(piece))
		}
	}
	return rec.events
}

// chops are the sizes of pieces to cut n bytes into: all for short inputs,
// else a choice that hits every offset within a header.
func chops(n int) []int {
	sizes := []int{0}
	for i := 1; i < n; i++ {
		if n > 600 && i > 20 {
			return append(sizes, 125, 1000, 1460, 4096, n-1)
		}
		sizes = append(sizes, i)
	}
	return sizes
}

// expect reads input in pieces of every size and compares what came of it.
func expect(t *testing.T, cfg *frame.Config, deflate bool, input []byte, want ...event) {
	t.Helper()
	for _, chop := range chops(len(input)) {
		got := read(t, cfg, deflate, input, chop)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("in pieces of %d bytes (-want +got):\n%s", chop, diff)
		}
	}
}

var (
	usual = &frame.Config{MaxMessage: 1 << 20}
	key   = [4]byte{0x37, 0xfa, 0x21, 0x3d}
)

// masked is a whole final frame of a client.
func masked(op frame.Opcode, payload string) []byte {
	return frame.AppendMasked(nil, op, true, false, []byte(payload), key)
}

// part is a frame of a client that is not final.
func part(op frame.Opcode, payload string) []byte {
	return frame.AppendMasked(nil, op, false, false, []byte(payload), key)
}

func join(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func repeat(n int) string { return strings.Repeat("*", n) }
