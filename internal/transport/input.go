package transport

import (
	"errors"
	"slices"

	"github.com/hearthws/hearth/internal/frame"
)

// input is what a socket keeps between two reads: nothing, most of the time.
type input struct {
	reader *frame.Reader // within a frame or a message; nil: between two
	rest   []byte        // not parsed, because reading is paused
}

const readSize = 64 << 10 // bytes

func (l *Loop) readBuffer() []byte {
	if l.readBuf == nil {
		l.readBuf = make([]byte, readSize)
	}
	return l.readBuf
}

// feed parses what a socket has sent.
func (l *Loop) feed(c *Conn, b []byte) {
	if c.flags&closing != 0 {
		return
	}
	r := l.reader
	if c.input != nil && c.input.reader != nil {
		r = c.input.reader
	} else {
		r.Reset(c.frameConfig(), c.windowBits != 0)
	}
	n, err := r.Feed(b, (*incoming)(c))
	if err != nil {
		l.violated(c, err)
	}
	if c.flags&(open|closing) != open {
		c.input = nil
		return
	}
	rest := b[n:]
	if r.Idle() && len(rest) == 0 {
		l.dropInput(c)
		return
	}
	if c.input == nil {
		c.input = &input{}
	}
	c.input.rest = slices.Clone(rest)
	switch {
	case r.Idle():
		l.putReader(c.input.reader)
		c.input.reader = nil
	case r == l.reader:
		c.input.reader = r
		l.reader = l.getReader()
	}
}

func (l *Loop) dropInput(c *Conn) {
	if c.input != nil {
		l.putReader(c.input.reader)
		c.input = nil
	}
}

// Readers within a message are kept for others, some of them.
const readersMax = 64

func (l *Loop) getReader() *frame.Reader {
	if n := len(l.readers); n > 0 {
		r := l.readers[n-1]
		l.readers = l.readers[:n-1]
		return r
	}
	return new(frame.Reader)
}

func (l *Loop) putReader(r *frame.Reader) {
	if r != nil && len(l.readers) < readersMax && r.Buffered() <= readSize {
		l.readers = append(l.readers, r)
	}
}

// resume goes on reading.
func (l *Loop) resume(c *Conn) {
	if c.flags&(open|paused) != open|paused {
		return
	}
	c.flags &^= paused
	if in := c.input; in != nil && len(in.rest) > 0 {
		rest := in.rest
		in.rest = nil
		l.feed(c, rest)
	}
	if c.flags&(open|paused) == open {
		l.arm(c)
	}
}

// violated ends a connection whose peer broke the protocol or a limit.
func (l *Loop) violated(c *Conn, err error) {
	cause := causeOf(err)
	l.startClose(c, cause)
}

// causeOf is the cause that an error of a frame.Reader amounts to.
func causeOf(err error) Cause {
	var violation *frame.CloseError
	if errors.As(err, &violation) {
		return Cause{Code: violation.Code, Reason: violation.Reason, Err: err}
	}
	return abnormal(err)
}

// abnormal is the cause of a connection that ended without a close frame.
func abnormal(err error) Cause { return Cause{Code: codeAbnormal, Err: err} }

// incoming is the frame.Handler of a Conn whose socket the loop reads.
type incoming Conn

func (in *incoming) Message(op frame.Opcode, payload []byte) (stop bool) {
	c := (*Conn)(in)
	c.loop.yield = true
	return in.pauseIf(c.handler.Message(op, payload))
}

// pauseIf stops reading if the handler has said so.
func (in *incoming) pauseIf(pause bool) (stop bool) {
	c := (*Conn)(in)
	if pause {
		c.flags |= paused
		c.loop.arm(c)
		return true
	}
	return c.flags&closing != 0
}

func (in *incoming) Control(op frame.Opcode, payload []byte) (stop bool) {
	c := (*Conn)(in)
	switch op {
	case frame.Ping:
		if c.answersPings() {
			c.loop.sendControl(c, FrameOf(frame.Pong, false, payload))
		}
	case frame.Close:
		c.loop.startClose(c, closedByPeer(payload))
		return true
	}
	return in.pauseIf(c.handler.Control())
}

// answersPings is false for a peer that asks and does not read the answers.
func (c *Conn) answersPings() bool {
	return c.queued.Load() < c.loop.engine.cfg.BackpressureLimit
}

// closedByPeer is the cause that a close frame gives.
func closedByPeer(payload []byte) Cause {
	code, reason := frame.ParseClose(payload)
	return Cause{Code: code, Reason: string(reason)}
}
