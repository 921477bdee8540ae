package frame_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth/internal/frame"
)

// squeezed is a whole compressed frame of a client.
func squeezed(op frame.Opcode, data string) []byte {
	return frame.AppendMasked(nil, op, true, true, []byte(data), key)
}

// deflated compresses s as another implementation would: by a flush, whose
// last four bytes are cut off.
func deflated(t testing.TB, s string, level int) string {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return string(b.Bytes()[:b.Len()-4])
}

// levels make blocks of all types: stored, with fixed and with own codes.
var levels = []int{flate.HuffmanOnly, flate.NoCompression, flate.BestSpeed, flate.BestCompression}

// The examples of RFC 7692, section 7.2.3, and their neighbours.
func TestInflateExamples(t *testing.T) {
	hello := message(text, "Hello")
	first := func(data string) []byte { return frame.AppendMasked(nil, text, false, true, []byte(data), key) }
	for _, c := range []protocolCase{
		{"7.2.3.1", squeezed(text, "\xf2\x48\xcd\xc9\xc9\x07\x00"), []event{hello}},
		{"7.2.3.1 in fragments", join(first("\xf2\x48\xcd"), masked(more, "\xc9\xc9\x07\x00")), []event{hello}},
		{"a ping between", join(first("\xf2\x48\xcd"), masked(ping, "p"), masked(more, "\xc9\xc9\x07\x00")), []event{message(ping, "p"), hello}},
		{"7.2.3.3 not compressed", squeezed(text, "\x00\x05\x00\xfa\xffHello\x00"), []event{hello}},
		{"7.2.3.4 final block", squeezed(text, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), []event{hello}},
		{"final block without the empty one", squeezed(text, "\xf3\x48\xcd\xc9\xc9\x07\x00"), []event{hello}},
		{"final block, then another", squeezed(text, "\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x48\xcd\xc9\xc9\x07\x00"), []event{message(text, "HelloHello")}},
		{"7.2.3.5 two blocks", squeezed(text, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), []event{hello}},
		{"7.2.3.6 empty", squeezed(text, "\x00"), []event{message(text, "")}},
		{"no data at all, not even an empty block", squeezed(text, ""), []event{violation(1007)}},
		{"not compressed after compressed", join(squeezed(text, "\xf2\x48\xcd\xc9\xc9\x07\x00"), masked(text, "plain")), []event{hello, message(text, "plain")}},
		{"bit on a continuation", join(first("\xf2\x48\xcd"), squeezed(more, "\xc9\xc9\x07\x00")), []event{violation(1002)}},
		{"bit on a ping", squeezed(ping, "x"), []event{violation(1002)}},
		{"bit on a close", squeezed(closes, ""), []event{violation(1002)}},
		{"corrupt", squeezed(text, "\xff\xff\xff\xff"), []event{violation(1007)}},
		{"cut", squeezed(text, "\xf2\x48\xcd"), []event{violation(1007)}},
		{"text cut within a code point", squeezed(text, deflated(t, "\xce", 9)), []event{violation(1007)}},
		{"garbage behind a final block", squeezed(text, "\xf3\x48\xcd\xc9\xc9\x07\x00\xff\xff"), []event{violation(1007)}},
	} {
		t.Run(c.id, func(t *testing.T) { expect(t, usual, true, c.input, c.want...) })
	}
	t.Run("not negotiated", func(t *testing.T) {
		expect(t, usual, false, squeezed(text, "\x00"), violation(1002))
	})
}

// A block behind a final one may refer to the text before it, as all blocks
// share the window of their message.
func TestInflateAcrossFinalBlocks(t *testing.T) {
	half := strings.Repeat("0123456789abcdef", 3)
	var b bytes.Buffer
	w, err := flate.NewWriterDict(&b, 9, []byte(half))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(half)); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	// A final stored block with the first half, then what refers to it.
	n := byte(len(half))
	data := "\x01" + string([]byte{n, 0, ^n, 0xff}) + half + string(b.Bytes()[:b.Len()-4])
	expect(t, usual, true, squeezed(text, data), message(text, half+half))
}

