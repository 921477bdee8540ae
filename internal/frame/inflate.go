package frame

import (
	"bytes"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

// deflateTail ends the data of a message for the decompressor: the four bytes
// that the sender has cut off (RFC 7692, section 7.2.2), then an empty final
// block, without which the end would look like a truncation.
const deflateTail = "\x00\x00\xff\xff" + "\x01\x00\x00\xff\xff"

// window is how far back DEFLATE refers at most (RFC 1951, section 2).
const window = 32 << 10

// deflateBound is the longest compressed form of n bytes that is accepted.
// Stored blocks add 5 bytes to at least 16 KiB in every common compressor; the
// rest is room for flushes.
func deflateBound(n uint64) uint64 { return n + n>>10 + 64 }

// inflater decompresses one message at a time.
type inflater struct {
	src  bytes.Reader
	zr   io.ReadCloser // also a flate.Resetter
	out  []byte
	text UTF8
}

var inflaters = sync.Pool{New: func() any {
	inf := new(inflater)
	inf.zr = flate.NewReader(&inf.src)
	return inf
}}

// keepInflated is the capacity in bytes up to which the memory of an inflated
// message is kept for the next.
const keepInflated = 128 << 10

// free returns inf, and the memory of what it has inflated, to the pool.
func (inf *inflater) free() {
	inf.src.Reset(nil)
	if cap(inf.out) > keepInflated {
		inf.out = nil
	}
	inflaters.Put(inf)
}

// inflate decompresses the data of a message and checks it to be UTF-8 if text
// is set. It stops as soon as there are more than limit bytes. What it returns
// is valid until free. It may write behind the end of data.
func (inf *inflater) inflate(data []byte, limit int, text bool) ([]byte, *CloseError) {
	inf.out, inf.text = inf.out[:0], UTF8{}
	inf.src.Reset(append(data, deflateTail...))
	// A block marked final may be followed by further blocks (section 7.2.1).
	// Starting anew costs as much as some kilobytes of output, hence the budget.
	for streams := 16 + len(data)>>10; streams > 0; streams-- {
		history := inf.out[max(0, len(inf.out)-window):]
		if err := inf.zr.(flate.Resetter).Reset(&inf.src, history); err != nil {
			return nil, errDeflated
		}
		if err := inf.stream(limit, text); err != nil {
			return nil, err
		}
		// Compressors that cannot flush end with a final block right before
		// the tail, though they should append an empty one.
		if left := inf.src.Len(); left == 0 || left == len(deflateTail) {
			if text && !inf.text.Complete() {
				return nil, errNotUTF8
			}
			return inf.out, nil
		}
	}
	return nil, errDeflated
}

// stream appends the output of one DEFLATE stream, up to its final block.
func (inf *inflater) stream(limit int, text bool) *CloseError {
	for {
		if len(inf.out) == cap(inf.out) {
			room := max(4<<10, 2*cap(inf.out))
			grown := make([]byte, len(inf.out), min(room-1, limit)+1)
			copy(grown, inf.out)
			inf.out = grown
		}
		start := len(inf.out)
		n, err := inf.zr.Read(inf.out[start:cap(inf.out)])
		inf.out = inf.out[:start+n]
		switch {
		case len(inf.out) > limit:
			return errTooLong
		case text && !inf.text.Write(inf.out[start:]):
			return errNotUTF8
		case err == io.EOF:
			return nil
		case err != nil:
			return errDeflated
		}
	}
}
