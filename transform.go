package hearth

import (
	"context"
	"sync"
	"time"

	"github.com/hearthws/hearth/internal/transport"
)

// outbox is what an encrypted client is to be sent once it is transformed.
type outbox struct {
	frames []*transport.Frame
	busy   bool // the client is with its sealer
}

// Transform is called by the loop for each frame to an encrypted client.
func (h *handler) Transform(f *transport.Frame) {
	c := (*Client)(h)
	c.mu.Lock()
	if c.out == nil {
		c.out = &outbox{}
	}
	c.out.frames = append(c.out.frames, f)
	start := !c.out.busy
	c.out.busy = true
	c.mu.Unlock()
	if start {
		c.server.sealers[c.hub.Loop().Index()].add(c)
	}
}

// sealer transforms what is sent to the encrypted clients of one loop: several
// clients at once, the messages of each in order.
type sealer struct {
	server *Server
	limit  int

	// Guarded by mu.
	mu      sync.Mutex
	ready   []*Client
	running map[*Client]time.Time // since when
}

// hung is how long a hook may take before its place is given to another.
const hung = time.Second

func (s *sealer) add(c *Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = append(s.ready, c)
	s.startLocked()
}

// startLocked starts a worker unless as many as allowed are at work.
func (s *sealer) startLocked() {
	at := 0
	now := time.Now()
	for _, since := range s.running {
		if now.Sub(since) < hung {
			at++
		}
	}
	if at >= s.limit || len(s.ready) == 0 {
		return
	}
	if s.running == nil {
		s.running = make(map[*Client]time.Time)
	}
	c := s.takeLocked(now)
	go s.work(c)
}

func (s *sealer) takeLocked(now time.Time) *Client {
	c := s.ready[0]
	s.ready[0] = nil
	s.ready = s.ready[1:]
	s.running[c] = now
	return c
}

// work transforms what clients have, one client after the other.
func (s *sealer) work(c *Client) {
	for c != nil {
		s.transform(c)
		s.mu.Lock()
		delete(s.running, c)
		c = nil
		if len(s.ready) > 0 {
			c = s.takeLocked(time.Now())
		}
		s.mu.Unlock()
	}
}

// transform works off the outbox of c as it is now; if there is more by then,
// c queues up again.
func (s *sealer) transform(c *Client) {
	c.mu.Lock()
	frames := c.out.frames
	c.out.frames = nil
	c.mu.Unlock()
	ops := make([]transport.Op, 0, len(frames))
	for _, f := range frames {
		ops = append(ops, transport.Transformed(&c.hub.Conn, f, s.server.transformed(c, f)))
	}
	c.hub.Loop().Post(ops...)
	c.mu.Lock()
	more := len(c.out.frames) > 0
	if !more {
		c.out = nil
	}
	c.mu.Unlock()
	if more {
		s.mu.Lock()
		s.ready = append(s.ready, c)
		s.mu.Unlock()
	}
}

// transformed is what the client gets instead of f; nil if that cannot be said,
// since it must not get the plain text.
func (s *Server) transformed(c *Client, f *transport.Frame) *transport.Frame {
	if f.Event == "" || c.state() == stateDisconnected {
		return nil
	}
	var out *Outgoing
	err := c.guard("Transform", func(ctx context.Context) (err error) {
		out, err = s.opts.Transform(ctx, c, Outgoing{Event: f.Event, Data: f.Data})
		return err
	})
	switch {
	case err != nil:
		s.counters.transformFailures.Add(1)
		return nil
	case out == nil:
		return f
	}
	return messageFrame(out.Event, out.Data)
}
