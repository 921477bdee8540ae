package ledger

import (
	"math"
	"slices"
	"sync"
	"time"
)

// Client logs the life of one client. It may have several connections, one
// after the other; each counts for itself.
type Client struct {
	ledger *Ledger
	name   string

	mu struct {
		sync.Mutex
		node    string // "" while it is not connected
		rooms   map[string]*membership
		senders map[string]*sender
		past    shortfall
	}
}

// never is a tick that does not come.
const never = math.MaxInt64

// membership is a client's stay in one room.
type membership struct {
	asked   int64 // tick of Joining
	joined  int64 // tick of Joined, or never
	leaving int64 // tick of Leaving, or never
	cursors map[*sender]*cursor
}

// sender is what a connection knows of one publisher.
type sender struct {
	publisher *Publisher
	last      uint64 // the highest n received
}

// cursor is how far a membership has come in a stream.
type cursor struct {
	stream *stream
	first  int // index of the first entry that may be received
	next   int // index of the entry expected next
}

// shortfall is what a client has not received.
type shortfall struct {
	missing []miss
	told    int64 // entries whose publisher was told, not kept
}

// miss is an entry that was passed over.
type miss struct {
	entry  *entry
	stream *stream
	node   string
	joined int64
	before int64 // tick before which it must have been accepted to be due
}

// Connected logs that the client is connected to node.
func (c *Client) Connected(node string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLocked(c.ledger.tick())
	c.mu.node = node
	c.mu.rooms = map[string]*membership{}
	c.mu.senders = map[string]*sender{}
}

// Joining logs that the client is about to ask for a room: from now on its
// messages may arrive.
func (c *Client) Joining(room string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.rooms == nil || c.mu.rooms[room] != nil {
		return
	}
	c.mu.rooms[room] = &membership{asked: c.ledger.tick(), joined: never, leaving: never, cursors: map[*sender]*cursor{}}
}

// Joined logs that the client is in a room: from now on every message must
// arrive. Without a call of Joining, it has been asked for now.
func (c *Client) Joined(room string) {
	c.Joining(room)
	c.mu.Lock()
	defer c.mu.Unlock()
	if m := c.mu.rooms[room]; m != nil && m.joined == never {
		m.joined = c.ledger.tick()
	}
}

// Leaving logs that the client is about to leave a room: messages may still
// arrive, but need not.
func (c *Client) Leaving(room string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m := c.mu.rooms[room]; m != nil && m.leaving == never {
		m.leaving = c.ledger.tick()
	}
}

// Left logs that the client is out of a room: nothing may arrive any more.
func (c *Client) Left(room string) {
	c.Leaving(room)
	c.mu.Lock()
	defer c.mu.Unlock()
	if m := c.mu.rooms[room]; m != nil {
		c.settleLocked(&c.mu.past, room, m, m.leaving)
		delete(c.mu.rooms, room)
	}
}

// Disconnecting logs that the connection is about to end: messages may still
// arrive, but need not.
func (c *Client) Disconnecting() { c.DisconnectedSince(time.Time{}) }

// DisconnectedSince logs that the connection has been of no use since t, or
// since now if t is zero: what was published after that need not arrive.
func (c *Client) DisconnectedSince(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	since := c.ledger.tick()
	if !t.IsZero() {
		since = c.ledger.at(t)
	}
	for _, m := range c.mu.rooms {
		m.leaving = min(m.leaving, since)
	}
}

// Disconnected logs that the connection has ended: nothing arrives any more.
func (c *Client) Disconnected() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLocked(c.ledger.tick())
}

func (c *Client) endLocked(now int64) {
	for room, m := range c.mu.rooms {
		c.settleLocked(&c.mu.past, room, m, min(m.leaving, now))
	}
	c.mu.node, c.mu.rooms, c.mu.senders = "", nil, nil
}

// settleLocked adds to f what the membership m has not received, and should
// have if it was accepted before a tick, less the time it may be on its way.
func (c *Client) settleLocked(f *shortfall, room string, m *membership, before int64) {
	if before != never {
		before -= int64(c.ledger.opts.InFlight)
	}
	for _, p := range c.ledger.publishers() {
		s := p.stream(room)
		if s == nil {
			continue
		}
		next := s.after(m.joined)
		if cur := m.cursors[c.mu.senders[p.name]]; cur != nil {
			next = cur.next
		}
		c.noteLocked(f, m, s, next, s.length(), before)
	}
}

