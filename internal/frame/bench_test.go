package frame_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"github.com/hearthws/hearth/internal/frame"
)

// BenchmarkFeed reads text messages from a buffer that holds one, or many as
// a loop's buffer does under load.
func BenchmarkFeed(b *testing.B) {
	for _, size := range []int{16, 160, 4096} {
		for _, n := range []int{1, 64} {
			b.Run(fmt.Sprintf("bytes=%d/messages=%d", size, n), func(b *testing.B) {
				var input []byte
				for range n {
					input = append(input, masked(text, repeat(size))...)
				}
				var r frame.Reader
				var h counter
				buf := make([]byte, len(input))
				b.SetBytes(int64(len(input)))
				b.ReportAllocs()
				for b.Loop() {
					copy(buf, input)
					r.Reset(usual, false)
					if _, err := r.Feed(buf, &h); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/message")
			})
		}
	}
}

func BenchmarkInflate(b *testing.B) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, size := range []int{160, 4096, 64 << 10} {
		b.Run(fmt.Sprintf("bytes=%d", size), func(b *testing.B) {
			input := squeezed(text, deflated(b, document(rng, size), 6))
			var r frame.Reader
			var h counter
			buf := make([]byte, len(input))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				copy(buf, input)
				r.Reset(usual, true)
				if _, err := r.Feed(buf, &h); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendDeflated(b *testing.B) {
	rng := rand.New(rand.NewPCG(9, 10))
	for _, size := range []int{160, 4096, 64 << 10} {
		payload := []byte(document(rng, size))
		for _, bits := range []int{9, 15} {
			b.Run(fmt.Sprintf("bytes=%d/bits=%d", size, bits), func(b *testing.B) {
				var dst []byte
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					dst = frame.AppendDeflated(dst[:0], text, payload, bits)
				}
				b.ReportMetric(float64(len(dst))/float64(size), "ratio")
			})
		}
	}
}

// BenchmarkGobwas reads the messages of BenchmarkFeed with the frame reader of
// github.com/gobwas/ws: the comparison of docs/decisions/0002-frame-parser.md.
func BenchmarkGobwas(b *testing.B) {
	input := masked(text, repeat(160))
	buf := make([]byte, len(input))
	src := bytes.NewReader(buf)
	var h counter
	b.SetBytes(int64(len(input)))
	b.ReportAllocs()
	for b.Loop() {
		copy(buf, input)
		src.Reset(buf)
		f, err := ws.ReadFrame(src) //nolint:staticcheck // what others would use
		if err != nil {
			b.Fatal(err)
		}
		if err := ws.CheckHeader(f.Header, ws.StateServerSide); err != nil {
			b.Fatal(err)
		}
		ws.Cipher(f.Payload, f.Header.Mask, 0)
		if !utf8.Valid(f.Payload) {
			b.Fatal("not UTF-8")
		}
		h.Message(frame.Text, f.Payload)
	}
}
