package transport

import "time"

type opKind uint8

const (
	opAdmitted opKind = iota // frames that Admit has counted
	opControl                // a frame outside all limits
	opGroup                  // a frame for all of a group
	opJoin
	opLeave
	opTransform
	opSeal
	opTransformed
	opTake  // serve a new connection
	opClose // asked for here
	opEnd   // found by the reader or the writer of a stream
	opIdle  // the writer of a stream has nothing left
	opResume
	opTick
	opCall
)

// Op is one operation on a loop. Make it with the functions below.
type Op struct {
	kind  opKind
	conn  *Conn
	group *Group
	frame *Frame
	arg   any // by kind: []*Frame, *Frame, []*Conn, Cause, *socket, time.Time, func()
}

// Admitted sends frames, which [Conn.Admit] has counted, to c.
func Admitted(c *Conn, f *Frame, more ...*Frame) Op {
	op := Op{kind: opAdmitted, conn: c, frame: f}
	if len(more) > 0 {
		op.arg = more
	}
	return op
}

// Control sends f to c, whatever limits say. Of such frames there is a bounded
// number for each client.
func Control(c *Conn, f *Frame) Op { return Op{kind: opControl, conn: c, frame: f} }

// ToGroup sends f to the members of g, but to none of skip.
func ToGroup(g *Group, f *Frame, skip []*Conn) Op {
	op := Op{kind: opGroup, group: g, frame: f}
	if len(skip) > 0 {
		op.arg = skip
	}
	return op
}

// Join makes c a member of g, which belongs to the same loop. Joining again
// changes nothing.
func Join(c *Conn, g *Group) Op { return Op{kind: opJoin, conn: c, group: g} }

// Leave ends c's membership in g.
func Leave(c *Conn, g *Group) Op { return Op{kind: opLeave, conn: c, group: g} }

// Transform lets everything that c is sent from here on go through
// Handler.Transform. It cannot be undone.
func Transform(c *Conn) Op { return Op{kind: opTransform, conn: c} }

// Seal lets everything that c is sent from here on go through Handler.Seal, as
// far as it has an event; what has none is not sent. It cannot be undone.
func Seal(c *Conn) Op { return Op{kind: opSeal, conn: c} }

// Transformed sends to instead of from, which Handler.Transform was given; nil
// sends nothing.
func Transformed(c *Conn, from, to *Frame) Op {
	return Op{kind: opTransformed, conn: c, frame: to, arg: from}
}

// Call runs f on the loop. f must not block.
func Call(f func()) Op { return Op{kind: opCall, arg: f} }

// executeCheck is how many operations, or members that one is for, are between
// two looks at the clock.
const executeCheck = 1024

// execute carries out what was drained, for about sliceTime, and returns how
// many operations that were.
func (l *Loop) execute() int {
	from := l.opsAt
	var start time.Time
	for work := 0; l.opsAt < len(l.ops); {
		if work >= executeCheck {
			work = 0
			now := time.Now()
			if start.IsZero() {
				start = now
			} else if now.Sub(start) > sliceTime {
				return l.opsAt - from
			}
		}
		work++
		if op := &l.ops[l.opsAt]; op.kind == opGroup {
			work += len(op.group.members)
		}
		l.opsAt += l.carryOut(l.ops[l.opsAt:])
	}
	done := l.opsAt - from
	if done > 0 {
		l.drained()
	}
	return done
}

// carryOut executes the first of ops, and those behind it that can be executed
// with it. It returns how many these are.
func (l *Loop) carryOut(ops []Op) int {
	op := &ops[0]
	switch op.kind {
	case opAdmitted:
		l.sendAdmitted(op)
	case opControl:
		l.sendControl(op.conn, op.frame)
	case opGroup:
		return l.sendGroup(ops)
	case opJoin:
		op.group.add(op.conn)
	case opLeave:
		op.group.remove(op.conn)
	case opSeal:
		op.conn.startSealing()
	case opTransform:
		op.conn.flags |= transformed
	case opTransformed:
		l.sendTransformed(op.conn, op.arg.(*Frame), op.frame)
	case opTake:
		l.take(op.conn, op.arg.(*socket))
	case opClose:
		l.startClose(op.conn, op.arg.(Cause))
	case opEnd:
		l.end(op.conn, op.arg.(Cause))
	case opIdle:
		l.writerIdle(op.conn)
	case opResume:
		l.resume(op.conn)
	case opTick:
		l.tick(op.arg.(time.Time))
	case opCall:
		op.arg.(func())()
	}
	return 1
}
