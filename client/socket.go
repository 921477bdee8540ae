package client

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/hearthws/hearth/internal/frame"
)

const (
	// unsent is how many bytes may wait to be written before Send waits; one
	// message always fits.
	unsent = 64 << 10
	// writeSize is how many bytes are written at once, if they are there.
	writeSize = 64 << 10
	// writeTimeout is how long such a write may take.
	writeTimeout = 10 * time.Second
	// closeTimeout is how long Close waits for what was sent to be written,
	// and for the server to say goodbye, too.
	closeTimeout = 5 * time.Second
	// giveUpTimeout is how long it may take to say goodbye when a connection
	// is given up.
	giveUpTimeout = time.Second
	// readSize is what a client keeps for reading; it grows with what arrives
	// at once, to maxReadSize.
	readSize    = 2 << 10
	maxReadSize = 64 << 10
)

// socket is a WebSocket connection. read belongs to one goroutine; the other
// methods may be called by any. What is put is written by another goroutine,
// which exists only while there is something to write.
type socket struct {
	// Static.
	raw    net.Conn           // below TLS, for deadlines
	stream io.ReadWriteCloser // reads what came with the handshake first
	config frame.Config
	reader frame.Reader

	writer  sync.WaitGroup
	flushed chan struct{} // closed when nothing will be written any more

	// Owned by the reader.
	receive  func(op frame.Opcode, payload []byte) *Error
	broken   *Error // what ends the reading
	farewell *Error // the server's close frame

	// Guarded by mu.
	mu       sync.Mutex
	out      []outgoing
	outBytes int
	pong     []byte                    // that is due; nil: none
	goodbye  []byte                    // the close frame that is due, or was sent; nil: none
	flush    bool                      // goodbye comes after out, not instead
	said     bool                      // goodbye was written, or is being written
	hurry    bool                      // little time is left for writing
	writing  bool                      // the writer runs
	over     bool                      // nothing is taken any more
	cause    *Error                    // why it was given up, or cannot be written to
	rest     time.Duration             // for waiting for what came before the end; 0: writing has not failed
	room     chan struct{}             // closed when there is some, or nothing is taken any more; nil: nobody waits
	seal     func(plain []byte) []byte // called by the writer; nil: messages are plain
}

// outgoing is a message on its way.
type outgoing struct {
	Message
	otherwise fate
}

// fate is what happens to a message that a connection did not write.
type fate int

const (
	forget fate = iota // it is of the connection
	keep               // for the next one
	drop               // which the application wants to know
)

// left is what a connection did not write, in order.
type left struct{ keep, drop []Message }

func newSocket(raw net.Conn, stream io.ReadWriteCloser, maxMessage int, deflate bool) *socket {
	s := &socket{raw: raw, stream: stream, flushed: make(chan struct{}), config: frame.Config{MaxMessage: maxMessage}}
	s.reader.ResetClient(&s.config, deflate)
	return s
}

// put has messages written, behind those that were put before.
func (s *socket) put(otherwise fate, messages ...Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range messages {
		s.out = append(s.out, outgoing{m, otherwise})
		s.outBytes += len(m.Raw)
	}
	s.writeLocked()
}

// sealWith has everything sealed that is put from now on.
func (s *socket) sealWith(seal func(plain []byte) []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seal = seal
}

// full returns a channel that is closed when there is room, and nil when there
// is. It is not ok when what is put now will not be written any more: that is for
// the queue, behind what end returns. To wait for the end instead is not for
// handlers, on whom it waits.
func (s *socket) full() (room <-chan struct{}, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.over || s.goodbye != nil:
		return nil, false
	case s.outBytes < unsent:
		return nil, true
	case s.room == nil:
		s.room = make(chan struct{})
	}
	return s.room, true
}

// mustArriveBy sets the time until which something must arrive; zero: for ever.
func (s *socket) mustArriveBy(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.goodbye == nil && s.cause == nil {
		_ = s.raw.SetReadDeadline(t)
	}
}

// close says goodbye after what was put; read ends when the server has, too.
func (s *socket) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.goodbye != nil || s.over {
		return
	}
	s.flush = true
	_ = s.raw.SetReadDeadline(time.Now().Add(closeTimeout))
	s.byeLocked(closeNormal, "")
}

