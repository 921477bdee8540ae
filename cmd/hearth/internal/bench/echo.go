package bench

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hearthws/hearth/internal/frame"
)

// echoes are what a client sends to itself.
type echoes struct {
	conn    *conn
	message halves

	mu sync.Mutex
	// Guarded by mu.
	sent        uint32
	body, frame []byte
}

func (e *echoes) send(at int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.body = append(e.body[:0], e.message[0]...)
	e.body = e.conn.w.run.bodies.append(e.body, stamp{uint32(e.conn.number), e.sent, at})
	e.body = append(e.body, e.message[1]...)
	e.frame = frame.AppendMasked(e.frame[:0], frame.Text, true, false, e.body, maskKey)
	e.sent++
	e.conn.link.send(e.frame)
}

// echo is the scenario of that name.
func (r *run) echo(ctx context.Context) error {
	open, err := r.connect(ctx, r.echoers(), nil)
	if err != nil {
		return err
	}
	for _, c := range open {
		c.w.mu.Lock()
		c.streams = []expect{{stream: uint32(c.number)}}
		c.echo = &echoes{conn: c, message: split(fill(r.dialect.Echo, "$id", c.id, "$room", escaped(r.roomName(c.number))))}
		c.w.mu.Unlock()
	}
	var running atomic.Bool
	var sent atomic.Int64
	running.Store(true)
	if r.cfg.Rate > 0 {
		r.workers[0].poller.arm(newSchedule(r.cfg.Rate, func(at int64) bool {
			if running.Load() {
				open[sent.Add(1)%int64(len(open))].echo.send(at)
			}
			return running.Load()
		}))
	} else {
		for _, w := range r.workers {
			w.mu.Lock()
		}
		r.onDelivery = func(c *conn) {
			if running.Load() {
				sent.Add(1)
				c.echo.send(now())
			}
		}
		for _, w := range r.workers {
			w.mu.Unlock()
		}
		for range r.cfg.Window {
			for _, c := range open {
				sent.Add(1)
				c.echo.send(now())
			}
		}
	}
	err = r.measure(ctx, nil)
	running.Store(false)
	if err != nil {
		return err
	}
	if err := r.settled(ctx, "waiting for the last echoes", func() bool { return r.delivered() >= sent.Load() }); err != nil {
		return err
	}
	r.result.Published, r.result.Receivers = sent.Load(), int64(len(open))
	for _, c := range open {
		c.w.mu.Lock()
		r.result.Faults.Missing += c.streams[0].missing(c.echo.sent)
		c.w.mu.Unlock()
	}
	return nil
}

// echoers are clients that are in a room each, if that is how a client sends to
// itself.
func (r *run) echoers() []*conn {
	conns := r.idlers()
	if strings.Contains(r.dialect.Echo, "$room") {
		r.roomName = func(room int) string { return fmt.Sprintf("%s-%d", r.cfg.Room, room) }
		for i, c := range conns {
			c.room = i
		}
	}
	return conns
}

// idlers are clients that are in no room.
func (r *run) idlers() []*conn {
	conns := make([]*conn, r.cfg.Clients)
	for i := range conns {
		conns[i] = &conn{number: i, room: noRoom, url: r.cfg.URLs[i%len(r.cfg.URLs)]}
	}
	return conns
}
