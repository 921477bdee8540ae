package bench

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hearthws/hearth/internal/frame"
)

var (
	epoch      = time.Now()
	epochNanos = epoch.UnixNano()
)

// now is the time in nanoseconds since 1970, by a clock that is never set.
func now() int64 { return epochNanos + int64(time.Since(epoch)) }

// never is later than everything.
const never = math.MaxInt64

// schedule is an open loop: operation n is meant for start + n × interval,
// however long those before it take. What is late counts as late.
type schedule struct {
	start    int64
	interval float64             // nanoseconds
	do       func(at int64) bool // false: that was the last one

	n    int64
	over atomic.Bool
}

func newSchedule(rate float64, do func(at int64) bool) *schedule {
	return &schedule{start: now(), interval: float64(time.Second) / rate, do: do}
}

// due is when the next operation is meant to be.
func (s *schedule) due() int64 {
	if s.over.Load() {
		return never
	}
	return s.start + int64(float64(s.n)*s.interval)
}

// fire does all that is due.
func (s *schedule) fire(at int64) {
	for due := s.due(); due <= at; due = s.due() {
		s.n++
		if !s.do(due) {
			s.over.Store(true)
		}
	}
}

// publishing is what goes out to rooms, in turn.
type publishing struct {
	run        *run
	publishers []*conn
	messages   []halves // by room
	receivers  []int64  // by room: whom a message reaches
	window     int64    // deliveries that may be outstanding after a publish; 0: open loop
	share      int64    // of them that a message has
	limit      int64    // messages; 0: none

	running  atomic.Bool
	expected atomic.Int64 // deliveries

	mu sync.Mutex
	// Guarded by mu.
	total int64
	sent  []uint32 // by stream
	body  []byte
	frame []byte
}

// wants reports whether one more message may be in flight.
func (p *publishing) wants() bool {
	return p.running.Load() && p.window > 0 && p.expected.Load()-p.run.delivered()+p.share <= p.window
}

// advance publishes what a closed loop allows. Any number of workers may call
// it: one does the work, and looks again before it leaves.
func (p *publishing) advance() {
	for p.wants() && p.mu.TryLock() {
		for p.wants() {
			p.next(now())
		}
		p.mu.Unlock()
	}
}

// at publishes the message that was meant for then.
func (p *publishing) at(then int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running.Load() {
		p.next(then)
	}
	return p.running.Load()
}

// next publishes into the rooms in turn. A room has a publisher of its own, so
// that there is an order to be kept; several publishers of one room have a
// stream each.
func (p *publishing) next(then int64) {
	k := int(p.total)
	room, publisher := k%len(p.messages), k%len(p.publishers)
	stream := publisher
	if len(p.messages) > 1 {
		publisher, stream = room%len(p.publishers), room
	}
	p.total++
	if p.total == p.limit {
		p.running.Store(false)
	}
	p.expected.Add(p.receivers[room])
	p.publish(p.publishers[publisher], room, stamp{uint32(stream), p.sent[stream], then})
	p.sent[stream]++
}

// publish sends one; the caller holds mu.
func (p *publishing) publish(from *conn, room int, s stamp) {
	m := p.messages[room]
	p.body = append(p.body[:0], m[0]...)
	p.body = p.run.bodies.append(p.body, s)
	p.body = append(p.body, m[1]...)
	p.frame = frame.AppendMasked(p.frame[:0], frame.Text, true, false, p.body, maskKey)
	from.link.send(p.frame)
}

// probe publishes a message that only tells its receivers that they are in the
// room.
func (p *publishing) probe(room int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.publish(p.publishers[room%len(p.publishers)], room, stamp{probeStream, 0, now()})
}

// probeStream is no stream: its messages are not counted.
const probeStream = math.MaxUint32

// complete reports whether all that was published has arrived.
func (p *publishing) complete() bool { return p.run.delivered() >= p.expected.Load() }

// published is how many messages went out, in all.
func (p *publishing) published() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total
}
