package frame_test

import (
	"bytes"
	"compress/flate"
	"io"
	"math/rand/v2"
	"testing"
	"unicode/utf8"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hearthws/hearth/internal/frame"
)

// FuzzReader feeds arbitrary bytes as a whole and in random pieces, with a
// handler that goes on and one that stops after each frame, which must all
// tell the same. What they tell is compared with frames read by gobwas/ws and
// messages inflated by the standard library.
func FuzzReader(f *testing.F) {
	for _, group := range [][]protocolCase{framing(), pings(), reservedBits(), opcodes(), fragments(), closing()} {
		for i, c := range group {
			if len(c.input) < 1000 {
				f.Add(c.input, i%2 == 0, uint64(i))
			}
		}
	}
	f.Add(squeezed(text, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), true, uint64(1))
	f.Add(squeezed(text, deflated(f, repeat(5000), 9)), true, uint64(2))
	f.Add(join(part(text, "κό"), masked(ping, ""), masked(more, "σμε")), false, uint64(3))

	cfg := &frame.Config{MaxMessage: 4096}
	f.Fuzz(func(t *testing.T, input []byte, deflate bool, seed uint64) {
		got := read(t, cfg, deflate, input, 0)
		rng := rand.New(rand.NewPCG(seed, 0))
		if diff := cmp.Diff(got, readRandomly(t, cfg, deflate, input, rng)); diff != "" {
			t.Errorf("as a whole (-) and in pieces (+):\n%s", diff)
		}
		want, end := reference(cfg, deflate, input)
		if n := len(got); end == cutOff && n == len(want)+1 && got[n-1].Code != 0 {
			got = got[:n-1] // found in what the reference could not read
		}
		if end == unknown && len(got) > len(want) {
			got = got[:len(want)]
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("reference (-) and Reader (+):\n%s", diff)
		}
	})
}

// readRandomly is read with pieces of random sizes, stopping after some
// frames, and changing to another Reader wherever that is allowed.
func readRandomly(t *testing.T, cfg *frame.Config, deflate bool, input []byte, rng *rand.Rand) []event {
	t.Helper()
	input = bytes.Clone(input)
	rec := recorder{stop: rng.IntN(2) == 0}
	r := new(frame.Reader)
	r.Reset(cfg, deflate)
	for len(input) > 0 {
		piece := input[:1+rng.IntN(min(len(input), 1+rng.IntN(200)))]
		n, err := r.Feed(piece, &rec)
		if err != nil {
			return append(rec.events, violation(err.(*frame.CloseError).Code))
		}
		if n != len(piece) && !rec.stop {
			t.Fatalf("Feed consumed %d of %d bytes", n, len(piece))
		}
		input = input[n:]
		if r.Idle() {
			r = new(frame.Reader)
			r.Reset(cfg, deflate)
		}
	}
	return rec.events
}

// How far the reference could read.
type ending int

const (
	complete ending = iota // to a violation, a close frame, or the end of a frame
	cutOff                 // the input ends within a frame
	unknown                // to something that it does not know how to judge
)

// reference reads the frames of input the simple way.
func reference(cfg *frame.Config, deflate bool, input []byte) (events []event, end ending) {
	var (
		src        = bytes.NewReader(input)
		state      = ws.StateServerSide
		compressed wsflate.MessageState
		op         frame.Opcode
		msg        []byte
	)
	fails := func(code int) ([]event, ending) { return append(events, violation(code)), complete }
	for frames := 0; ; frames++ {
		before := src.Len()
		h, err := ws.ReadHeader(src)
		switch {
		case err == io.EOF && before == 0:
			return events, complete
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return events, cutOff
		case err != nil || before-src.Len() != ws.HeaderSize(h): // the latter: not the shortest form
			return fails(1002)
		}
		if deflate {
			if h, err = compressed.UnsetBits(h); err != nil {
				return fails(1002)
			}
		}
		if ws.CheckHeader(h, state) != nil {
			return fails(1002)
		}
		limit := int64(cfg.MaxMessage)
		if compressed.IsCompressed() {
			limit += limit>>10 + 64
		}
		if !h.OpCode.IsControl() && h.Length > limit-int64(len(msg)) {
			return fails(1009)
		}
		payload := make([]byte, h.Length)
		if _, err := io.ReadFull(src, payload); err != nil {
			return events, cutOff
		}
		ws.Cipher(payload, h.Mask, 0)

		if h.OpCode.IsControl() {
			if h.OpCode == ws.OpClose {
				if code := closeViolation(payload); code != 0 {
					return fails(code)
				}
			}
			events = append(events, message(frame.Opcode(h.OpCode), string(payload)))
			if h.OpCode == ws.OpClose {
				return events, complete
			}
			continue
		}

		if h.OpCode != ws.OpContinuation {
			op, frames = frame.Opcode(h.OpCode), 0
		}
		if frames >= 4096 {
			return events, unknown
		}
		msg = append(msg, payload...)
		text := op == frame.Text && !compressed.IsCompressed()
		if text && !validPrefix(msg) || h.Fin && text && !utf8.Valid(msg) {
			return fails(1007)
		}
		state = state.Set(ws.StateFragmented)
		if !h.Fin {
			continue
		}
		if compressed.IsCompressed() {
			var ok bool
			if msg, ok = inflate(msg, cfg.MaxMessage); !ok {
				return events, unknown
			}
			switch {
			case len(msg) > cfg.MaxMessage:
				return events, unknown // or not UTF-8: which comes first is not defined
			case op == frame.Text && !utf8.Valid(msg):
				return fails(1007)
			}
		}
		events = append(events, message(op, string(msg)))
		msg, compressed = nil, wsflate.MessageState{}
		state = state.Clear(ws.StateFragmented)
	}
}

