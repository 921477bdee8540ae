package transport

import (
	"bytes"
	"slices"

	"github.com/hearthws/hearth/internal/frame"
)

// usualHeader is the length of most headers of sealed frames, whose payload is
// longer than 125 bytes and shorter than 64 KiB.
const usualHeader = 4

// startSealing leaves what is queued already as it is: it was sent before.
func (c *Conn) startSealing() {
	c.flags |= sealed
	for i, f := range c.out {
		if f.Message {
			c.out[i] = &Frame{wire: f.wire, header: f.header, op: f.op, compress: f.compress}
		}
	}
}

// laySealed seals the next frames for c, and lays them end to end. It returns
// how many these are. [Loop.keepRest] has to follow, since none of them can be
// sealed again.
func (l *Loop) laySealed(c *Conn) (p []byte, frames int) {
	buf := l.batch.buf
	start := len(buf)
	for i, f := range c.out {
		if i > 0 && len(buf)-start+len(f.wire) > batchSize {
			break
		}
		frames++
		if !f.Message {
			buf = append(buf, f.bytes(c.windowBits)...)
			continue
		}
		buf = appendSealed(buf, c.handler, f)
	}
	l.batch.buf = buf
	return buf[start:], frames
}

// appendSealed appends what h makes of f as a frame, which is never compressed:
// how far it can be would tell of its content. It appends nothing if h does not.
func appendSealed(dst []byte, h Handler, f *Frame) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, usualHeader)...)
	body := len(dst)
	dst = h.Seal(dst, f.Payload())
	if len(dst) == body {
		return dst[:at]
	}
	var room [frame.MaxServerHeader]byte
	header := frame.AppendHeader(room[:0], f.op, true, false, len(dst)-body)
	if len(header) == usualHeader {
		copy(dst[at:], header)
		return dst
	}
	return slices.Replace(dst, at, body, header...)
}

// keepRest takes the oldest frames of c, which were sealed, off its queue, and
// puts in their place the bytes that the socket did not take.
func (l *Loop) keepRest(c *Conn, frames int, rest []byte) {
	var change int64
	for _, f := range c.out[:frames] {
		change -= f.Len()
	}
	if len(rest) > 0 {
		frames--
		c.out[frames] = &Frame{wire: bytes.Clone(rest)}
		change += int64(len(rest))
	}
	c.out = slices.Delete(c.out, 0, frames)
	c.queued.Add(change)
	l.queued.Add(change)
}

// sealQueue seals what is queued for c, frame by frame.
func (l *Loop) sealQueue(c *Conn) {
	var change int64
	for i, f := range c.out {
		if !f.Message {
			continue
		}
		c.out[i] = &Frame{wire: appendSealed(nil, c.handler, f)}
		change += c.out[i].Len() - f.Len()
	}
	c.queued.Add(change)
	l.queued.Add(change)
}
