package transport

import "slices"

// queuePool lends slices for the queues of connections that have something
// queued.
type queuePool struct {
	free   [][]*Frame
	unused int // how many of free were never needed since the last trim
}

// What the pool keeps: slices of one capacity, at most so many.
const (
	queueCap  = 8
	queuesMax = 1 << 14
)

func (p *queuePool) get() []*Frame {
	if n := len(p.free); n > 0 {
		q := p.free[n-1]
		p.free = p.free[:n-1]
		p.unused = min(p.unused, n-1)
		return q
	}
	return make([]*Frame, 0, queueCap)
}

func (p *queuePool) put(q []*Frame) {
	if cap(q) > 8*queueCap || len(p.free) >= queuesMax {
		return
	}
	clear(q)
	p.free = append(p.free, q[:0])
}

// trim gives half of what was not needed back to the garbage collector.
func (p *queuePool) trim() {
	n := len(p.free) - p.unused/2
	clear(p.free[n:])
	p.free = p.free[:n]
	p.unused = n
}

// takes reports whether c may still be sent something.
func (c *Conn) takes() bool { return c.flags&(open|closing) == open }

// enqueue appends frames that are counted in c.queued already.
func (l *Loop) enqueue(c *Conn, frames ...*Frame) {
	if c.out == nil {
		c.out = l.queues.get()
	}
	c.out = append(c.out, frames...)
}

// uncount takes back what Admit has counted.
func (l *Loop) uncount(c *Conn, n int64) {
	c.queued.Add(-n)
	l.queued.Add(-n)
}

// drop takes back what is counted for an operation that is not carried out.
func (l *Loop) drop(op *Op) {
	switch op.kind {
	case opAdmitted:
		l.uncount(op.conn, op.frame.Len())
		more, _ := op.arg.([]*Frame)
		for _, f := range more {
			l.uncount(op.conn, f.Len())
		}
	case opTransformed:
		l.uncount(op.conn, op.arg.(*Frame).Len())
	}
}

func (l *Loop) sendAdmitted(op *Op) {
	c := op.conn
	if !c.takes() {
		l.drop(op)
		return
	}
	more, _ := op.arg.([]*Frame)
	if c.flags&sealed != 0 && !op.frame.Message {
		l.uncount(c, op.frame.Len())
		return
	}
	if c.flags&transformed != 0 {
		c.handler.Transform(op.frame)
		for _, f := range more {
			c.handler.Transform(f)
		}
		return
	}
	l.enqueue(c, op.frame)
	if more != nil {
		l.enqueue(c, more...)
	}
	l.markDirect(c)
}

// sendTransformed queues what Handler.Transform has made of a frame, in whose
// place it counts from now on.
func (l *Loop) sendTransformed(c *Conn, from, to *Frame) {
	l.uncount(c, from.Len())
	if to == nil {
		return
	}
	l.sendControl(c, to)
}

// sendControl queues a frame that no limit refuses: pings, pongs, close frames
// and what has passed the limit under another form. Their number is bounded by
// their callers.
func (l *Loop) sendControl(c *Conn, f *Frame) {
	if !c.takes() {
		return
	}
	c.queued.Add(f.Len())
	l.queued.Add(f.Len())
	l.enqueue(c, f)
	l.markDirect(c)
}

// sendGroup queues the frames of the first operations of ops that all go to
// the same group, and returns how many these are. All at once costs one pass
// over the members.
func (l *Loop) sendGroup(ops []Op) int {
	g := ops[0].group
	if ops[0].arg != nil {
		l.fanOut(g, []*Frame{ops[0].frame}, ops[0].arg.([]*Conn))
		return 1
	}
	frames, size := l.joining[:0], int64(0)
	for i, op := range ops {
		if i > 0 && (op.kind != opGroup || op.group != g || op.arg != nil || size+op.frame.Len() > batchSize) {
			break
		}
		frames = append(frames, op.frame)
		size += op.frame.Len()
	}
	n := len(frames)
	l.fanOut(g, frames, nil)
	clear(frames)
	l.joining = frames[:0]
	return n
}

// fanOut queues frames for the members of g, joined to one for all but those
// to whom each of them matters.
func (l *Loop) fanOut(g *Group, frames []*Frame, skip []*Conn) {
	f, slow := frames[0], transformed
	if len(frames) > 1 {
		f = join(frames)
	}
	if !f.Message {
		slow |= sealed
	}
	limit := l.engine.cfg.BackpressureLimit
	size := f.Len()
	last := size - frames[len(frames)-1].Len() // the last is accepted while the others leave room
	var added int64
	for _, c := range g.members {
		if len(skip) > 0 && slices.Contains(skip, c) || !c.takes() {
			continue
		}
		if c.flags&slow != 0 || c.queued.Load()+last >= limit || c.shed.Load() {
			l.fanOutSlow(c, frames)
			continue
		}
		c.queued.Add(size)
		added += size
		if c.out == nil {
			c.out = l.queues.get()
		}
		c.out = append(c.out, f)
		l.markBulk(c)
	}
	l.queued.Add(added)
	l.checkGrowth(added)
}

// fanOutSlow queues frame by frame, as far as the limit allows.
func (l *Loop) fanOutSlow(c *Conn, frames []*Frame) {
	for _, f := range frames {
		if c.flags&sealed != 0 && !f.Message {
			continue
		}
		if why := c.full(c.queued.Load()); why != nil {
			why.Add(1)
			c.handler.Dropped()
			continue
		}
		c.queued.Add(f.Len())
		l.queued.Add(f.Len())
		if c.flags&transformed != 0 {
			c.handler.Transform(f)
			continue
		}
		l.enqueue(c, f)
		l.markBulk(c)
	}
}

func (l *Loop) markDirect(c *Conn) {
	if c.flags&(dirty|blocked) == 0 {
		c.flags |= dirty
		l.direct = append(l.direct, c)
	}
}

func (l *Loop) markBulk(c *Conn) {
	if c.flags&(dirty|dirtyBulk|blocked) == 0 {
		c.flags |= dirtyBulk
		l.bulk = append(l.bulk, c)
	}
}

// emptied is called when everything queued has been handed over.
func (l *Loop) emptied(c *Conn) {
	if c.out != nil {
		l.queues.put(c.out)
		c.out = nil
	}
	c.shed.Store(false)
	if c.flags&congested != 0 {
		c.flags &^= congested
		if c.flags&reported == 0 {
			c.handler.Congested(false)
		}
	}
	if c.flags&(closing|shut) == closing {
		l.shutWrite(c)
	}
}

// congest reports that c takes no more for now.
func (l *Loop) congest(c *Conn) {
	if c.flags&(congested|reported) == 0 {
		c.flags |= congested
		c.handler.Congested(true)
	}
}
