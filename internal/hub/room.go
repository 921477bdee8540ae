package hub

import (
	"errors"
	"maps"
	"slices"

	"github.com/hearthws/hearth/internal/transport"
	"github.com/hearthws/hearth/internal/wire"
)

// Room is a set of clients under a name. It exists while it has members.
type Room struct {
	name string

	// Guarded by the lock of the room's shard.
	members int
	parts   []part
}

// part is what one loop has of a room.
type part struct {
	group   *transport.Group
	members int
}

// enterLocked makes c, whose lock is held, a member of the room. It returns the
// group that the loop has to put c into; nil when c is in the room already.
func (h *Hub) enterLocked(c *Client, name string) *transport.Group {
	s := &h.rooms[h.shard(name)]
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.byName[name]
	if r == nil {
		r = &Room{name: name}
	}
	if !c.addRoomLocked(r) {
		return nil
	}
	if r.members++; r.members == 1 {
		s.byName[name] = r
	}
	for i := range r.parts {
		if p := &r.parts[i]; p.group.Loop() == c.Loop() {
			p.members++
			return p.group
		}
	}
	g := transport.NewGroup(c.Loop())
	r.parts = append(r.parts, part{g, 1})
	return g
}

// exitLocked ends the membership of c, whose lock is held, and tells its loop.
func (h *Hub) exitLocked(c *Client, r *Room) {
	s := &h.rooms[h.shard(r.name)]
	s.mu.Lock()
	defer s.mu.Unlock()
	if !c.dropRoomLocked(r) {
		return
	}
	for i := range r.parts {
		p := &r.parts[i]
		if p.group.Loop() != c.Loop() {
			continue
		}
		c.Loop().Post(transport.Leave(&c.Conn, p.group))
		if p.members--; p.members == 0 {
			r.parts = slices.Delete(r.parts, i, i+1)
		}
		break
	}
	if r.members--; r.members == 0 {
		delete(s.byName, r.name)
	}
	h.interest.drop(wire.ForRoom(r.name))
}

// Why Join does nothing.
var (
	ErrNotAdmitted = errors.New("hub: client is gone, or not admitted")
	ErrTooMany     = errors.New("hub: too many rooms")
)

// Join makes c a member of rooms, or of none of them if it were in more than
// most then; its own-id room does not count, and 0 is no bound. live, if not
// nil, is called once when what is sent to them by other nodes arrives here,
// and not at all after an error.
func (h *Hub) Join(c *Client, rooms []string, most int, live func(error)) error {
	if err := h.join(c, rooms, most, live); err != nil {
		return err
	}
	if h.interest == nil && live != nil {
		live(nil)
	}
	h.interest.flush()
	return nil
}

func (h *Hub) join(c *Client, rooms []string, most int, live func(error)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone || !c.admitted {
		return ErrNotAdmitted
	}
	if most > 0 && !h.fitLocked(c, rooms, most) {
		return ErrTooMany
	}
	var channels []string
	for _, name := range rooms {
		if name == c.ID() {
			if !c.own {
				c.own = true
				channels = append(channels, wire.ForRoom(name))
			}
			continue
		}
		if g := h.enterLocked(c, name); g != nil {
			c.Loop().Post(transport.Join(&c.Conn, g))
			channels = append(channels, wire.ForRoom(name))
		}
	}
	h.interest.need(channels, live)
	return nil
}

// fitLocked reports whether c is in at most so many rooms with those.
func (h *Hub) fitLocked(c *Client, rooms []string, most int) bool {
	n := len(c.more)
	for _, r := range c.rooms {
		if r != nil {
			n++
		}
	}
	if n+len(rooms) <= most {
		return true
	}
	others := make(map[string]struct{})
	for _, name := range rooms {
		if r := h.room(name); name != c.ID() && (r == nil || !c.inLocked(r)) {
			others[name] = struct{}{}
		}
	}
	return n+len(others) <= most
}

// Leave ends c's membership in those of rooms that it is in.
func (h *Hub) Leave(c *Client, rooms []string) {
	c.mu.Lock()
	for _, name := range rooms {
		if name == c.ID() {
			h.leaveOwnLocked(c)
		} else if r := h.room(name); r != nil && c.inLocked(r) {
			h.exitLocked(c, r)
		}
	}
	c.mu.Unlock()
	h.interest.flush()
}

// leaveOwnLocked takes c out of the room of its own id.
func (h *Hub) leaveOwnLocked(c *Client) {
	if c.own {
		c.own = false
		h.interest.drop(wire.ForRoom(c.ID()))
	}
}

func (h *Hub) room(name string) *Room {
	s := &h.rooms[h.shard(name)]
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byName[name]
}

// InRoom reports whether c is a member.
func (h *Hub) InRoom(c *Client, name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if name == c.ID() {
		return c.own
	}
	r := h.room(name)
	return r != nil && c.inLocked(r)
}

// Rooms are the names of c's rooms, its own-id room included, sorted.
func (c *Client) Rooms() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := []string{}
	for _, r := range c.roomsLocked() {
		names = append(names, r.name)
	}
	if c.own {
		names = append(names, c.ID())
	}
	slices.Sort(names)
	return names
}

// Members is a snapshot of those members of a room that the loops know of, and
// the number of all of them: joins and leaves may be on their way.
func (h *Hub) Members(name string) (known []*transport.Conn, n int) {
	s := &h.rooms[h.shard(name)]
	s.mu.RLock()
	var parts []part
	if r := s.byName[name]; r != nil {
		parts, n = slices.Clone(r.parts), r.members
	}
	s.mu.RUnlock()
	for _, p := range parts {
		known = append(known, p.group.Members()...)
	}
	if c := h.ownRoom(name); c != nil {
		known = append(known, &c.Conn)
		n++
	}
	return known, n
}

// ownRoom is the client whose own-id room name is, if it is in it.
func (h *Hub) ownRoom(name string) *Client {
	c := h.Client(name)
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.own {
		return nil
	}
	return c
}

// RoomCount is the number of rooms with members, own-id rooms left out.
func (h *Hub) RoomCount() int {
	n := 0
	for i := range h.rooms {
		s := &h.rooms[i]
		s.mu.RLock()
		n += len(s.byName)
		s.mu.RUnlock()
	}
	return n
}

func (c *Client) inLocked(r *Room) bool {
	if slices.Contains(c.rooms[:], r) {
		return true
	}
	_, ok := c.more[r]
	return ok
}

func (c *Client) addRoomLocked(r *Room) bool {
	if c.inLocked(r) {
		return false
	}
	if i := slices.Index(c.rooms[:], nil); i >= 0 {
		c.rooms[i] = r
		return true
	}
	if c.more == nil {
		c.more = make(map[*Room]struct{})
	}
	c.more[r] = struct{}{}
	return true
}

func (c *Client) dropRoomLocked(r *Room) bool {
	if i := slices.Index(c.rooms[:], r); i >= 0 {
		c.rooms[i] = nil
		return true
	}
	_, ok := c.more[r]
	delete(c.more, r)
	if len(c.more) == 0 {
		c.more = nil
	}
	return ok
}

func (c *Client) roomsLocked() []*Room {
	var all []*Room
	for _, r := range c.rooms {
		if r != nil {
			all = append(all, r)
		}
	}
	return slices.AppendSeq(all, maps.Keys(c.more))
}

// HasRoom reports whether a room has members here, own-id rooms left out.
func (h *Hub) HasRoom(name string) bool { return h.room(name) != nil }
