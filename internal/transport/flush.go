package transport

import (
	"slices"
	"time"
)

// How much one turn writes.
const (
	batchSize  = 64 << 10         // bytes of one write; the kernel is told to hold about as much
	perFlush   = 4 * batchSize    // bytes written to one socket before others have their turn
	sliceTime  = time.Millisecond // for connections that only have frames of groups
	sliceCheck = 16               // flushes between two looks at the clock
)

// batch is the frames that were laid end to end last, for the next connection
// that has the same ones queued.
type batch struct {
	buf        []byte
	frames     []*Frame
	windowBits uint8
	scratch    []*Frame // of sendGroup
	sealed     []byte   // of laySealed
}

// flushAll writes to the connections with frames of their own, and for up to
// sliceTime to those that only have frames of groups.
func (l *Loop) flushAll() {
	// What flush appends, a socket that had its share of this turn, waits for
	// the next one.
	now := len(l.direct)
	for _, c := range l.direct[:now] {
		c.flags &^= dirty
		l.flush(c)
	}
	l.direct = slices.Delete(l.direct, 0, now)

	var start time.Time
	for n := 0; l.bulkAt < len(l.bulk); n++ {
		if n%sliceCheck == 0 {
			now := time.Now()
			if n == 0 {
				start = now
			} else if now.Sub(start) > sliceTime {
				return
			}
		}
		c := l.bulk[l.bulkAt]
		l.bulk[l.bulkAt] = nil
		l.bulkAt++
		c.flags &^= dirtyBulk
		l.flush(c)
	}
	l.bulk, l.bulkAt = shrink(l.bulk), 0
	l.batch.forget()
}

// shrink empties a list, and lets go of it if a burst has made it long.
func shrink(list []*Conn) []*Conn {
	if cap(list) > 1<<15 {
		return nil
	}
	return list[:0]
}

// flush writes what is queued for c.
func (l *Loop) flush(c *Conn) {
	if c.flags&(open|blocked) != open || len(c.out) == 0 {
		return
	}
	if c.stream != nil {
		l.handOver(c)
		return
	}
	for written := 0; len(c.out) > 0; {
		if written >= perFlush {
			l.markDirect(c) // after the others
			return
		}
		p, laid := l.lay(c)
		n, err := l.write(c, p)
		written += n
		if laid > 0 {
			l.keepRest(c, laid, p[n:])
		} else {
			l.advance(c, n)
		}
		if n < len(p) {
			if err != nil && !retry(err) {
				l.end(c, abnormal(err))
				return
			}
			l.stats.shortWrites.Add(1)
			l.block(c)
			return
		}
	}
	l.emptied(c)
}

// lay returns the next bytes for c: one frame where it is, or several laid end
// to end. If these were sealed it also returns how many frames they
// are.
func (l *Loop) lay(c *Conn) (p []byte, frames int) {
	if c.flags&sealed != 0 && c.out[0].Event != "" {
		return l.laySealed(c)
	}
	if len(c.out) == 1 || c.out[0].Len() >= batchSize || c.flags&sealed != 0 {
		return c.out[0].bytes(c.windowBits)[c.off:], 0
	}
	b := &l.batch
	if c.off == 0 && b.windowBits == c.windowBits && len(b.frames) > 0 &&
		len(b.frames) <= len(c.out) && slices.Equal(b.frames, c.out[:len(b.frames)]) {
		return b.buf, 0
	}
	b.buf, b.frames, b.windowBits = b.buf[:0], b.frames[:0], c.windowBits
	for i, f := range c.out {
		p := f.bytes(c.windowBits)
		if i == 0 {
			p = p[c.off:]
		}
		if len(b.buf)+len(p) > batchSize && i > 0 {
			break
		}
		b.buf = append(b.buf, p...)
		b.frames = append(b.frames, f)
	}
	if c.off > 0 {
		b.frames = b.frames[:0] // these bytes are of use to nobody else
	}
	return b.buf, 0
}

// forget lets go of the frames.
func (b *batch) forget() {
	clear(b.frames)
	b.frames = b.frames[:0]
	if cap(b.buf) > 2*batchSize {
		b.buf = nil
	}
	if cap(b.sealed) > 4*batchSize {
		b.sealed = nil
	}
}

// advance takes n written bytes off the queue. A frame counts as queued until
// its last byte is written.
func (l *Loop) advance(c *Conn, n int) {
	var gone int64
	done := 0
	for _, f := range c.out {
		left := len(f.bytes(c.windowBits)) - int(c.off)
		if n < left {
			c.off += int32(n)
			break
		}
		n -= left
		c.off = 0
		gone += f.Len()
		done++
	}
	clear(c.out[:done])
	if done == len(c.out) {
		c.out = c.out[:0]
	} else {
		c.out = slices.Delete(c.out, 0, done)
	}
	l.uncount(c, gone)
}

// block waits for the socket to take more.
func (l *Loop) block(c *Conn) {
	c.flags |= blocked
	l.arm(c)
	l.congest(c)
}