// closeViolation judges the payload of a close frame as gobwas/ws does, but
// for the codes that were registered or left open later than it knows.
func closeViolation(payload []byte) int {
	if len(payload) == 0 {
		return 0
	}
	if len(payload) == 1 {
		return 1002
	}
	code, reason := ws.ParseCloseFrameData(payload)
	err := ws.CheckCloseFrameData(code, reason)
	switch {
	case code >= 1012 && code <= 1014:
		if !utf8.ValidString(reason) {
			return 1007
		}
		return 0
	case code >= 5000:
		return 1002
	case err == ws.ErrProtocolInvalidUTF8:
		return 1007
	case err != nil:
		return 1002
	}
	return 0
}

// validPrefix reports whether more bytes can make p valid.
func validPrefix(p []byte) bool {
	for len(p) > 0 {
		r, n := utf8.DecodeRune(p)
		if r == utf8.RuneError && n <= 1 {
			return !utf8.FullRune(p)
		}
		p = p[n:]
	}
	return true
}

// inflate returns up to limit+1 bytes of a message in one stream, and false
// for data that is corrupt or has several.
func inflate(data []byte, limit int) ([]byte, bool) {
	src := bytes.NewReader(append(bytes.Clone(data), "\x00\x00\xff\xff\x01\x00\x00\xff\xff"...))
	out, err := io.ReadAll(io.LimitReader(flate.NewReader(src), int64(limit)+1))
	return out, err == nil && (src.Len() == 0 || len(out) > limit)
}

// FuzzUTF8 checks texts in two pieces against unicode/utf8.
func FuzzUTF8(f *testing.F) {
	f.Add([]byte("κόσμε"), 3)
	f.Add([]byte("\xf4\x8f\xbf\xbf"), 1)
	f.Add([]byte(repeat(20)+"\xed\xa0\x80"), 21)
	f.Fuzz(func(t *testing.T, p []byte, cut int) {
		cut = min(max(cut, 0), len(p))
		var u frame.UTF8
		alive := u.Write(p[:cut])
		if want := validPrefix(p[:cut]); alive != want {
			t.Fatalf("Write(%x) = %v", p[:cut], alive)
		}
		if !alive {
			return
		}
		got := u.Write(p[cut:]) && u.Complete()
		if want := utf8.Valid(p); got != want {
			t.Errorf("%x cut at %d: %v, want %v", p, cut, got, want)
		}
	})
}

// FuzzRoundTrip has one side read what the other wrote.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("Hello"), true, 15, "bye")
	f.Add([]byte(repeat(500)), false, 9, repeat(200))
	f.Fuzz(func(t *testing.T, payload []byte, isText bool, bits int, reason string) {
		op := binary
		if isText && utf8.Valid(payload) {
			op = text
		}
		bits = frame.MinWindowBits + (bits&0x7fffffff)%(frame.MaxWindowBits-frame.MinWindowBits+1)
		want := []event{message(op, string(payload)), message(op, string(payload))}

		server := frame.AppendDeflated(frame.Append(nil, op, payload), op, payload, bits)
		compressed := frame.AppendDeflated(nil, op, payload, bits)
		h, err := ws.ReadHeader(bytes.NewReader(compressed))
		if err != nil {
			t.Fatal(err)
		}
		client := join(
			frame.AppendMasked(nil, op, true, false, payload, key),
			frame.AppendMasked(nil, op, true, true, compressed[ws.HeaderSize(h):], key),
		)
		if utf8.ValidString(reason) {
			server = frame.AppendClose(server, 4000, reason)
			got := readClient(t, server)
			if n := len(got); n != 3 || got[2].Op != closes || !utf8.ValidString(got[2].Payload[2:]) {
				t.Fatalf("a client reads %v", got)
			}
			server = server[:len(server)-len(frame.AppendClose(nil, 4000, reason))]
		}
		if diff := cmp.Diff(want, readClient(t, server)); diff != "" {
			t.Errorf("a client reads (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want, read(t, usual, true, client, 0)); diff != "" {
			t.Errorf("a server reads (-want +got):\n%s", diff)
		}
	})
}