// noteLocked adds the entries from one index to another, which were passed
// over.
func (c *Client) noteLocked(f *shortfall, m *membership, s *stream, from, to int, before int64) {
	for i := from; i < to; i++ {
		e := s.get(i)
		switch {
		case e == nil || e.start <= m.joined || slices.Contains(e.except, c.name):
		case e.end.Load() == endLost:
			f.told++
		default:
			f.missing = append(f.missing, miss{e, s, c.mu.node, m.joined, before})
		}
	}
}

// due is what the client has not received, if nothing is on its way any more.
func (c *Client) due() shortfall {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.mu.past
	f.missing = slices.Clone(f.missing)
	for room, m := range c.mu.rooms {
		c.settleLocked(&f, room, m, m.leaving)
	}
	return f
}

// Receive logs that the client has received publication n of a publisher to
// room.
func (c *Client) Receive(publisher, room string, n uint64) {
	c.ledger.delivered.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if kind, why := c.receiveLocked(publisher, room, n); kind != "" {
		c.ledger.violations.add(Violation{
			Kind: kind, Client: c.name, Node: c.mu.node, Publisher: publisher, Room: room, N: n, Why: why,
		})
	}
}

// receiveLocked returns what is wrong with a delivery, if anything is.
func (c *Client) receiveLocked(publisher, room string, n uint64) (Kind, string) {
	m := c.mu.rooms[room]
	if m == nil {
		return Foreign, "the client is not in the room"
	}
	snd := c.senderLocked(publisher)
	if snd == nil {
		return Foreign, "there is no such publisher"
	}
	cur := c.cursorLocked(m, snd, room)
	if cur == nil {
		return Foreign, "the publisher has not published to the room"
	}
	index := cur.next
	e := cur.stream.get(index)
	if e == nil || e.n != n {
		if index, e = cur.stream.find(n); e == nil {
			return Foreign, "it was not published to the room"
		}
	}
	switch {
	case slices.Contains(e.except, c.name):
		return Foreign, "the client was excepted"
	case index < cur.first:
		// Older than the request for the room: it must still have been on its way.
		if end := e.end.Load(); end > 0 && end < m.asked-int64(c.ledger.opts.InFlight) {
			return Foreign, "it was accepted before the client asked for the room"
		}
	case index < cur.next:
		if c.takeMissLocked(e) {
			return Disorder, ""
		}
		return Duplicate, ""
	default:
		// Whoever receives a message was there for those before it.
		c.noteLocked(&c.mu.past, m, cur.stream, cur.next, index, never)
		cur.next = index + 1
	}
	switch {
	case n > snd.last:
		snd.last = n
	case n == snd.last:
		return Duplicate, ""
	case !c.ledger.opts.OrderPerRoom:
		return Disorder, ""
	}
	return "", ""
}

// senderLocked is nil when there is no such publisher.
func (c *Client) senderLocked(publisher string) *sender {
	snd := c.mu.senders[publisher]
	if snd == nil {
		p := c.ledger.publisher(publisher)
		if p == nil {
			return nil
		}
		snd = &sender{publisher: p}
		c.mu.senders[publisher] = snd
	}
	return snd
}

// cursorLocked is nil when the publisher has published nothing to the room.
func (c *Client) cursorLocked(m *membership, snd *sender, room string) *cursor {
	cur := m.cursors[snd]
	if cur == nil {
		s := snd.publisher.stream(room)
		if s == nil {
			return nil
		}
		first := s.after(m.asked - int64(c.ledger.opts.InFlight))
		cur = &cursor{stream: s, first: first, next: first}
		m.cursors[snd] = cur
	}
	return cur
}

// takeMissLocked removes an entry that was passed over and reports whether it
// was one.
func (c *Client) takeMissLocked(e *entry) bool {
	before := len(c.mu.past.missing)
	c.mu.past.missing = slices.DeleteFunc(c.mu.past.missing, func(m miss) bool { return m.entry == e && m.before == never })
	return len(c.mu.past.missing) < before
}

// retain lowers the indexes of keep to what the client may still need.
func (c *Client) retain(keep map[*stream]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for s, index := range keep {
		m := c.mu.rooms[s.room]
		if m == nil {
			continue
		}
		if cur := m.cursors[c.mu.senders[s.publisher.name]]; cur != nil {
			keep[s] = min(index, cur.next)
		} else {
			keep[s] = min(index, s.after(m.asked-int64(c.ledger.opts.InFlight)))
		}
	}
}
