package hub

import (
	"errors"
	"fmt"

	"github.com/hearthws/hearth/internal/transport"
	"github.com/hearthws/hearth/internal/wire"
)

// ConsistencyCheck reports what the indexes say that does not agree. It is for
// tests: nothing may be going on meanwhile. channels is the number of different
// channels of the broker that the clients need.
func (h *Hub) ConsistencyCheck() (channels int, err error) {
	k := &check{hub: h, known: map[*Client]bool{}, channels: map[string]bool{}}
	h.Each(func(c *Client) { k.known[c] = true })
	for c := range k.known {
		k.client(c)
	}
	k.users()
	k.rooms()
	for i, g := range h.everyone {
		k.group(fmt.Sprintf("everyone on loop %d", i), g, func(c *Client) bool { return c.admitted })
	}
	if in := h.interest; in != nil {
		in.mu.Lock()
		if in.busy || len(in.changes) > 0 {
			k.fail("the broker was not told of %d changes", len(in.changes))
		}
		in.mu.Unlock()
	}
	return len(k.channels), errors.Join(k.errs...)
}

type check struct {
	hub      *Hub
	known    map[*Client]bool
	channels map[string]bool
	errs     []error
}

func (k *check) fail(format string, args ...any) {
	k.errs = append(k.errs, fmt.Errorf("hub: "+format, args...))
}

func (k *check) client(c *Client) {
	id := c.ID()
	if k.hub.Client(id) != c {
		k.fail("client %s is not found by its id", id)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		k.fail("client %s is gone, and indexed", id)
	}
	if c.admitted {
		k.channels[wire.ForClient(id)] = true
	}
	if c.own {
		k.channels[wire.ForRoom(id)] = true
	}
	if c.user != "" {
		k.channels[wire.ForUser(c.user)] = true
	}
	if rooms := c.roomsLocked(); !c.admitted && (c.own || c.user != "" || len(rooms) > 0) {
		k.fail("client %s is not admitted, and has a user, or rooms", id)
	}
	for _, r := range c.roomsLocked() {
		k.channels[wire.ForRoom(r.name)] = true
		if k.hub.room(r.name) != r {
			k.fail("client %s is in a room %q that nobody finds", id, r.name)
		}
	}
}

// users looks at the lists of clients by user.
func (k *check) users() {
	with := map[string]int{}
	for c := range k.known {
		if c.user != "" {
			with[c.user]++
		}
	}
	for i := range k.hub.users {
		s := &k.hub.users[i]
		s.mu.RLock()
		for id, head := range s.byID {
			if head == nil || head.prevOfUser != nil {
				k.fail("the list of user %q does not begin with its first", id)
			}
			n := 0
			for c := head; c != nil; c = c.nextOfUser {
				n++
				if !k.known[c] || c.user != id || c.nextOfUser != nil && c.nextOfUser.prevOfUser != c {
					k.fail("user %q has client %s, which knows nothing of it", id, c.ID())
				}
			}
			if n != with[id] || head != nil && n != int(head.ofUser) {
				k.fail("user %q has a list of %d clients, of %d", id, n, with[id])
			}
			delete(with, id)
		}
		s.mu.RUnlock()
	}
	for id, n := range with {
		k.fail("user %q has %d clients, and no list", id, n)
	}
}

// rooms looks at the members of rooms, also as the loops know them.
func (k *check) rooms() {
	for i := range k.hub.rooms {
		s := &k.hub.rooms[i]
		s.mu.RLock()
		for name, r := range s.byName {
			sum, loops := 0, map[*transport.Loop]bool{}
			for _, p := range r.parts {
				sum += p.members
				if loops[p.group.Loop()] {
					k.fail("room %q has two parts of one loop", name)
				}
				loops[p.group.Loop()] = true
				n := k.group(fmt.Sprintf("room %q", name), p.group, func(c *Client) bool { return c.inLocked(r) })
				if n != p.members {
					k.fail("room %q counts %d members of a loop, and has %d", name, p.members, n)
				}
			}
			if r.name != name || r.members != sum || sum == 0 {
				k.fail("room %q, known as %q, counts %d members, its parts %d", r.name, name, r.members, sum)
			}
			for c := range k.known {
				if c.inLocked(r) && !loops[c.Loop()] {
					k.fail("client %s is in room %q, whose parts do not have its loop", c.ID(), name)
				}
			}
		}
		s.mu.RUnlock()
	}
}

// group compares what a loop knows of a group with the clients that are to be
// in it, and returns how many these are.
func (k *check) group(what string, g *transport.Group, in func(*Client) bool) int {
	members := map[*transport.Conn]bool{}
	for _, m := range g.Members() {
		if members[m] {
			k.fail("%s has a member twice", what)
		}
		members[m] = true
	}
	n := 0
	for c := range k.known {
		if c.Loop() != g.Loop() || !in(c) {
			continue
		}
		n++
		if !members[&c.Conn] {
			k.fail("%s lacks client %s", what, c.ID())
		}
		delete(members, &c.Conn)
	}
	if len(members) > 0 {
		k.fail("%s has %d members that are not in it", what, len(members))
	}
	return n
}
