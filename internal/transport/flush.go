package transport

import (
	"slices"
	"time"
)

// How much one turn writes.
const (
	batchSize = 64 << 10         // bytes of one write; the kernel is told to hold about as much
	perFlush  = 4 * batchSize    // bytes written to one socket before others have their turn
	sliceTime = time.Millisecond // for connections that only have frames of groups
)

// flushAll writes to the connections with frames of their own, and for up to
// sliceTime to those that only have frames of groups.
func (l *Loop) flushAll() {
	// What this appends, a socket that had its share of this turn, waits for
	// the next one.
	now := len(l.direct)
	for _, c := range l.direct[:now] {
		c.flags &^= dirty
		l.prepare(c, 0)
		l.writeIfMany()
	}
	l.writeAll()
	l.direct = slices.Delete(l.direct, 0, now)

	var start time.Time
	for n := 0; l.bulkAt < len(l.bulk); n++ {
		if n == 0 {
			start = time.Now()
		}
		c := l.bulk[l.bulkAt]
		l.bulk[l.bulkAt] = nil
		l.bulkAt++
		c.flags &^= dirtyBulk
		l.prepare(c, 0)
		if (l.writeIfMany() || n%writesMax == writesMax-1) && time.Since(start) > sliceTime {
			l.writeAll()
			l.dropFlushed()
			return
		}
	}
	l.writeAll()
	l.bulk, l.bulkAt = shrink(l.bulk), 0
	l.batch.forget()
}

// dropFlushed takes what was flushed off the list, which may never come to its end
// while messages come faster than all members get them.
func (l *Loop) dropFlushed() {
	if l.bulkAt > len(l.bulk)/2 { // so that each is moved once, on the average
		l.bulk, l.bulkAt = slices.Delete(l.bulk, 0, l.bulkAt), 0
	}
}

// shrink empties a list, and lets go of it if a burst has made it long.
func shrink(list []*Conn) []*Conn {
	if cap(list) > 1<<15 {
		return nil
	}
	return list[:0]
}

// prepare adds a write of what is queued for c, to which so many bytes were
// written in this turn already.
func (l *Loop) prepare(c *Conn, before int) {
	switch {
	case c.flags&(open|blocked) != open || len(c.out) == 0:
	case c.stream != nil:
		l.handOver(c)
	case before >= perFlush:
		l.markDirect(c) // after the others
	default:
		p, frames := l.lay(c)
		l.batch.writes = append(l.batch.writes, writing{conn: c, p: p, sealed: frames, before: before})
		l.batch.size += len(p)
	}
}

// written follows a write. It returns true if there is more to write.
func (l *Loop) written(w *writing) (more bool) {
	c := w.conn
	if c.flags&open == 0 {
		return false
	}
	if w.sealed > 0 {
		l.keepRest(c, w.sealed, w.p[w.n:])
	} else {
		l.advance(c, w.n)
	}
	switch {
	case w.n < len(w.p) && w.err != nil && !retry(w.err):
		l.end(c, abnormal(w.err))
	case w.n < len(w.p):
		l.stats.shortWrites.Add(1)
		l.block(c)
	case len(c.out) > 0:
		return true
	default:
		l.emptied(c)
	}
	return false
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
