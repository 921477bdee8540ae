package transport

import (
	"errors"
	"time"

	"github.com/hearthws/hearth/internal/frame"
)

// How long a connection that is being closed may take.
const (
	closeWrite  = 5 * time.Second // until everything queued is written
	closeLinger = 2 * time.Second // from then on, until the peer has closed too
)

var errLingered = errors.New("transport: peer did not close in time")

// lingering is a connection that has to be gone at a time.
type lingering struct {
	conn *Conn
	gen  uint32
	at   time.Time
}

// startClose queues the close frame, behind which nothing is sent, and tells
// the handler. The socket is read, and what comes is thrown away, until the
// peer has closed too: closing it with unread input would send a reset, and
// the peer might never see the close frame.
func (l *Loop) startClose(c *Conn, cause Cause) {
	if c.flags&(open|closing) != open {
		return
	}
	if cause.Code == 0 || cause.Code == codeAbnormal {
		l.end(c, cause)
		return
	}
	code := cause.Code
	if code == codeNone {
		code = 0 // the answer to an empty close frame is one
	}
	l.sendControl(c, closeFrame(code, cause.Reason))
	c.flags |= closing
	c.leaveAll()
	c.input = nil
	if c.stream != nil {
		c.stream.discard()
	} else if c.flags&paused != 0 {
		c.flags &^= paused
		l.arm(c)
	}
	l.linger = append(l.linger, lingering{c, c.gen, time.Now().Add(closeWrite)})
	l.report(c, cause)
}

// shutWrite follows the last frame.
func (l *Loop) shutWrite(c *Conn) {
	c.flags |= shut
	l.linger = append(l.linger, lingering{c, c.gen, time.Now().Add(closeLinger)})
	if c.stream != nil {
		c.stream.finish()
		return
	}
	l.shutdownWrite(c)
}

// end cuts a connection.
func (l *Loop) end(c *Conn, cause Cause) {
	if c.flags&open == 0 {
		return
	}
	c.leaveAll()
	l.dropInput(c)
	for _, f := range c.out {
		l.uncount(c, f.Len())
	}
	if c.out != nil {
		l.queues.put(c.out)
		c.out = nil
	}
	l.disown(c)
	if c.stream != nil {
		c.stream.cut()
	}
	l.dead = append(l.dead, c)
	l.report(c, cause)
}

// report calls Handler.Closed, once.
func (l *Loop) report(c *Conn, cause Cause) {
	if c.flags&reported == 0 {
		c.flags |= reported
		c.handler.Closed(cause)
	}
}

// cutAll ends every connection of the loop.
func (l *Loop) cutAll() {
	for _, c := range l.conns {
		if c != nil {
			l.end(c, Cause{Code: codeAbnormal, Err: ErrClosed})
		}
	}
}

// cutLingering ends connections whose time to close is over.
func (l *Loop) cutLingering(now time.Time) {
	kept := l.linger[:0]
	for _, g := range l.linger {
		switch {
		case g.conn.flags&open == 0 || g.conn.gen != g.gen:
		case now.Before(g.at):
			kept = append(kept, g)
		default:
			l.end(g.conn, abnormal(errLingered))
		}
	}
	clear(l.linger[len(kept):])
	if l.linger = kept; len(kept) == 0 && cap(kept) > 1<<10 {
		l.linger = nil
	}
}

func closeFrame(code int, reason string) *Frame {
	wire := frame.AppendClose(nil, code, reason)
	return &Frame{wire: wire, header: 2, op: frame.Close}
}
