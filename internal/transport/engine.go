// Package transport serves WebSocket connections on event loops. It knows of
// sockets, frames, queues and groups of connections, and nothing of clients,
// users or JSON.
//
// A [Loop] owns its connections: their queues, their memberships in groups
// and, on Linux, their sockets. Everybody else posts operations to it, which
// take effect in the order in which they were posted. Two transports hang on
// a loop: plain TCP on Linux is read and written by the loop itself through
// epoll; every other net.Conn has a goroutine that reads, and one that writes
// while there is something to write. Everything else is the same for both.
package transport

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hearthws/hearth/internal/frame"
)

// Mode selects the transport.
type Mode int

// The modes.
const (
	Auto   Mode = iota // Epoll where it can serve the connection, else Stream
	Epoll              // refuse what epoll cannot serve
	Stream             // a goroutine for every connection
)

// ErrNotEpoll is returned by Serve in mode Epoll for a connection that epoll
// cannot serve.
var ErrNotEpoll = errors.New("transport: connection cannot be served by epoll")

// ErrClosed is returned by Serve after Shutdown.
var ErrClosed = errors.New("transport: engine is closed")

// Config is static for all connections of an Engine. Every field is needed,
// unless it says what its zero value means.
type Config struct {
	Frame             frame.Config
	EarlyFrame        *frame.Config // instead of Frame until Conn.Trust; nil: Frame
	Mode              Mode
	Loops             int           // 0: GOMAXPROCS
	NoRing            bool          // never use io_uring
	BackpressureLimit int64         // bytes queued for one connection
	MaxQueuedBytes    int64         // bytes queued for all of them
	IdleTimeout       time.Duration // nothing received for so long: dropped
	Pings             bool          // sent after half of IdleTimeout
	Logger            *slog.Logger
	Faults            *Faults // system calls are really made when nil; for tests
}

// Engine is a set of loops.
type Engine struct {
	cfg   Config
	began time.Time // what sinceBegan counts from
	loops []*Loop
	next  atomic.Uint32 // round robin

	// Buffers that stream connections read into.
	reads sync.Pool

	start, stop sync.Once
	done        chan struct{}  // closed by Shutdown
	running     sync.WaitGroup // goroutines
	conns       sync.WaitGroup // connections
	mu          sync.Mutex     // guards closed, with what is added to both
	closed      bool
}

// New makes an engine. It runs nothing until the first connection.
func New(cfg Config) *Engine {
	if cfg.Loops == 0 {
		cfg.Loops = runtime.GOMAXPROCS(0)
	}
	e := &Engine{cfg: cfg, began: time.Now(), done: make(chan struct{})}
	e.reads.New = func() any { b := make([]byte, streamReadSize); return &b }
	for i := range cfg.Loops {
		e.loops = append(e.loops, newLoop(e, i))
	}
	return e
}

// sinceBegan is a moment as connections keep it: eight bytes, which no change
// of the system's clock moves. now must come from time.Now.
func (e *Engine) sinceBegan(now time.Time) int64 { return int64(now.Sub(e.began)) }

// Loops are the engine's loops.
func (e *Engine) Loops() []*Loop { return e.loops }

// track counts one more goroutine that Shutdown has to wait for.
func (e *Engine) track() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	e.running.Add(1)
	return true
}

// admit counts one more connection, which release takes back.
func (e *Engine) admit(l *Loop) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	e.conns.Add(1)
	l.count.Add(1)
	l.untidy.Store(true) // last, see tidy
	return true
}

func (e *Engine) release(l *Loop) {
	l.count.Add(-1)
	e.conns.Done()
}

// Link is a connection that an upgrade has made.
type Link struct {
	Conn       net.Conn
	Buffered   []byte // read ahead, not parsed yet
	WindowBits int    // of permessage-deflate; 0: not negotiated
	Serving    func() // called once it is decided what serves it, before its handler is; or nil
}

func (l *Link) decided() {
	if l.Serving != nil {
		l.Serving()
	}
}

// Pick chooses the loop for a new connection.
func (e *Engine) Pick() *Loop {
	return e.loops[e.next.Add(1)%uint32(len(e.loops))]
}

// Serve takes over link. c is a zero Conn with a loop, see [Conn.Init]. From
// now on c's handler is called; operations that were posted for c before have
// no effect. On error link.Conn is left to the caller.
func (e *Engine) Serve(c *Conn, link Link) error {
	e.start.Do(func() {
		if e.track() {
			go e.keepHouse()
		}
	})
	c.windowBits = uint8(link.WindowBits)
	c.heard(time.Now())
	if e.cfg.Mode != Stream {
		err := c.loop.takeSocket(c, link)
		if err == nil || e.cfg.Mode == Epoll || errors.Is(err, ErrClosed) {
			return err
		}
		e.cfg.Logger.Debug("connection is served by a goroutine", "reason", err)
	}
	return c.loop.takeStream(c, link)
}

// Queued is the number of bytes queued for all connections.
func (e *Engine) Queued() int64 {
	var n int64
	for _, l := range e.loops {
		n += l.queued.Load()
	}
	return n
}

// Count is the number of open connections.
func (e *Engine) Count() int64 {
	var n int64
	for _, l := range e.loops {
		n += l.count.Load()
	}
	return n
}

// Shutdown waits until all connections, which the caller has closed, are gone,
// cuts those that are left when ctx ends, and stops everything that runs. It
// returns ctx's error if it had to cut.
func (e *Engine) Shutdown(ctx context.Context) error {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	gone := make(chan struct{})
	go func() {
		e.conns.Wait()
		close(gone)
	}()
	var err error
	select {
	case <-gone:
	case <-ctx.Done():
		err = ctx.Err()
		for _, l := range e.loops {
			l.Post(Call(l.cutAll))
		}
		<-gone
	}
	e.stop.Do(func() { close(e.done) })
	for _, l := range e.loops {
		l.halt()
	}
	e.running.Wait()
	return err
}
