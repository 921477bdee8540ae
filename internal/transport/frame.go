package transport

import (
	"slices"
	"sync/atomic"

	"github.com/hearthws/hearth/internal/frame"
)

// minDeflate is the payload size in bytes from which compressing pays.
const minDeflate = 96

// Frame is one encoded message, shared by all its receivers and never
// changed.
type Frame struct {
	wire     []byte // header and payload
	header   int    // length of the header
	op       frame.Opcode
	compress bool

	// For Handler.Transform and Seal: whether the payload is a message, not raw or
	// sealed already, and what it was made of.
	Message bool
	Event   string
	Data    []byte

	// The whole frame compressed, each made when first needed.
	deflated atomic.Pointer[[]byte]   // with the usual window
	narrow   atomic.Pointer[narrowed] // with others

	// parts are the frames of which this one is made, laid end to end; nil:
	// it is one frame. See [join].
	parts []*Frame
}

// join lays frames end to end, so that all receivers of a burst hold one
// pointer to the same bytes.
func join(frames []*Frame) *Frame {
	size := 0
	for _, f := range frames {
		size += len(f.wire)
	}
	all := &Frame{wire: make([]byte, 0, size), parts: slices.Clone(frames)}
	for _, f := range frames {
		all.wire = append(all.wire, f.wire...)
		all.compress = all.compress || f.compress
	}
	return all
}

// NewFrame encodes the payload that fill appends to its argument; size is how
// long that may become.
func NewFrame(op frame.Opcode, compress bool, size int, fill func(dst []byte) []byte) *Frame {
	buf := fill(make([]byte, frame.MaxServerHeader, frame.MaxServerHeader+size))
	return finish(op, compress, buf)
}

// FrameOf encodes a copy of payload.
func FrameOf(op frame.Opcode, compress bool, payload []byte) *Frame {
	buf := make([]byte, frame.MaxServerHeader, frame.MaxServerHeader+len(payload))
	return finish(op, compress, append(buf, payload...))
}

// finish writes the header into the room before the payload.
func finish(op frame.Opcode, compress bool, buf []byte) *Frame {
	var h [frame.MaxServerHeader]byte
	n := len(buf) - frame.MaxServerHeader
	head := frame.AppendHeader(h[:0], op, true, false, n)
	start := frame.MaxServerHeader - len(head)
	copy(buf[start:], head)
	return &Frame{wire: buf[start:], header: len(head), op: op, compress: compress && n >= minDeflate}
}

// Payload is what the frame carries, uncompressed.
func (f *Frame) Payload() []byte { return f.wire[f.header:] }

// Len is what the frame counts in queues, in bytes.
func (f *Frame) Len() int64 { return int64(len(f.wire)) }

// usualWindow is the deflate window that nearly every peer takes.
const usualWindow = 15

// bytes is what goes to a socket with that deflate window, 0 for none.
func (f *Frame) bytes(windowBits uint8) []byte {
	if windowBits == 0 || !f.compress {
		return f.wire
	}
	made := &f.deflated
	if windowBits != usualWindow {
		if f.narrow.Load() == nil {
			f.narrow.CompareAndSwap(nil, new(narrowed))
		}
		made = &f.narrow.Load()[windowBits]
	}
	if d := made.Load(); d != nil {
		return *d
	}
	d := f.deflate(windowBits)
	made.Store(&d)
	return d
}

// narrowed are forms of a frame by deflate window.
type narrowed [usualWindow]atomic.Pointer[[]byte]

func (f *Frame) deflate(windowBits uint8) []byte {
	if f.parts == nil {
		return frame.AppendDeflated(nil, f.op, f.Payload(), int(windowBits))
	}
	var all []byte
	for _, part := range f.parts {
		all = append(all, part.bytes(windowBits)...)
	}
	return all
}
