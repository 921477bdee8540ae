package frame

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/flate"
)

// The window sizes of AppendDeflated in bits. RFC 7692 knows 8 too, which
// compressors do not make; the handshake declines it.
const (
	MinWindowBits = 9
	MaxWindowBits = 15
)

// deflater compresses one message at a time to the end of a slice.
type deflater struct {
	dst []byte
	zw  *flate.Writer
}

// Write makes a deflater the destination of its own compressor.
func (d *deflater) Write(p []byte) (int, error) {
	d.dst = append(d.dst, p...)
	return len(p), nil
}

// deflaters holds those of each window size, from 9 bits.
var deflaters [MaxWindowBits - MinWindowBits + 1]sync.Pool

// AppendDeflated appends a whole unmasked frame with payload compressed, for a
// connection that negotiated permessage-deflate without context takeover of
// the server. windowBits is the server_max_window_bits of that connection, 9
// to 15; other values panic. The same bytes serve all connections with the
// same or a larger window. It may be called concurrently.
func AppendDeflated(dst []byte, op Opcode, payload []byte, windowBits int) []byte {
	if windowBits < MinWindowBits || windowBits > MaxWindowBits {
		panic(fmt.Sprintf("frame: windowBits is %d, must be 9 to 15", windowBits))
	}
	// The header is written when the length is known. Compression hardly ever
	// leaves the class of lengths, so its place is seldom wrong.
	start := len(dst)
	dst = AppendHeader(dst, op, true, true, len(payload)/2)
	body := len(dst)
	dst = appendCompressed(dst, payload, windowBits)

	var head [MaxHeader]byte
	h := AppendHeader(head[:0], op, true, true, len(dst)-body)
	if n := start + len(h) - body; n != 0 {
		dst = move(dst, body, n)
	}
	copy(dst[start:], h)
	return dst
}

// move shifts dst[from:] by n bytes, either way.
func move(dst []byte, from, n int) []byte {
	end := len(dst)
	if n > 0 {
		dst = append(dst, make([]byte, n)...)
	}
	copy(dst[from+n:], dst[from:end])
	return dst[:end+n]
}

// appendCompressed appends the payload of a compressed message (RFC 7692,
// section 7.2.1).
func appendCompressed(dst, payload []byte, windowBits int) []byte {
	pool := &deflaters[windowBits-MinWindowBits]
	d, _ := pool.Get().(*deflater)
	if d == nil {
		d = &deflater{}
		zw, err := flate.NewWriterWindow(d, 1<<windowBits)
		if err != nil {
			panic(err) // only for sizes out of range
		}
		d.zw = zw
	}
	d.dst = dst
	d.zw.Reset(d)
	// Neither fails, since Write above does not.
	_, _ = d.zw.Write(payload)
	_ = d.zw.Flush()
	dst, d.dst = d.dst, nil
	pool.Put(d)
	return dst[:len(dst)-4] // the end of the empty block of the flush
}
