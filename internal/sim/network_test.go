package sim

import (
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// netDelay is how long a byte takes at most from one end of a connection that
// is not split to the other, in one direction.
const netDelay = 80 * time.Millisecond

// pipe is one direction of a connection. Bytes come out in the order in which
// they went in, each after a delay.
type pipe struct {
	delay    func() time.Duration
	capacity int // bytes on their way or not read; 0: any

	mu       sync.Mutex
	changed  sync.Cond
	chunks   []chunk
	size     int
	last     time.Time // when the last chunk is due
	split    bool      // nothing comes out
	ended    bool      // nothing more goes in
	deaf     bool      // nobody reads any more
	cut      error     // reset
	readBy   time.Time // deadlines; zero: none
	writeBy  time.Time
	readOff  *time.Timer
	writeOff *time.Timer
}

type chunk struct {
	due  time.Time
	data []byte
}

func newPipe(capacity int, delay func() time.Duration) *pipe {
	p := &pipe{delay: delay, capacity: capacity}
	p.changed.L = &p.mu
	return p
}

func (p *pipe) read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		now := time.Now()
		switch {
		case p.deaf:
			return 0, net.ErrClosed
		case !p.readBy.IsZero() && !now.Before(p.readBy):
			return 0, os.ErrDeadlineExceeded
		case p.cut != nil:
			return 0, p.cut
		case p.split:
		case len(p.chunks) > 0 && !now.Before(p.chunks[0].due):
			c := &p.chunks[0]
			n := copy(b, c.data)
			if c.data = c.data[n:]; len(c.data) == 0 {
				p.chunks = p.chunks[1:]
			}
			p.size -= n
			p.changed.Broadcast()
			return n, nil
		case len(p.chunks) > 0:
			p.wakeIn(p.chunks[0].due.Sub(now))
		case p.ended:
			return 0, io.EOF
		}
		p.changed.Wait()
	}
}

func (p *pipe) write(b []byte) (n int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(b) > 0 {
		switch {
		case p.ended:
			return n, net.ErrClosed
		case p.cut != nil:
			return n, p.cut
		case p.deaf:
			return n, syscall.EPIPE
		case !p.writeBy.IsZero() && !time.Now().Before(p.writeBy):
			return n, os.ErrDeadlineExceeded
		}
		free := len(b)
		if p.capacity > 0 {
			free = min(free, p.capacity-p.size)
		}
		if free <= 0 {
			p.changed.Wait()
			continue
		}
		due := time.Now().Add(p.delay())
		if due.Before(p.last) {
			due = p.last
		}
		p.last = due
		p.chunks = append(p.chunks, chunk{due, append([]byte(nil), b[:free]...)})
		p.size += free
		n += free
		b = b[free:]
		p.changed.Broadcast()
	}
	return n, nil
}

func (p *pipe) wakeIn(d time.Duration) *time.Timer { return time.AfterFunc(d, p.change(func() {})) }

// change is a change that others may wait for.
func (p *pipe) change(f func()) func() {
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		f()
		p.changed.Broadcast()
	}
}

func (p *pipe) deadline(by *time.Time, timer **time.Timer, t time.Time) {
	p.change(func() {
		if *timer != nil {
			(*timer).Stop()
			*timer = nil
		}
		if *by = t; !t.IsZero() {
			*timer = p.wakeIn(time.Until(t))
		}
	})()
}

// conn is one end of a connection.
type conn struct {
	name string
	in   *pipe
	out  *pipe
	once sync.Once
}

// newConns makes both ends of a connection. The near end's writes stop when
// capacity bytes have not been read at the far end.
func newConns(seed uint64, name string, capacity int) (near, far *conn) {
	delay := func(way string) func() time.Duration {
		return func() time.Duration { return roll(seed, name, way, time.Now()).upTo(netDelay) }
	}
	down, up := newPipe(capacity, delay("down")), newPipe(0, delay("up"))
	return &conn{name: name, in: up, out: down}, &conn{name: name, in: down, out: up}
}

func (c *conn) Read(b []byte) (int, error)  { return c.in.read(b) }
func (c *conn) Write(b []byte) (int, error) { return c.out.write(b) }

// Close ends both directions. If the peer has sent what was not read, it gets a
// reset, as from TCP, and may never see what was written last.
func (c *conn) Close() error {
	c.once.Do(func() {
		unread := 0
		c.in.change(func() {
			unread = c.in.size
			c.in.deaf = true
		})()
		if unread > 0 {
			c.out.reset()
			return
		}
		_ = c.CloseWrite()
	})
	return nil
}

// CloseWrite lets the peer read the end, after the rest.
func (c *conn) CloseWrite() error {
	c.out.change(func() { c.out.ended = true })()
	return nil
}

func (p *pipe) reset() {
	p.change(func() {
		if p.cut == nil {
			p.cut = syscall.ECONNRESET
			p.chunks, p.size = nil, 0
		}
	})()
}

// cut breaks the connection: both ends read and write errors.
func (c *conn) cut() {
	c.in.reset()
	c.out.reset()
}

// split lets nothing through, in neither direction, until it is called with
// false: then everything that was on its way comes out after a delay.
func (c *conn) split(on bool) {
	for _, p := range []*pipe{c.in, c.out} {
		p.change(func() {
			again := time.Now().Add(p.delay())
			for i := range p.chunks {
				if p.split && !on && p.chunks[i].due.Before(again) {
					p.chunks[i].due = again
					p.last = again
				}
			}
			p.split = on
		})()
	}
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.deadline(&c.in.readBy, &c.in.readOff, t)
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.out.deadline(&c.out.writeBy, &c.out.writeOff, t)
	return nil
}

func (c *conn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

type addr string

func (addr) Network() string  { return "sim" }
func (a addr) String() string { return string(a) }

func (c *conn) LocalAddr() net.Addr  { return addr("sim") }
func (c *conn) RemoteAddr() net.Addr { return addr(fmt.Sprint(c.name, ":1")) }
