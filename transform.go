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
	limit int

	// Guarded by mu.
	mu       sync.Mutex
	ready    []*Client
	running  map[*Client]time.Time // since when
	watching bool                  // a timer looks for hooks that hang
	working  sync.WaitGroup
}

// hung is how long a hook may take before its place is given to another.
const hung = time.Second

func (s *sealer) add(c *Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = append(s.ready, c)
	s.startLocked()
}

// startLocked starts workers, as many as allowed are at work.
func (s *sealer) startLocked() {
	for len(s.ready) > 0 {
		if !s.mayLocked() {
			if !s.watching {
				s.watching = true
				time.AfterFunc(hung, s.watch)
			}
			return
		}
		c := s.takeLocked()
		s.working.Go(func() { s.work(c) })
	}
}

// mayLocked reports whether one more hook may run.
func (s *sealer) mayLocked() bool {
	at := 0
	now := time.Now()
	for _, since := range s.running {
		if now.Sub(since) < hung {
			at++
		}
	}
	return at < s.limit
}

// watch gives the places of hooks that hang to others.
func (s *sealer) watch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watching = false
	s.startLocked()
}

func (s *sealer) takeLocked() *Client {
	if s.running == nil {
		s.running = make(map[*Client]time.Time)
	}
	c := s.ready[0]
	s.ready[0] = nil
	s.ready = s.ready[1:]
	s.running[c] = time.Now()
	return c
}

// work transforms what clients have, one client after the other.
func (s *sealer) work(c *Client) {
	for c != nil {
		more := transform(c)
		s.mu.Lock()
		delete(s.running, c)
		if more {
			s.ready = append(s.ready, c)
		}
		c = nil
		if len(s.ready) > 0 && s.mayLocked() {
			c = s.takeLocked()
		}
		s.startLocked() // or sees to it that hooks that hang are noticed
		s.mu.Unlock()
	}
}

// transform works off the outbox of c as it is now. It returns true if there is
// more by then.
func transform(c *Client) (more bool) {
	c.mu.Lock()
	frames := c.out.frames
	c.out.frames = nil
	c.mu.Unlock()
	if c.enter() {
		defer c.leave()
	}
	ops := make([]transport.Op, 0, len(frames))
	for _, f := range frames {
		ops = append(ops, transport.Transformed(&c.hub.Conn, f, c.transformed(f)))
	}
	c.hub.Loop().Post(ops...)
	c.mu.Lock()
	more = len(c.out.frames) > 0
	if !more {
		c.out = nil
	}
	c.mu.Unlock()
	return more
}

// transformed is what the client gets instead of f; nil if that cannot be said,
// since it must not get the plain text.
func (c *Client) transformed(f *transport.Frame) *transport.Frame {
	s := c.server
	if !f.Message || c.state() == stateDisconnected {
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
