package transport

import (
	"sync/atomic"
	"time"

	"github.com/hearthws/hearth/internal/frame"
)

// Handler is told what happens to a connection. Its methods are called one
// after the other, by the loop or by the connection's reader, and must not
// block.
type Handler interface {
	// Message is one whole message. payload is valid during the call only.
	// It returns true to stop reading until [Conn.Resume].
	Message(op frame.Opcode, payload []byte) (pause bool)

	// Control is one ping or pong, a ping after it was answered. The result is
	// that of Message.
	Control() (pause bool)

	// Congested tells that the socket does not take more (true), and that
	// everything queued was handed over again (false).
	Congested(on bool)

	// Dropped tells that a frame of a group was not queued, as the
	// connection or the engine was at its limit. May be called concurrently
	// with Message.
	Dropped()

	// Transform gets a frame instead of the queue, once [Transform] has been
	// executed. Its bytes stay counted as queued until [Transformed] is posted
	// for it. Called by the loop; may be called concurrently with Message.
	Transform(f *Frame)

	// Seal appends to dst what is sent instead of payload, once [Seal] has
	// been executed. It is called by the loop, once for each frame, in the
	// order in which these are written; may be called concurrently with
	// Message.
	Seal(dst, payload []byte) []byte

	// Closed is the last call: nothing is received or sent any more. It is
	// called for every connection that was served. May be called
	// concurrently with a running Message of a stream connection.
	Closed(Cause)
}

// Cause says how a connection ended.
type Cause struct {
	Code   int // RFC 6455 section 7.1.5
	Reason string
	Err    error
}

// Codes that never stand in a close frame, RFC 6455 section 7.4.1.
const (
	codeNone     = 1005
	codeAbnormal = 1006
)

// Conn is one connection. It is made to be embedded; its methods may be called
// concurrently.
type Conn struct {
	// Static after Serve.
	loop       *Loop
	handler    Handler
	stream     *stream // nil: the loop reads and writes the socket itself
	windowBits uint8   // of permessage-deflate; 0: off

	// Owned by the loop.
	flags  flags
	slot   int32
	gen    uint32 // of the slot
	fd     int32
	off    int32    // bytes of out[0] that were written
	out    []*Frame // queued, the oldest first
	input  *input   // while a message is incomplete or reading is paused
	inline [3]place // memberships
	more   map[*Group]int32

	// Atomics.
	lastRead atomic.Int64 // Engine.sinceBegan
	queued   atomic.Int64 // bytes in out, and on their way there
	shed     atomic.Bool  // counts as over its limit, see Config.MaxQueuedBytes
	trusted  atomic.Bool  // see Trust
}

type flags uint16

const (
	open        flags = 1 << iota
	dirty             // on the loop's list of connections to flush first
	dirtyBulk         // on the list of those that only have frames of groups
	blocked           // the socket takes no more; waits for EPOLLOUT, or the writer is at work
	congested         // Handler.Congested(true) was called
	pinged            // since the last byte was received
	paused            // not read, on the handler's wish
	closing           // the last frame is queued; input is discarded
	shut              // the last frame was written
	reported          // Handler.Closed was called
	transformed       // frames go through Handler.Transform
	sealed            // frames go through Handler.Seal
	resting           // not registered with epoll
)

// Init prepares c, which must be zero, and chooses its loop.
func (c *Conn) Init(l *Loop, h Handler) { c.loop, c.handler = l, h }

// Loop is the loop that owns c.
func (c *Conn) Loop() *Loop { return c.loop }

// Handler is what Init was given.
func (c *Conn) Handler() Handler { return c.handler }

// OnEpoll reports whether the loop serves the socket itself.
func (c *Conn) OnEpoll() bool { return c.stream == nil }

// Queued is the number of bytes queued.
func (c *Conn) Queued() int64 { return c.queued.Load() }

// Trust lets Config.Frame bound the messages that begin to arrive from now on,
// instead of Config.EarlyFrame.
func (c *Conn) Trust() { c.trusted.Store(true) }

// frameConfig bounds the next message.
func (c *Conn) frameConfig() *frame.Config {
	if cfg := &c.loop.engine.cfg; cfg.EarlyFrame == nil || c.trusted.Load() {
		return &cfg.Frame
	}
	return c.loop.engine.cfg.EarlyFrame
}

// Admission is what became of a frame when it was queued.
type Admission int

// The admissions.
const (
	Refused Admission = iota // the queue is at its limit
	First                    // nothing was queued before it
	Behind                   // there are others before it
)

// Admit counts n bytes as queued unless the connection or the engine is at its
// limit. What was admitted must be posted with [Admitted].
func (c *Conn) Admit(n int64) Admission {
	before := c.queued.Add(n) - n
	if why := c.full(before); why != nil {
		c.queued.Add(-n)
		why.Add(1)
		return Refused
	}
	c.loop.queued.Add(n)
	if before == 0 {
		return First
	}
	return Behind
}

// full is the counter of the limit that c, with that many bytes queued, is at;
// nil: at none.
func (c *Conn) full(queued int64) *atomic.Int64 {
	switch {
	case queued >= c.loop.engine.cfg.BackpressureLimit:
		return &c.loop.drops.slow
	case queued > 0 && c.shed.Load(): // an empty queue is not long, whatever it was
		return &c.loop.drops.shed
	}
	return nil
}

// Close sends a close frame behind what is queued, and ends the connection.
// Code 0 sends none. Handler.Closed gets the same code and reason, if nothing
// else ended the connection before.
func (c *Conn) Close(code int, reason string) {
	c.loop.Post(Op{kind: opClose, conn: c, arg: Cause{Code: code, Reason: reason}})
}

// heard notes when the peer last showed that it is there.
func (c *Conn) heard(now time.Time) { c.lastRead.Store(c.loop.engine.sinceBegan(now)) }

// Resume reads again after Handler.Message has paused. The peer, which could
// not show that it is there, counts as heard.
func (c *Conn) Resume() {
	c.heard(time.Now())
	if c.stream != nil {
		c.stream.resume()
		return
	}
	c.loop.Post(Op{kind: opResume, conn: c})
}
