package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/hearthws/hearth/internal/frame"
	"github.com/hearthws/hearth/seal"
)

// link is the socket below a connection. Its methods may be called
// concurrently.
type link interface {
	send(b []byte) // without waiting; b is not kept
	close()
}

// state is how far a connection has come.
type state uint8

const (
	upgrading state = iota
	waiting         // for the message that admits it
	admitted
	gone
)

// conn is one client. What does not say otherwise belongs to whoever holds the
// lock of its worker.
type conn struct {
	// Static after it was opened.
	w      *worker
	number int
	room   int // noRoom: none
	url    string
	link   link
	opened chan error    // capacity 1; tells once whether it was admitted
	first  chan struct{} // Churn: capacity 1; what it receives does not count, but is told
	echo   *echoes       // Echo

	state   state
	began   int64 // when it was meant to connect
	deflate bool
	joined  bool          // it has received something that was sent into its room
	head    []byte        // of the answer to the upgrade, while that is incomplete
	reader  *frame.Reader // while a frame or a message is incomplete
	id      string
	offer   *seal.Offer         // between upgrade and admission, if it is to be encrypted
	session *seal.ClientSession // nil: not encrypted
	streams []expect
}

// readerConfig is what a server may send.
var readerConfig = frame.Config{MaxMessage: 64 << 20}

// feed takes what was received.
func (c *conn) feed(b []byte) {
	if c.state == upgrading {
		b = c.upgraded(b)
	}
	for len(b) > 0 && c.state != gone {
		if n := c.same(b); n > 0 {
			b = b[n:]
			continue
		}
		n, err := c.read(b)
		if err != nil {
			c.fail(err)
			return
		}
		b = b[n:]
	}
}

// same takes a frame that is byte for byte the one that another connection has
// received as the message which is the next one here. That is how most of a
// fan-out arrives.
func (c *conn) same(b []byte) int {
	if len(c.streams) != 1 || c.reader != nil {
		return 0
	}
	e := &c.streams[0]
	k := c.w.known(e.stream, e.next)
	if k.seq != e.next || k.stream != e.stream || e.open || len(k.frame) == 0 || !bytes.HasPrefix(b, k.frame) {
		return 0
	}
	e.next++
	c.w.delivered(c, k.stamp)
	return len(k.frame)
}

// read takes a frame, or what there is of it, and returns its length.
func (c *conn) read(b []byte) (int, error) {
	w := c.w
	r, fresh := c.reader, c.reader == nil
	if fresh {
		r = w.reader
		r.ResetClient(&readerConfig, c.deflate)
	}
	w.found = 0
	n, err := r.Feed(b, c)
	switch {
	case err != nil || c.state == gone:
		return n, err
	case fresh && !r.Idle():
		c.reader, w.reader = r, w.spareReader()
	case fresh && w.found == 1 && c.session == nil:
		w.learn(b[:n])
	case !fresh && r.Idle():
		c.reader, w.spare = nil, r
	}
	return n, nil
}

// Message is the reader's.
func (c *conn) Message(_ frame.Opcode, payload []byte) (stop bool) {
	bodies := &c.w.run.bodies
	if c.session != nil {
		opened, err := c.session.Open(payload)
		if err != nil {
			c.w.faults.Altered++
			c.w.faults.say(err.Error())
			return true
		}
		payload = opened
	}
	s, rest, ok := bodies.next(payload)
	if !ok {
		c.unstamped(payload)
	}
	for ok {
		c.stamped(s, bodies.intact(rest))
		s, rest, ok = bodies.next(rest)
	}
	return true // one message at a time
}

// stamped takes a message of a stream.
func (c *conn) stamped(s stamp, intact bool) {
	w := c.w
	if s.stream == probeStream {
		if !c.joined {
			c.joined = true
			w.run.joined.Add(1)
		}
		return
	}
	for i := range c.streams {
		e := &c.streams[i]
		if e.stream != s.stream {
			continue
		}
		if !intact {
			w.faults.Altered++
		}
		switch {
		case s.seq == e.next && !e.open:
			e.next++
		case !e.take(s.seq, &w.faults):
			return
		}
		w.delivered(c, s)
		return
	}
	w.faults.Stray++
}

// unstamped takes any other message.
func (c *conn) unstamped(payload []byte) {
	d := c.w.run.dialect
	switch {
	case d.Refusal != "" && bytes.Contains(payload, []byte(d.Refusal)):
		if c.state == waiting {
			c.fail(fmt.Errorf("the server refuses the client: %s", shortened(payload)))
			return
		}
		c.w.run.refused(c, payload)
	case c.state == waiting && bytes.Contains(payload, []byte(d.Ready)):
		c.admit(payload)
	default:
		c.w.run.answered(payload)
	}
}

// admit joins the room.
func (c *conn) admit(connected []byte) {
	r := c.w.run
	c.id = clientID(connected)
	if c.offer != nil {
		var m struct{ Data json.RawMessage }
		_ = json.Unmarshal(connected, &m) // without data there is no encryption
		session, err := c.offer.Accept(m.Data)
		if err != nil {
			c.fail(err)
			return
		}
		c.offer, c.session = nil, session
	}
	c.state = admitted
	if name := r.roomName(c.room); c.room != noRoom && name != "" {
		c.say(fill(r.dialect.Join, "$room", escaped(name)))
	}
	if r.timesConnects {
		c.w.record(c.began)
	}
	c.opened <- nil
}

// say sends a message.
func (c *conn) say(text string) {
	c.link.send(frame.AppendMasked(nil, frame.Text, true, false, []byte(text), maskKey))
}

// maskKey is that of all frames: nobody between here and the server is to be
// protected from what clients send.
var maskKey = [4]byte{0x9d, 0x4e, 0xc2, 0x71}

// Control is the reader's.
func (c *conn) Control(op frame.Opcode, payload []byte) (stop bool) {
	switch op {
	case frame.Ping:
		c.link.send(frame.AppendMasked(nil, frame.Pong, true, false, payload, maskKey))
	case frame.Close:
		code, reason := frame.ParseClose(payload)
		c.fail(fmt.Errorf("closed by the server: %d %s", code, reason))
	}
	return true
}

// fail ends the connection.
func (c *conn) fail(err error) {
	before := c.state
	if before == gone {
		return
	}
	c.w.end(c)
	switch {
	case before != admitted:
		c.opened <- err
	case !c.w.run.ending.Load():
		c.w.faults.Lost++
		if errors.Is(err, io.EOF) {
			err = errors.New("the server has ended a connection without a close frame")
		}
		c.w.faults.say(err.Error())
	}
}

// shortened is the beginning of a message.
func shortened(message []byte) string {
	const most = 200
	if len(message) > most {
		return string(message[:most]) + "…"
	}
	return string(message)
}
