//go:build !linux

package transport

import (
	"fmt"
	"runtime"
	"time"
)

// Faults is for tests of the loop transport, which is Linux's.
type Faults struct{}

// socket is a connection on its way to a loop.
type socket struct {
	buffered []byte
	stream   *stream
}

// poller does not exist here: every connection is a stream.
type poller struct{}

func newPoller(*Config) (*poller, error) { return nil, ErrNotEpoll }
func (p *poller) park(*Loop)             {}
func (p *poller) ready()                 {}
func (p *poller) wake()                  {}
func (p *poller) close()                 {}
func (p *poller) batches() bool          { return false }

func (l *Loop) takeSocket(*Conn, Link) error {
	return fmt.Errorf("%w: there is no epoll on %s", ErrNotEpoll, runtime.GOOS)
}

func (l *Loop) take(c *Conn, s *socket) {
	l.adopt(c)
	s.stream.start(s.buffered)
}

func (l *Loop) closeDead() {
	for i := range l.dead {
		l.dead[i] = nil
		l.engine.release(l)
	}
	l.dead = l.dead[:0]
}

func (l *Loop) write([]writing)         {}
func retry(error) bool                  { return false }
func (l *Loop) arm(*Conn)               {}
func (l *Loop) rescue()                 {}
func (l *Loop) readReady(time.Time) int { return 0 }
func (l *Loop) shutdownWrite(*Conn)     {}
