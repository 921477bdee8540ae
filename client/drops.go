package client

import "fmt"

// drops are messages that were dropped, and OnError has not been told of. While
// a handler takes its time there may be any number of them: so many as a queue
// has are kept, and the rest counted.
type drops struct {
	messages int
	bytes    int
	more     int // dropped since, and only counted
}

// fits reports whether a message of so many bytes is to be kept: at least what
// queue and socket may have at once, so that Close tells of each.
func (d *drops) fits(size int, q Queue) bool {
	return d.messages == 0 || d.messages < max(q.Messages, 0)+256 && d.bytes+size <= q.Bytes+2*unsent
}

// dropLocked has it told that messages were dropped.
func (c *Client) dropLocked(messages []Message) {
	for _, m := range messages {
		switch d, size := &c.drops, len(m.Raw); {
		case d.more > 0:
			d.more++
		case d.fits(size, c.opts.Queue):
			d.messages++
			d.bytes += size
			c.calls.put(func() { c.tellDrop(m) })
		default:
			d.more = 1
			c.calls.put(c.tellMoreDrops)
		}
	}
}

func (c *Client) tellDrop(m Message) {
	c.mu.Lock()
	c.drops.messages--
	c.drops.bytes -= len(m.Raw)
	c.mu.Unlock()
	of(&c.handlers, &c.handlers.errors).call(dropped(m))
}

// tellMoreDrops tells what has only been counted until now.
func (c *Client) tellMoreDrops() {
	c.mu.Lock()
	n := c.drops.more
	c.drops.more = 0
	c.mu.Unlock()
	of(&c.handlers, &c.handlers.errors).call(&Error{
		Code: ErrDropped, Dropped: n,
		Text: fmt.Sprintf("%d more messages were dropped while handlers were busy, see Options.Queue", n),
	})
}
