package transport

import (
	"errors"
	"fmt"
)

// ConsistencyCheck reports what an engine's loops know that does not agree. It
// is for tests: nothing may be going on meanwhile. each, if not nil, is called
// on the loops with every connection that is open, and whether it is being
// closed.
func (e *Engine) ConsistencyCheck(each func(c *Conn, closing bool)) error {
	var all []error
	for _, l := range e.loops {
		l.onLoop(func() { all = append(all, l.check(each)...) })
	}
	return errors.Join(all...)
}

// onLoop runs f on the loop, and waits. Once the loop has been halted, nobody
// else is there.
func (l *Loop) onLoop(f func()) {
	l.mu.Lock()
	stopped := l.stopped
	l.mu.Unlock()
	if stopped {
		f()
		return
	}
	done := make(chan struct{})
	l.Post(Call(func() {
		defer close(done)
		f()
	}))
	<-done
}

func (l *Loop) check(each func(c *Conn, closing bool)) []error {
	var all []error
	fail := func(format string, args ...any) {
		all = append(all, fmt.Errorf("loop %d: "+format, append([]any{l.index}, args...)...))
	}
	free := make(map[int32]bool, len(l.free))
	for _, slot := range l.free {
		if free[slot] || l.conns[slot] != nil {
			fail("slot %d is free twice, or taken", slot)
		}
		free[slot] = true
	}
	open, queued := int64(0), int64(0)
	for i, c := range l.conns {
		if c == nil {
			if !free[int32(i)] {
				fail("slot %d is lost", i)
			}
			continue
		}
		open++
		queued += c.queued.Load()
		for _, err := range c.check(int32(i)) {
			fail("slot %d: %w", i, err)
		}
		if each != nil {
			each(c, c.flags&closing != 0)
		}
	}
	if n := l.count.Load(); n != open+int64(len(l.dead)) {
		fail("counts %d connections, and has %d, of which %d are dead", n, open+int64(len(l.dead)), len(l.dead))
	}
	if n := l.queued.Load(); n != queued {
		fail("counts %d bytes queued, its connections %d", n, queued)
	}
	return all
}

// check runs on the loop.
func (c *Conn) check(slot int32) []error {
	var all []error
	fail := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	if c.slot != slot || c.flags&open == 0 {
		fail("its connection believes to be in slot %d, with flags %b", c.slot, c.flags)
	}
	places := 0
	visit := func(g *Group, index int32) {
		places++
		if g.loop != c.loop || int(index) >= len(g.members) || g.members[index] != c {
			fail("it is not where it believes to be in a group")
		}
		for i, m := range g.members {
			if m.flags&open == 0 || m.indexIn(g) != int32(i) {
				fail("a group has a member that does not know of it")
			}
		}
	}
	for _, p := range c.inline {
		if p.group != nil {
			visit(p.group, p.index)
		}
	}
	for g, index := range c.more {
		visit(g, index)
	}
	if c.flags&closing != 0 && places > 0 {
		fail("it is being closed, and is in %d groups", places)
	}
	if held, exact := c.held(); c.queued.Load() < held || exact && c.queued.Load() != held {
		fail("it counts %d bytes queued, and holds %d", c.queued.Load(), held)
	}
	return all
}

// held is the number of bytes that are seen to be queued. It is not exact while
// a writer is at work, or frames are with Handler.Transform.
func (c *Conn) held() (n int64, exact bool) {
	for _, f := range c.out {
		n += f.Len()
	}
	exact = c.flags&sealed == 0
	if s := c.stream; s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, f := range s.frames {
			n += f.Len()
		}
		exact = exact && !s.writing
	}
	return n, exact
}
