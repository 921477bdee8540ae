package bench

import (
	"net"
	"sync"
)

// stream is the link of a connection that is not polled: a goroutine reads,
// and another writes while there is something to write.
type stream struct {
	conn *conn
	raw  net.Conn

	mu      sync.Mutex
	out     []byte
	writing bool
}

// newStream begins to read; the caller holds the worker's lock.
func newStream(c *conn, raw net.Conn) *stream {
	s := &stream{conn: c, raw: raw}
	c.w.run.goroutines.Go(s.read)
	return s
}

const streamBuffer = 16 << 10

func (s *stream) read() {
	w := s.conn.w
	buffer := make([]byte, streamBuffer)
	for {
		n, err := s.raw.Read(buffer)
		at := now()
		w.mu.Lock()
		if n > 0 {
			w.turn(s.conn, buffer[:n], at)
			w.settle()
			w.rest()
		}
		if err != nil {
			s.conn.fail(err)
		}
		gone := s.conn.state == gone
		w.mu.Unlock()
		if gone {
			return
		}
	}
}

func (s *stream) send(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = append(s.out, b...)
	if !s.writing {
		s.writing = true
		s.conn.w.run.goroutines.Go(s.write)
	}
}

func (s *stream) write() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.out) > 0 {
		b := s.out
		s.out = nil
		s.mu.Unlock()
		_, err := s.raw.Write(b)
		s.mu.Lock()
		if err != nil { // its reader learns that, too
			break
		}
	}
	s.writing = false
}

func (s *stream) close() { s.raw.Close() }
