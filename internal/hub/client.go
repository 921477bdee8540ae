package hub

import (
	"sync"

	"github.com/hearthws/hearth/internal/transport"
	"github.com/hearthws/hearth/internal/wire"
)

// Client is a connection that the hub knows. It is made to be embedded.
type Client struct {
	transport.Conn

	// Static after Add.
	id   ID
	name *string // instead of id, if it was given

	// Guarded by the lock of the user's shard.
	nextOfUser, prevOfUser *Client
	ofUser                 int32 // clients of the user, if this is the first

	// Guarded by mu.
	mu       sync.Mutex
	admitted bool
	gone     bool
	own      bool // in the room of its own id
	user     string
	rooms    [3]*Room
	more     map[*Room]struct{}
}

// SetID gives c its id: name, or a new one if that is empty.
func (c *Client) SetID(name string) {
	if name == "" {
		c.id = NewID()
		return
	}
	if id, ok := ParseID(name); ok {
		c.id = id
		return
	}
	c.name = &name
}

// ID is the id of c.
func (c *Client) ID() string {
	if c.name != nil {
		return *c.name
	}
	return c.id.String()
}

// Add indexes c by its id. It returns false when that is in use.
func (h *Hub) Add(c *Client) bool {
	s := h.shardOf(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.name != nil {
		if s.byName[*c.name] != nil {
			return false
		}
		s.byName[*c.name] = c
		return true
	}
	if s.byID[c.id] != nil {
		return false
	}
	s.byID[c.id] = c
	return true
}

func (h *Hub) shardOf(c *Client) *clientShard {
	if c.name != nil {
		return &h.clients[h.shard(*c.name)]
	}
	return &h.clients[c.id[15]%shards]
}

// Client returns the client with that id, or nil.
func (h *Hub) Client(id string) *Client {
	if uuid, ok := ParseID(id); ok {
		s := &h.clients[uuid[15]%shards]
		s.mu.RLock()
		defer s.mu.RUnlock()
		return s.byID[uuid]
	}
	s := &h.clients[h.shard(id)]
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byName[id]
}

// Each calls f with every client, admitted or not, under the lock of a shard:
// f is short, and calls neither the hub nor code of the application.
func (h *Hub) Each(f func(*Client)) {
	for i := range h.clients {
		s := &h.clients[i]
		s.mu.RLock()
		for _, c := range s.byID {
			f(c)
		}
		for _, c := range s.byName {
			f(c)
		}
		s.mu.RUnlock()
	}
}

// Admission is what makes a client addressable.
type Admission struct {
	User       string           // "": none
	MostOfUser int              // clients that the user may have; 0: no bound
	Crowded    bool             // Admit has returned false because of that
	Rooms      []string         // besides the one of its own id
	Hello      *transport.Frame // reaches the client before anything else
	Encrypt    Encrypt          // follows Hello; nil: what follows is plain
	Commit     func()           // runs at the moment from which on what is sent reaches the client
}

// Encrypt is [transport.Transform] or [transport.Seal].
type Encrypt func(*transport.Conn) transport.Op

// Prepare asks the broker for everything that concerns c once it is admitted,
// and calls live when that arrives. Admit or Abandon has to follow.
func (h *Hub) Prepare(c *Client, a *Admission, live func(error)) {
	if h.interest == nil {
		live(nil)
		return
	}
	h.interest.need(c.channels(a), live)
	h.interest.flush()
}

// Abandon takes Prepare back.
func (h *Hub) Abandon(c *Client, a *Admission) {
	h.interest.drop(c.channels(a)...)
	h.interest.flush()
}

// channels are those of the broker that concern c.
func (c *Client) channels(a *Admission) []string {
	id := c.ID()
	channels := []string{wire.ForClient(id), wire.ForRoom(id)}
	if a.User != "" {
		channels = append(channels, wire.ForUser(a.User))
	}
	for _, room := range a.Rooms {
		channels = append(channels, wire.ForRoom(room))
	}
	return channels
}

// Admit makes c addressable by its user, its id and its rooms, in one moment:
// nothing reaches c before Hello, and whatever is sent to it after Commit does.
// It returns false when c is gone, or Crowded. Rooms has no duplicates, and not
// c's own id.
func (h *Hub) Admit(c *Client, a *Admission) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return false
	}
	if a.User != "" && !h.addToUser(c, a.User, a.MostOfUser) {
		a.Crowded = true
		return false
	}
	c.admitted, c.own, c.user = true, true, a.User
	ops := append(make([]transport.Op, 0, 8), transport.Control(&c.Conn, a.Hello))
	if a.Encrypt != nil {
		ops = append(ops, a.Encrypt(&c.Conn))
	}
	for _, name := range a.Rooms {
		ops = append(ops, transport.Join(&c.Conn, h.enterLocked(c, name)))
	}
	ops = append(ops, transport.Join(&c.Conn, h.everyone[c.Loop().Index()]))
	c.Loop().PostWith(a.Commit, ops...)
	return true
}

// Remove takes c out of all indexes. It returns false if it was gone already.
func (h *Hub) Remove(c *Client) bool {
	c.mu.Lock()
	if c.gone {
		c.mu.Unlock()
		return false
	}
	c.gone = true
	for _, r := range c.roomsLocked() {
		h.exitLocked(c, r)
	}
	h.leaveOwnLocked(c)
	if c.user != "" {
		h.removeFromUser(c)
		h.interest.drop(wire.ForUser(c.user))
	}
	if c.admitted {
		h.interest.drop(wire.ForClient(c.ID()))
		c.Loop().Post(transport.Leave(&c.Conn, h.everyone[c.Loop().Index()]))
	}
	c.mu.Unlock()

	s := h.shardOf(c)
	s.mu.Lock()
	if c.name != nil {
		delete(s.byName, *c.name)
	} else {
		delete(s.byID, c.id)
	}
	s.mu.Unlock()
	h.interest.flush()
	return true
}

// addToUser puts c at the head of its user's list, unless that has most.
func (h *Hub) addToUser(c *Client, user string, most int) bool {
	s := &h.users[h.shard(user)]
	s.mu.Lock()
	defer s.mu.Unlock()
	head := s.byID[user]
	c.ofUser = 1
	if head != nil {
		if most > 0 && int(head.ofUser) >= most {
			return false
		}
		c.ofUser = head.ofUser + 1
		head.prevOfUser = c
	}
	c.nextOfUser = head
	s.byID[user] = c
	return true
}

func (h *Hub) removeFromUser(c *Client) {
	s := &h.users[h.shard(c.user)]
	s.mu.Lock()
	defer s.mu.Unlock()
	head := s.byID[c.user]
	left := head.ofUser - 1
	if c.nextOfUser != nil {
		c.nextOfUser.prevOfUser = c.prevOfUser
	}
	switch {
	case c.prevOfUser != nil:
		c.prevOfUser.nextOfUser = c.nextOfUser
		head.ofUser = left
	case c.nextOfUser != nil:
		c.nextOfUser.ofUser = left
		s.byID[c.user] = c.nextOfUser
	default:
		delete(s.byID, c.user)
	}
	c.nextOfUser, c.prevOfUser = nil, nil
}

// User is a snapshot of a user's admitted clients.
func (h *Hub) User(id string) []*Client {
	s := &h.users[h.shard(id)]
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []*Client
	for c := s.byID[id]; c != nil; c = c.nextOfUser {
		all = append(all, c)
	}
	return all
}
