package transport

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hearthws/hearth/internal/frame"
)

// streamReadSize is the size in bytes of a reader's buffer.
const streamReadSize = 4 << 10

// past is a deadline that has expired.
var past = time.Unix(1, 0)

// stream serves one net.Conn with a goroutine that reads, and one that writes
// while there is something to write.
type stream struct {
	// Static after construction.
	c    *Conn
	conn net.Conn

	// Guarded by mu.
	mu       sync.Mutex
	changed  sync.Cond // of pauses, finished and ended
	pauses   int       // of the handler, less its calls of Resume
	frames   []*Frame  // to be written
	writing  bool      // the writer exists
	finished bool      // nothing more is written
	ended    bool

	deaf atomic.Bool // input is thrown away
}

// takeStream serves link by goroutines.
func (l *Loop) takeStream(c *Conn, link Link) error {
	if !l.engine.admit(l) {
		return ErrClosed
	}
	s := &stream{c: c, conn: link.Conn}
	s.changed.L = &s.mu
	c.stream = s
	link.decided()
	l.engine.running.Add(1) // the connection is counted, so Shutdown still waits
	l.Post(Op{kind: opTake, conn: c, arg: &socket{buffered: link.Buffered, stream: s}})
	return nil
}

// start is called by the loop.
func (s *stream) start(buffered []byte) { go s.read(buffered) }

func (s *stream) read(buffered []byte) {
	e := s.c.loop.engine
	defer e.running.Done()
	held := e.reads.Get().(*[]byte)
	defer e.reads.Put(held)
	buf := *held
	r := new(frame.Reader)
	r.Reset(s.c.frameConfig(), s.c.windowBits != 0)
	for s.feed(r, buffered) {
		n, err := s.conn.Read(buf)
		if n > 0 {
			s.c.heard(time.Now())
		}
		buffered = buf[:n]
		if err != nil {
			s.feed(r, buffered)
			if errors.Is(err, io.EOF) {
				s.waitFinished()
			}
			s.c.loop.Post(Op{kind: opEnd, conn: s.c, arg: abnormal(err)})
			break
		}
	}
	s.close()
}

// feed parses b, waiting whenever the handler pauses. It returns false when
// the connection has ended.
func (s *stream) feed(r *frame.Reader, b []byte) bool {
	for len(b) > 0 && !s.deaf.Load() {
		if r.Idle() {
			r.Reset(s.c.frameConfig(), s.c.windowBits != 0)
		}
		n, err := r.Feed(b, (*streamInput)(s))
		if err != nil {
			s.deaf.Store(true)
			s.c.loop.Post(Op{kind: opClose, conn: s.c, arg: causeOf(err)})
			break
		}
		b = b[n:]
		if !s.waitResumed() {
			return false
		}
	}
	return true
}

// waitResumed returns when the handler wants more or is not asked any more, or
// false at the end.
func (s *stream) waitResumed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.pauses > 0 && !s.ended && !s.deaf.Load() {
		s.changed.Wait()
	}
	return !s.ended
}

// waitFinished returns when a connection that is being closed has sent its close
// frame: a peer that sends nothing more may wait for it.
func (s *stream) waitFinished() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.deaf.Load() && !s.finished && !s.ended {
		s.changed.Wait()
	}
}

func (s *stream) resume() {
	s.mu.Lock()
	s.pauses--
	s.mu.Unlock()
	s.changed.Broadcast()
}

func (s *stream) pausedNow() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pauses > 0
}

// streamInput is the frame.Handler of a stream; on its reader.
type streamInput stream

func (in *streamInput) Message(op frame.Opcode, payload []byte) (stop bool) {
	s := (*stream)(in)
	if s.deaf.Load() {
		return true
	}
	return in.pauseIf(s.c.handler.Message(op, payload))
}

// pauseIf stops reading if the handler has said so.
func (in *streamInput) pauseIf(pause bool) (stop bool) {
	s := (*stream)(in)
	if pause {
		s.mu.Lock()
		s.pauses++
		s.mu.Unlock()
	}
	return pause
}

func (in *streamInput) Control(op frame.Opcode, payload []byte) (stop bool) {
	s := (*stream)(in)
	switch op {
	case frame.Ping:
		if s.c.answersPings() {
			s.c.loop.Post(Op{kind: opControl, conn: s.c, frame: FrameOf(frame.Pong, false, payload)})
		}
	case frame.Close:
		s.deaf.Store(true)
		s.c.loop.Post(Op{kind: opClose, conn: s.c, arg: closedByPeer(payload)})
		return true
	}
	return in.pauseIf(s.c.handler.Control())
}

// discard throws away what is read from now on; called by the loop.
func (s *stream) discard() {
	s.deaf.Store(true)
	s.mu.Lock()
	s.pauses = 0
	s.mu.Unlock()
	s.changed.Broadcast()
}

// cut ends reader and writer; called by the loop.
func (s *stream) cut() {
	s.mu.Lock()
	s.ended = true
	writing := s.writing
	s.mu.Unlock()
	s.changed.Broadcast()
	_ = s.conn.SetDeadline(past)
	if writing {
		return
	}
	s.drop()
}

// close frees the socket without a word: whatever had to be said was said.
func (s *stream) close() {
	if under, ok := s.conn.(interface{ NetConn() net.Conn }); ok {
		under.NetConn().Close() // tls.Conn.Close waits for a peer that does not read
	}
	s.conn.Close()
}
