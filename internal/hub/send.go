package hub

import "github.com/hearthws/hearth/internal/transport"

// ToRoom sends f to the members of a room, but to none of skip. It reports
// whether the room has members here.
func (h *Hub) ToRoom(name string, f *transport.Frame, skip []*transport.Conn) bool {
	sent := false
	s := &h.rooms[h.shard(name)]
	s.mu.RLock()
	if r := s.byName[name]; r != nil {
		sent = true
		for i := range r.parts {
			g := r.parts[i].group
			g.Loop().Post(transport.ToGroup(g, f, skip))
		}
	}
	s.mu.RUnlock()
	if c := h.ownRoom(name); c != nil {
		sent = true
		if !contains(skip, c) && h.ToClient(c, f) == transport.Refused {
			c.Handler().Dropped()
		}
	}
	return sent
}

// ToAll sends f to all admitted clients, but to none of skip.
func (h *Hub) ToAll(f *transport.Frame, skip []*transport.Conn) {
	for _, g := range h.everyone {
		g.Loop().Post(transport.ToGroup(g, f, skip))
	}
}

// ToClient sends f to c, as far as its queue has room. The caller has seen
// that c is admitted.
func (h *Hub) ToClient(c *Client, f *transport.Frame, more ...*transport.Frame) transport.Admission {
	size := f.Len()
	for _, m := range more {
		size += m.Len()
	}
	a := c.Admit(size)
	if a != transport.Refused {
		c.Loop().Post(transport.Admitted(&c.Conn, f, more...))
	}
	return a
}

func contains(skip []*transport.Conn, c *Client) bool {
	for _, s := range skip {
		if s == &c.Conn {
			return true
		}
	}
	return false
}
