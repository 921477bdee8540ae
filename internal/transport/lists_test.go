package transport

import "testing"

// Whoever has nothing queued is sent something, whatever its queue was before.
func TestEmptyQueueIsNotLong(t *testing.T) {
	c := &Conn{loop: &Loop{engine: &Engine{cfg: Config{BackpressureLimit: 100}}}}
	c.shed.Store(true)
	if c.full(1) == nil {
		t.Error("a queue that was found too long is not")
	}
	if c.full(0) != nil {
		t.Error("an empty queue is too long")
	}
}

// The list of connections with messages of groups stays as long as what is on it,
// also while messages come faster than all members get them, so that its end is
// never reached.
func TestListOfGroupsStaysShort(t *testing.T) {
	const marked = 1 << 22 // more than is flushed in a turn
	l, c := &Loop{}, &Conn{}
	for turn := range 50 {
		for left := len(l.bulk) - l.bulkAt; left < marked; left++ {
			l.bulk = append(l.bulk, c)
		}
		if len(l.bulk) > 2*marked+1 {
			t.Fatalf("after %d turns %d are on the list, of which %d have been flushed", turn, len(l.bulk), l.bulkAt)
		}
		l.flushAll()
		if l.bulkAt == len(l.bulk) {
			t.Fatal("all were flushed in one turn: mark more")
		}
	}
}
