//go:build unix

package redistest

import (
	"bytes"
	"net"
	"sync"
	"testing"
)

// Proxy stands between a client and a server and can hold back what they say.
// Its methods may be called concurrently.
type Proxy struct {
	listener net.Listener
	tasks    sync.WaitGroup

	mu      sync.Mutex
	changed *sync.Cond // on mu
	target  string
	closed  bool
	conns   map[*proxied]struct{}
	rules   map[Side]*rule
}

// Side selects connections of a client.
type Side int

// The sides of a client. A connection is a subscriber's once it has sent a
// SUBSCRIBE.
const (
	Publisher Side = iota
	Subscriber
)

// rule is what a side's connections may do.
type rule struct {
	replies int  // bytes that may still pass to the client; negative: any number
	silent  bool // nothing passes to the server
	sent    bytes.Buffer
}

// proxied is one connection. Guarded by Proxy.mu.
type proxied struct {
	client, server net.Conn
	side           Side
}

// StartProxy runs a proxy for the server at target. It ends with the test.
func StartProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{
		listener: listener, target: target, conns: make(map[*proxied]struct{}),
		rules: map[Side]*rule{Publisher: {replies: -1}, Subscriber: {replies: -1}},
	}
	p.changed = sync.NewCond(&p.mu)
	p.tasks.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Addr is host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Retarget makes new connections lead to another server.
func (p *Proxy) Retarget(target string) {
	p.change(func() { p.target = target })
}

// Hold lets only so many bytes more pass from the server to a side. The server
// cannot write any more once its buffers are full.
func (p *Proxy) Hold(side Side, after int) {
	p.change(func() { p.rules[side].replies = after })
}

// Silence lets nothing pass, in either direction, and closes nothing, as a
// link that is down.
func (p *Proxy) Silence() {
	p.change(func() {
		for _, r := range p.rules {
			r.replies, r.silent = 0, true
		}
	})
}

// Release lets everything pass again.
func (p *Proxy) Release() {
	p.change(func() {
		for _, r := range p.rules {
			r.replies, r.silent = -1, false
		}
	})
}

// Cut closes the connections of a side.
func (p *Proxy) Cut(side Side) {
	p.change(func() {
		for c := range p.conns {
			if c.side == side {
				_, _ = c.client.Close(), c.server.Close()
			}
		}
	})
}

// Sent is what a side has sent so far.
func (p *Proxy) Sent(side Side) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rules[side].sent.String()
}

// Held reports whether a side has been sent all that it may be.
func (p *Proxy) Held(side Side) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rules[side].replies == 0
}

func (p *Proxy) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	p.changed.Broadcast()
}

func (p *Proxy) close() {
	_ = p.listener.Close()
	p.change(func() {
		p.closed = true
		for c := range p.conns {
			_, _ = c.client.Close(), c.server.Close()
		}
	})
	p.tasks.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		target := p.target
		p.mu.Unlock()
		server, err := net.Dial("tcp", target)
		if err != nil {
			_ = client.Close()
			continue
		}
		c := &proxied{client: client, server: server}
		p.mu.Lock()
		if p.closed {
			_, _ = client.Close(), server.Close()
		} else {
			p.conns[c] = struct{}{}
			p.tasks.Go(func() { p.forward(c, p.requests) })
			p.tasks.Go(func() { p.forward(c, p.replies) })
		}
		p.mu.Unlock()
	}
}

// forward copies in one direction until the connection ends.
func (p *Proxy) forward(c *proxied, copyAll func(*proxied)) {
	copyAll(c)
	_, _ = c.client.Close(), c.server.Close()
	p.change(func() { delete(p.conns, c) })
}

func (p *Proxy) requests(c *proxied) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := c.client.Read(buffer)
		if err != nil {
			return
		}
		p.mu.Lock()
		if bytes.Contains(buffer[:n], []byte("SUBSCRIBE\r\n")) {
			c.side = Subscriber
		}
		p.rules[c.side].sent.Write(buffer[:n])
		for p.rules[c.side].silent && !p.closed {
			p.changed.Wait()
		}
		p.mu.Unlock()
		if _, err := c.server.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (p *Proxy) replies(c *proxied) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := c.server.Read(buffer)
		if err != nil {
			return
		}
		for rest := buffer[:n]; len(rest) > 0; {
			allowed := p.allow(c, len(rest))
			if _, err := c.client.Write(rest[:allowed]); err != nil {
				return
			}
			rest = rest[allowed:]
		}
	}
}

// allow waits until some of n bytes may pass and returns how many.
func (p *Proxy) allow(c *proxied, n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.rules[c.side].replies == 0 && !p.closed {
		if _, open := p.conns[c]; !open {
			break
		}
		p.changed.Wait()
	}
	r := p.rules[c.side]
	if r.replies < 0 || p.closed {
		return n
	}
	n = min(n, max(r.replies, 1))
	r.replies = max(r.replies-n, 0)
	return n
}
