package sim

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hearthws/hearth/internal/frame"
)

// person is somebody who connects again and again, one connection at a time.
type person struct {
	w     *world
	index int

	mu    sync.Mutex
	visit *visit // nil: not connected
	count int
}

func (p *person) current() *visit {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.visit
}

// connect dials a node, unless p is connected. early: the first message is sent
// together with the request.
func (p *person) connect(n *node, d dice, c credentials, early bool) {
	s := n.server()
	p.mu.Lock()
	if s == nil || p.visit != nil {
		p.mu.Unlock()
		return
	}
	p.count++
	name := fmt.Sprintf("c%d.%d", p.index, p.count)
	capacity := 2<<10 + d.IntN(8<<10)
	near, far := newConns(p.w.seed, name, capacity)
	v := &visit{
		w: p.w, person: p, name: name, node: n.name(), user: c.User, conn: far,
		cluster: p.w.cluster.Client(name), local: p.w.local.Client(name),
		sealed: c.PublicKey != "" && p.w.set.transform,
		rooms:  map[string]bool{}, busy: map[string]bool{}, answers: map[int]func(){},
	}
	v.changed.L = &v.mu
	if tidy(p.w.seed) || d.one(3) { // an id that the server makes is different each time
		v.id = "given-" + name
	}
	p.visit = v
	p.mu.Unlock()

	v.cluster.Connected(v.node)
	v.local.Connected(v.node)
	p.w.running.Go(func() { n.serve(v, s, near) })
	request := strings.Join([]string{
		"GET /ws HTTP/1.1", "Host: sim", "Upgrade: websocket", "Connection: Upgrade",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "", "",
	}, "\r\n")
	if p.w.set.deflate {
		request = strings.Replace(request, "\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", 1)
	}
	first := []byte(request)
	if early {
		v.expectAdmission()
		first = append(first, message("authenticate", c)...)
	}
	_, _ = far.Write(first)
	p.w.running.Go(v.read)
	if !early {
		v.authenticate(c)
	}
}

// ended is called by a visit.
func (p *person) ended(v *visit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.visit == v {
		p.visit = nil
	}
}

// heal mends p's connection, if it has one.
func (p *person) heal() {
	if v := p.current(); v != nil {
		v.stall(false)
		v.split(false)
	}
}

// hangUp ends p's connection, if it has one, this way or that.
func (p *person) hangUp() {
	v := p.current()
	if v == nil {
		return
	}
	v.leaving()
	if p.index%2 == 0 {
		v.conn.cut()
		return
	}
	v.sendClose()
}

// masked is a frame as a client sends it.
func masked(op frame.Opcode, payload []byte) []byte {
	return frame.AppendMasked(nil, op, true, false, payload, [4]byte{9, 8, 7, 6})
}

// drainTime is how long it may take until what has piled up behind a stall or
// a split has arrived.
const drainTime = 15 * time.Second
