package transport

import "sync"

// Group is a set of connections of one loop that get the same frames: the
// loop's part of a room.
type Group struct {
	loop *Loop

	// Changed by the loop under mu, read by the loop without it.
	mu      sync.Mutex
	members []*Conn
}

// place is where a connection stands in a group.
type place struct {
	group *Group
	index int32
}

// NewGroup makes an empty group on l.
func NewGroup(l *Loop) *Group { return &Group{loop: l} }

// Loop is the loop whose connections are in g.
func (g *Group) Loop() *Loop { return g.loop }

// Members is a snapshot. Joins and leaves that were posted but not executed
// yet are not in it.
func (g *Group) Members() []*Conn {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]*Conn(nil), g.members...)
}

// add runs on the loop.
func (g *Group) add(c *Conn) {
	if c.flags&open == 0 || c.flags&(closing|reported) != 0 || c.indexIn(g) >= 0 {
		return
	}
	g.mu.Lock()
	g.members = append(g.members, c)
	g.mu.Unlock()
	c.setIndex(g, int32(len(g.members)-1))
}

// remove runs on the loop. The last member takes the place of c.
func (g *Group) remove(c *Conn) {
	i := c.indexIn(g)
	if i < 0 {
		return
	}
	c.clearIndex(g)
	last := len(g.members) - 1
	moved := g.members[last]
	g.mu.Lock()
	g.members[i] = moved
	g.members[last] = nil
	g.members = g.members[:last]
	if cap(g.members) > 64 && last < cap(g.members)/4 {
		g.members = append(make([]*Conn, 0, cap(g.members)/2), g.members...)
	}
	g.mu.Unlock()
	if moved != c {
		moved.setIndex(g, i)
	}
}

// leaveAll ends all memberships of c; on the loop.
func (c *Conn) leaveAll() {
	for _, p := range c.inline {
		if p.group != nil {
			p.group.remove(c)
		}
	}
	for g := range c.more {
		g.remove(c)
	}
	c.more = nil
}

// indexIn is the place of c in g, or -1.
func (c *Conn) indexIn(g *Group) int32 {
	for i := range c.inline {
		if c.inline[i].group == g {
			return c.inline[i].index
		}
	}
	if i, ok := c.more[g]; ok {
		return i
	}
	return -1
}

func (c *Conn) setIndex(g *Group, index int32) {
	free := -1
	for i := range c.inline {
		switch c.inline[i].group {
		case g:
			c.inline[i].index = index
			return
		case nil:
			free = i
		}
	}
	if _, ok := c.more[g]; !ok && free >= 0 {
		c.inline[free] = place{g, index}
		return
	}
	if c.more == nil {
		c.more = make(map[*Group]int32)
	}
	c.more[g] = index
}

func (c *Conn) clearIndex(g *Group) {
	for i := range c.inline {
		if c.inline[i].group == g {
			c.inline[i] = place{}
			return
		}
	}
	delete(c.more, g)
}