// giveUp makes read return e.
func (s *socket) giveUp(e *Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause != nil {
		return
	}
	s.cause = e
	s.hurryLocked()
	s.byeLocked(closeGaveUp, string(e.Code))
	_ = s.raw.SetReadDeadline(time.Unix(1, 0))
}

// bye answers a close frame, or a violation of the protocol.
func (s *socket) bye(code int, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hurryLocked()
	s.byeLocked(code, reason)
}

func (s *socket) byeLocked(code int, reason string) {
	if s.goodbye != nil || s.over {
		return
	}
	if code == frame.NoStatus {
		code = 0
	}
	s.goodbye = frame.AppendClose(nil, code, reason)[2:] // without its header
	s.makeRoomLocked()                                   // for those who would wait in vain
	s.writeLocked()
}

// overLocked says that nothing is taken any more.
func (s *socket) overLocked() {
	if s.over = true; s.goodbye == nil {
		s.flushedLocked()
	}
	s.makeRoomLocked()
}

func (s *socket) flushedLocked() {
	select {
	case <-s.flushed:
	default:
		close(s.flushed)
	}
}

func (s *socket) hurryLocked() {
	s.hurry = true
	_ = s.raw.SetWriteDeadline(time.Now().Add(giveUpTimeout))
}

// end closes the connection and returns what was not written, when nothing of
// it is left running.
func (s *socket) end() left {
	s.mu.Lock()
	s.hurryLocked()
	s.overLocked()
	if s.goodbye == nil {
		s.raw.Close()
	}
	s.mu.Unlock()
	s.writer.Wait()
	s.stream.Close()
	var l left
	for _, m := range s.out {
		switch m.otherwise {
		case keep:
			l.keep = append(l.keep, m.Message)
		case drop:
			l.drop = append(l.drop, m.Message)
		}
	}
	return l
}

// read receives until the connection ends, and returns how. heard is called
// whenever something has arrived, be it a part of a message.
func (s *socket) read(heard func(), receive func(op frame.Opcode, payload []byte) *Error) *Error {
	s.receive = receive
	buf := make([]byte, readSize)
	for {
		n, err := s.readSome(buf)
		if n > 0 {
			heard()
		}
		_, violation := s.reader.Feed(buf[:n], s)
		var broken *frame.CloseError
		switch {
		case s.broken != nil:
			s.giveUp(s.broken)
			return s.broken
		case s.farewell != nil:
			return s.farewell
		case errors.As(violation, &broken):
			s.bye(broken.Code, broken.Reason)
			return &Error{Code: ErrNetwork, Text: fmt.Sprintf("the server broke the protocol: %s", broken.Reason), Err: violation}
		case err != nil:
			return s.lost(err)
		}
		if n == len(buf) && n < maxReadSize {
			buf = make([]byte, 2*n)
		}
	}
}

// readSome reads once. When writing has failed what arrived before is still
// there, and takes no waiting, however long handlers took until now.
func (s *socket) readSome(buf []byte) (int, error) {
	s.mu.Lock()
	rest := s.rest
	if rest != 0 {
		_ = s.raw.SetReadDeadline(time.Now().Add(rest))
	}
	s.mu.Unlock()
	began := time.Now()
	n, err := s.stream.Read(buf)
	if rest != 0 {
		s.mu.Lock()
		s.rest = max(1, rest-time.Since(began))
		s.mu.Unlock()
	}
	return n, err
}

// lost is the error for a connection that ended without a close frame.
func (s *socket) lost(err error) *Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.cause != nil:
		return s.cause
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &Error{Code: ErrTimeout, Text: "the server took too long", Err: err}
	}
	return brokenBy(err)
}

func brokenBy(err error) *Error {
	return &Error{Code: ErrNetwork, Text: "the connection broke: " + err.Error(), Err: err}
}

// Message implements [frame.Handler].
func (s *socket) Message(op frame.Opcode, payload []byte) (stop bool) {
	s.broken = s.receive(op, payload)
	return s.broken != nil
}

// Control implements [frame.Handler].
func (s *socket) Control(op frame.Opcode, payload []byte) (stop bool) {
	switch op {
	case frame.Ping:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.pong = append(make([]byte, 0, len(payload)), payload...) // the latest counts (RFC 6455, section 5.5.3)
		s.writeLocked()
	case frame.Close:
		code, reason := frame.ParseClose(payload)
		s.farewell = closeError(code, string(reason), Message{})
		s.bye(code, "")
		return true
	}
	return false
}
