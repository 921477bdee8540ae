package hub

import "github.com/hearthws/hearth/internal/transport"

// ToRoom sends f to the members of a room, but to none of skip. It returns
// false when a loop is too far behind to take it: then members may miss it.
func (h *Hub) ToRoom(name string, f *transport.Frame, skip []*transport.Conn) bool {
	taken := true
	s := &h.rooms[h.shard(name)]
	s.mu.Lock() // not RLock: on every loop messages to a room come in the same order, no answer before its question
	if r := s.byName[name]; r != nil {
		for i := range r.parts {
			g := r.parts[i].group
			taken = g.Loop().Offer(transport.ToGroup(g, f, skip)) && taken
		}
	}
	s.mu.Unlock()
	if c := h.ownRoom(name); c != nil {
		if !contains(skip, c) && h.ToClient(c, f) == transport.Refused {
			c.Handler().Dropped()
		}
	}
	return taken
}

// ToAll sends f to all admitted clients, but to none of skip. Result as for
// ToRoom.
func (h *Hub) ToAll(f *transport.Frame, skip []*transport.Conn) bool {
	taken := true
	for _, g := range h.everyone {
		taken = g.Loop().Offer(transport.ToGroup(g, f, skip)) && taken
	}
	return taken
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
