package bench

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/hearthws/hearth/internal/frame"
)

// worker owns connections: it takes what they receive, one after the other.
type worker struct {
	run    *run
	poller *poller

	total atomic.Int64 // messages delivered as they should be

	mu sync.Mutex
	// Guarded by mu.
	now    int64 // when what is being taken was received
	reader *frame.Reader
	spare  *frame.Reader
	recent [recentFrames]known
	found  int   // stamped messages in the frame that is being read
	last   stamp // the last of them
	count  int64 // of total, and not yet in it
	fresh  bool  // total has grown since publishers were told
	from   int64 // what was meant to be from then on
	until  int64 // and before this is recorded
	hist   *hdrhistogram.Histogram
	faults Faults
	conns  map[*conn]struct{} // that are not gone
}

// known is a frame that has been received and checked.
type known struct {
	stamp
	frame []byte
}

// recentFrames is how many frames a worker knows: a power of 2, and more than
// are in flight.
const recentFrames = 1 << 10

func newWorker(r *run) (*worker, error) {
	w := &worker{run: r, reader: &frame.Reader{}, hist: newHistogram(), conns: map[*conn]struct{}{}}
	var err error
	w.poller, err = newPoller(w)
	return w, err
}

// newHistogram has three digits, from 1 µs to a minute.
func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(int64(time.Microsecond), int64(time.Minute), 3)
}

func (w *worker) known(stream, seq uint32) *known {
	return &w.recent[(stream*37+seq)%recentFrames]
}

// learn keeps a frame that held just the last message.
func (w *worker) learn(raw []byte) {
	k := w.known(w.last.stream, w.last.seq)
	k.stamp, k.frame = w.last, append(k.frame[:0], raw...)
}

func (w *worker) spareReader() *frame.Reader {
	if r := w.spare; r != nil {
		w.spare = nil
		return r
	}
	return &frame.Reader{}
}

// delivered counts a message that was the right one.
func (w *worker) delivered(c *conn, s stamp) {
	w.found++
	if c.first == nil {
		w.count++
	}
	w.last = s
	if !w.run.timesConnects {
		w.record(s.at)
	}
	if w.run.onDelivery != nil {
		w.run.onDelivery(c)
	}
}

// record adds the latency of what was meant for then. That decides whether it
// counts, and not when it comes: what the end of the measured time finds on its
// way has waited longest.
func (w *worker) record(then int64) {
	if w.from <= then && then < w.until {
		_ = w.hist.RecordValue(min(max(w.now-then, 1), int64(time.Minute))) // is in range
	}
}

// turn takes what one connection has received.
func (w *worker) turn(c *conn, b []byte, at int64) {
	w.now = at
	c.feed(b)
}

// settle ends a series of turns. Who is never idle counts, too.
func (w *worker) settle() {
	if w.count > 0 {
		w.total.Add(w.count)
		w.count, w.fresh = 0, true
	}
}

// rest is for when nothing more is there to be taken: publishers may go on.
func (w *worker) rest() {
	if w.fresh {
		w.fresh = false
		w.run.advance()
	}
}

// adopt makes a connection the worker's.
func (w *worker) adopt(c *conn, raw net.Conn) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	l, err := w.poller.take(c, raw)
	if err != nil {
		raw.Close()
		return err
	}
	if l == nil {
		l = newStream(c, raw)
	}
	c.link = l
	w.conns[c] = struct{}{}
	return nil
}

// drop ends a connection that is not needed any more.
func (w *worker) drop(c *conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.end(c)
}

func (w *worker) closeAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		w.end(c)
	}
}

// end closes the socket of c; the caller holds mu.
func (w *worker) end(c *conn) {
	if c.state == gone {
		return
	}
	c.state, c.reader, c.head = gone, nil, nil
	delete(w.conns, c)
	c.link.send(farewell)
	c.link.close()
}

// farewell is a close frame with code 1000.
var farewell = frame.AppendMasked(nil, frame.Close, true, false, []byte{0x03, 0xe8}, maskKey)

// setRecorded says what counts, by when it was meant to be.
func (w *worker) setRecorded(from, until int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.from, w.until = from, until
}
