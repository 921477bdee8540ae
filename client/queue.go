package client

import "slices"

// Overflow is what happens to a message that finds the queue full.
type Overflow int

const (
	// DropNewest drops the message, and Send returns ErrDropped.
	DropNewest Overflow = iota
	// DropOldest drops the oldest to make room, which OnError tells.
	DropOldest
	// Block lets Send wait for room, but in a handler, where it would keep the
	// client from connecting: there Send returns ErrDropped.
	Block
)

// Queue bounds what waits while there is no connection.
type Queue struct {
	// Messages is how many may wait; negative: none. Default: 256.
	Messages int
	// Bytes is how large they may be together, as JSON. Default: 1 MiB.
	Bytes int
	// Overflow is what happens beyond that. Default: DropNewest.
	Overflow Overflow
}

func (q *Queue) complete() error {
	if q.Messages == 0 {
		q.Messages = 256
	}
	if q.Bytes == 0 {
		q.Bytes = 1 << 20
	}
	if q.Bytes < 0 {
		return usage("option Queue.Bytes is %d: must be more than 0", q.Bytes)
	}
	if q.Overflow < DropNewest || q.Overflow > Block {
		return usage("option Queue.Overflow is %d: must be DropNewest, DropOldest or Block", q.Overflow)
	}
	return nil
}

// queue is first in, first out, within the bounds of its Queue.
type queue struct {
	bounds  Queue
	waiting []Message
	bytes   int
}

func (q *queue) fits(size int) bool {
	return len(q.waiting) < q.bounds.Messages && q.bytes+size <= q.bounds.Bytes
}

// admits reports whether m would have a place in the empty queue.
func (q *queue) admits(m Message) bool {
	return q.bounds.Messages > 0 && len(m.Raw) <= q.bounds.Bytes
}

// push puts m at the end unless it does not fit. With DropOldest it makes room
// and returns what that has cost.
func (q *queue) push(m Message) (pushed bool, dropped []Message) {
	if q.bounds.Overflow == DropOldest && q.admits(m) {
		for !q.fits(len(m.Raw)) {
			dropped = append(dropped, q.take())
		}
	}
	if !q.fits(len(m.Raw)) {
		return false, dropped
	}
	q.waiting = append(q.waiting, m)
	q.bytes += len(m.Raw)
	return true, dropped
}

// putBack puts messages that were taken before to the front, and returns those
// for which there is no room any more: the oldest with DropOldest, otherwise
// the newest.
func (q *queue) putBack(front []Message) (dropped []Message) {
	all := slices.Concat(front, q.waiting)
	q.clear()
	if q.bounds.Overflow == DropOldest {
		for len(all) > 0 && !q.holds(all) {
			dropped, all = append(dropped, all[0]), all[1:]
		}
	}
	for _, m := range all {
		if pushed, _ := q.push(m); !pushed {
			dropped = append(dropped, m)
		}
	}
	return dropped
}

// holds reports whether all of them fit into the empty queue.
func (q *queue) holds(all []Message) bool {
	bytes := 0
	for _, m := range all {
		bytes += len(m.Raw)
	}
	return len(all) <= q.bounds.Messages && bytes <= q.bounds.Bytes
}

func (q *queue) take() Message {
	first := q.waiting[0]
	q.waiting[0] = Message{}
	q.waiting = q.waiting[1:]
	q.bytes -= len(first.Raw)
	return first
}

// clear empties the queue and returns what was in it.
func (q *queue) clear() []Message {
	all := q.waiting
	q.waiting, q.bytes = nil, 0
	return all
}
