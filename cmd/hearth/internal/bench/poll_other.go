//go:build !linux

package bench

import (
	"net"
	"syscall"
	"time"
)

// poller polls nothing here: every connection is a stream.
type poller struct{ w *worker }

func newPoller(w *worker) (*poller, error) { return &poller{w}, nil }

func (p *poller) take(*conn, net.Conn) (link, error) { return nil, nil }

func (p *poller) arm(s *schedule) {
	p.w.run.goroutines.Go(func() {
		for !p.w.run.ending.Load() {
			due := s.due()
			if due == never {
				return
			}
			time.Sleep(min(time.Duration(due-now()), 100*time.Millisecond))
			s.fire(now())
		}
	})
}

func bindLate(string, string, syscall.RawConn) error { return nil }
