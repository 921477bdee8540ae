package client

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/hearthws/hearth/internal/frame"
)

// writeLocked starts the writer if there is something to write.
func (s *socket) writeLocked() {
	if s.writing || s.over {
		return
	}
	s.writing = true
	s.writer.Go(s.write)
}

// write writes until there is nothing left.
func (s *socket) write() {
	var buf []byte
	for {
		batch, seal, pong, goodbye := s.next()
		buf = buf[:0]
		if pong != nil {
			buf = appendFrame(buf, frame.Pong, pong)
		}
		for _, m := range batch {
			payload := m.Raw
			if seal != nil {
				payload = seal(payload)
			}
			buf = appendFrame(buf, frame.Text, payload)
		}
		if goodbye != nil {
			buf = appendFrame(buf, frame.Close, goodbye)
		}
		if len(buf) == 0 || !s.writeAll(buf) {
			return
		}
		if cap(buf) > 2*writeSize {
			buf = nil
		}
	}
}

// next takes what is to be written next. Nothing: the writer is to end.
func (s *socket) next() (batch []outgoing, seal func([]byte) []byte, pong, goodbye []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pong, s.pong = s.pong, nil
	if s.said {
		s.writing = false
		s.flushedLocked()
		return nil, nil, nil, nil
	}
	size := 0
	if s.goodbye == nil || s.flush && !s.hurry {
		for len(batch) < len(s.out) && size < writeSize {
			size += len(s.out[len(batch)].Raw)
			batch = s.out[:len(batch)+1]
		}
		s.out = s.out[len(batch):]
		if len(s.out) == 0 {
			s.out = nil
		}
	}
	if s.goodbye != nil && len(batch) == 0 {
		goodbye, s.said = s.goodbye, true
	}
	if s.outBytes -= size; s.outBytes < unsent {
		s.makeRoomLocked()
	}
	if len(batch) == 0 && pong == nil && goodbye == nil {
		s.writing = false
	}
	return batch, s.seal, pong, goodbye
}

func (s *socket) makeRoomLocked() {
	if s.room != nil {
		close(s.room)
		s.room = nil
	}
}

// writeAll writes in pieces, each of which has its time.
func (s *socket) writeAll(buf []byte) bool {
	for len(buf) > 0 {
		s.mu.Lock()
		if !s.hurry {
			_ = s.raw.SetWriteDeadline(time.Now().Add(writeTimeout))
		}
		s.mu.Unlock()
		n, err := s.stream.Write(buf[:min(len(buf), writeSize)])
		if err != nil {
			s.stuck(err)
			return false
		}
		buf = buf[n:]
	}
	return true
}

// stuck ends the connection because it takes nothing any more; read tells.
func (s *socket) stuck(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.overLocked()
	s.flushedLocked()
	late := errors.Is(err, os.ErrDeadlineExceeded)
	switch {
	case s.cause != nil:
	case !late:
		// The server has left, and may have said why: that has arrived.
		s.cause, s.rest = brokenBy(err), giveUpTimeout
		_ = s.raw.SetReadDeadline(time.Now().Add(s.rest))
	case !s.hurry:
		s.cause = &Error{Code: ErrSilent, Text: fmt.Sprintf("the server took nothing for %s", writeTimeout), Err: err}
	}
	if late {
		s.raw.Close()
	}
}

func appendFrame(dst []byte, op frame.Opcode, payload []byte) []byte {
	var key [4]byte
	rand.Read(key[:])
	return frame.AppendMasked(dst, op, true, false, payload, key)
}
