package transport

import "slices"

// What one system call does, at which a goroutine cannot be stopped.
const (
	writesMax     = 64            // after so many the clock is looked at
	writesSizeMax = 4 * batchSize // bytes, about
)

// batch is the writes that one system call does.
type batch struct {
	writes []writing
	size   int    // bytes of writes
	buf    []byte // what had to be laid end to end for them

	// The end of buf, for the next connection that has the same frames queued.
	laid       []byte
	frames     []*Frame
	windowBits uint8
}

// writing is one write to a socket.
type writing struct {
	conn   *Conn
	p      []byte
	sealed int // frames that p is, if they were sealed
	before int // bytes written to conn in this turn

	// The result.
	n   int
	err error
}

// writeIfMany does the writes that are prepared if they are as many, or as
// large, as one system call may be. It reports whether it did.
func (l *Loop) writeIfMany() bool {
	if len(l.batch.writes) < writesMax && l.batch.size < writesSizeMax {
		return false
	}
	l.writeAll()
	return true
}

// writeAll does the writes that are prepared, and those that follow from them.
func (l *Loop) writeAll() {
	for b := &l.batch; len(b.writes) > 0; {
		l.write(b.writes)
		more := b.writes[:0]
		for i := range b.writes {
			if w := &b.writes[i]; l.written(w) {
				more = append(more, *w)
			}
		}
		clear(b.writes[len(more):])
		b.reset()
		for _, w := range more { // prepare does not overtake it
			l.prepare(w.conn, w.before+w.n)
		}
		clear(more[len(b.writes):])
	}
}

// lay returns the next bytes for c: one frame where it is, or several laid end
// to end. If these were sealed it also returns how many frames they
// are.
func (l *Loop) lay(c *Conn) (p []byte, frames int) {
	if c.flags&sealed != 0 && c.out[0].Message {
		return l.laySealed(c)
	}
	if len(c.out) == 1 || c.out[0].Len() >= batchSize || c.flags&sealed != 0 {
		return c.out[0].bytes(c.windowBits)[c.off:], 0
	}
	b := &l.batch
	if c.off == 0 && b.windowBits == c.windowBits && len(b.frames) > 0 &&
		len(b.frames) <= len(c.out) && slices.Equal(b.frames, c.out[:len(b.frames)]) {
		return b.laid, 0
	}
	start := len(b.buf)
	b.frames, b.windowBits = b.frames[:0], c.windowBits
	for i, f := range c.out {
		p := f.bytes(c.windowBits)
		if i == 0 {
			p = p[c.off:]
		}
		if len(b.buf)-start+len(p) > batchSize && i > 0 {
			break
		}
		b.buf = append(b.buf, p...)
		b.frames = append(b.frames, f)
	}
	b.laid = b.buf[start:]
	if c.off > 0 {
		b.frames = b.frames[:0]
	}
	return b.laid, 0
}

// reset follows when everything is written.
func (b *batch) reset() {
	clear(b.frames)
	b.writes, b.size, b.buf, b.laid, b.frames = b.writes[:0], 0, b.buf[:0], nil, b.frames[:0]
}

// forget lets go of a buffer that has become large.
func (b *batch) forget() {
	if cap(b.buf) > 4*batchSize {
		b.buf = nil
	}
}