// Groups 12 and 13: messages of many sizes, all windows, in both directions.
func TestDeflate(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, 16, 64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 128 << 10} {
		for name, payload := range map[string]string{"json": document(rng, size), "noise": noise(rng, size)} {
			t.Run(fmt.Sprint(size, name), func(t *testing.T) {
				for _, level := range levels {
					got := read(t, usual, true, squeezed(binary, deflated(t, payload, level)), 1460)
					if diff := cmp.Diff([]event{message(binary, payload)}, got); diff != "" {
						t.Errorf("level %d (-want +got):\n%s", level, diff)
					}
				}
				for bits := frame.MinWindowBits; bits <= frame.MaxWindowBits; bits++ {
					b := frame.AppendDeflated([]byte("before"), binary, []byte(payload), bits)
					if got := string(b[:6]); got != "before" {
						t.Errorf("%d bits: what was before became %q", bits, got)
					}
					got := readClient(t, b[6:])
					if diff := cmp.Diff([]event{message(binary, payload)}, got); diff != "" {
						t.Errorf("%d bits (-want +got):\n%s", bits, diff)
					}
				}
			})
		}
	}
}

// document is n bytes of text as applications send it.
func document(rng *rand.Rand, n int) string {
	var b strings.Builder
	for b.Len() < n {
		fmt.Fprintf(&b, `{"event":"move","data":{"x":%d,"y":%d}},`, rng.IntN(1000), rng.IntN(1000))
	}
	return b.String()[:n]
}

// noise is n bytes that cannot be compressed.
func noise(rng *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return string(b)
}

// A window is used to its size, and never beyond: what a receiver with less
// memory could not resolve must be sent anew.
func TestWindowBits(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for bits := frame.MinWindowBits; bits <= frame.MaxWindowBits; bits++ {
		window := 1 << bits
		// gain is what a repetition at a distance saves. It is short, since
		// compressors hurry through what does not compress.
		gain := func(distance int) int {
			again, fresh := noise(rng, 48), noise(rng, 48)
			payload := again + repeat(distance-len(again))
			size := func(s string) int { return len(frame.AppendDeflated(nil, binary, []byte(payload+s), bits)) }
			return size(fresh) - size(again)
		}
		if got := gain(window - 16); got < 40 {
			t.Errorf("%d bits: 48 bytes repeated within the window save %d", bits, got)
		}
		// Without a reference they still profit from a code made for them.
		if got := gain(window + 1); got > 30 {
			t.Errorf("%d bits: 48 bytes repeated behind the window save %d", bits, got)
		}
	}
}

func TestWindowBitsOutOfRange(t *testing.T) {
	for _, bits := range []int{-1, 0, 8, 16} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d bits: no panic", bits)
				}
			}()
			frame.AppendDeflated(nil, text, nil, bits)
		}()
	}
}

// What was inflated is limited exactly, whatever it was compressed to.
func TestMaxMessageInflated(t *testing.T) {
	const limit = 40_000
	cfg := &frame.Config{MaxMessage: limit}
	rng := rand.New(rand.NewPCG(5, 6))
	for _, level := range levels {
		for name, payload := range map[string]string{"json": document(rng, limit+1), "noise": noise(rng, limit+1)} {
			for _, chop := range []int{0, 1460} {
				got := read(t, cfg, true, squeezed(binary, deflated(t, payload[:limit], level)), chop)
				if diff := cmp.Diff([]event{message(binary, payload[:limit])}, got); diff != "" {
					t.Errorf("level %d, %s, exactly the limit (-want +got):\n%s", level, name, diff)
				}
				got = read(t, cfg, true, squeezed(binary, deflated(t, payload, level)), chop)
				if diff := cmp.Diff([]event{violation(1009)}, got); diff != "" {
					t.Errorf("level %d, %s, one more (-want +got):\n%s", level, name, diff)
				}
			}
		}
	}
}

// A bomb is given up as soon as it exceeds the limit, also when it consists of
// many final blocks, each of which starts the decompressor anew.
func TestBombs(t *testing.T) {
	zeros := deflated(t, strings.Repeat("\x00", 8<<20), flate.BestCompression)
	tests := []struct {
		name string
		data string
		want event
	}{
		{"zeros", zeros, violation(1009)},
		{"text that is none", deflated(t, strings.Repeat("\xff", 1<<20), flate.BestCompression), violation(1007)},
		{"empty final blocks", strings.Repeat("\x03\x00", 1<<19), violation(1007)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if len(tt.data) > usual.MaxMessage {
				t.Fatalf("the bomb has %d bytes, too many to be inflated", len(tt.data))
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got := read(t, usual, true, squeezed(text, tt.data), 0)
			runtime.ReadMemStats(&after)
			if diff := cmp.Diff([]event{tt.want}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 8<<20 {
				t.Errorf("%d bytes allocated", used)
			}
		})
	}
}
