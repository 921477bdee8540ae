//go:build unix

package chaos

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hearthws/hearth/internal/frame"
	"github.com/hearthws/hearth/internal/ledger"
)

// Publisher is a client of any node that publishes to random rooms and logs
// the answers. After each new connection it goes by another name, since
// nothing orders the messages of two connections.
type Publisher struct {
	world *World
	name  string
	first *Node // that it connects to, so that there is a publisher at every node

	Lives             atomic.Int64 // connections
	Accepted, Refused atomic.Int64
	FirstRefused      atomic.Int64 // Unix ns; 0: none since it was reset
}

func (p *Publisher) run() {
	for node := p.first; ; node = p.world.pick() {
		select {
		case <-p.world.silent:
			return
		case <-time.After(time.Duration(p.world.n(20)) * time.Millisecond):
		}
		conn, err := node.dial()
		if err != nil {
			continue
		}
		p.live(conn, fmt.Sprintf("%s.%d", p.name, p.Lives.Add(1)))
		_ = conn.Close()
	}
}

// live publishes until the connection ends, or the world is to be silent; then
// it waits for what is not answered, within reason.
func (p *Publisher) live(conn *conn, name string) {
	if conn.send("authenticate", nil) != nil {
		return
	}
	l := &line{
		conn: conn, slots: make(chan struct{}, p.world.opts.Window), pending: map[uint64]ledger.Publication{},
		ready: make(chan struct{}), gone: make(chan struct{}),
	}
	go func() {
		defer close(l.gone)
		p.listen(l)
	}()
	select {
	case <-l.ready:
		p.publish(l, name)
	case <-l.gone:
	case <-p.world.silent: // the node is frozen
	}
	for deadline := time.Now().Add(p.world.opts.Patience / 3); l.waits() > 0 && time.Now().Before(deadline); {
		select {
		case <-l.gone:
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
	if n := l.waits(); n > 0 {
		p.world.t.Errorf("seed %d: publisher %s is still connected, and %d of its publications have no answer", p.world.Seed, name, n)
	}
	_ = conn.Close()
	<-l.gone
}

// line is a publisher's connection, and what it has not been answered yet.
type line struct {
	conn        *conn
	slots       chan struct{} // one for each publication that is pending
	ready, gone chan struct{} // closed when it is authenticated, and when it has ended

	mu      sync.Mutex
	pending map[uint64]ledger.Publication
}

func (l *line) waits() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.pending)
}

func (l *line) add(p ledger.Publication) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending[p.N] = p
}

func (l *line) take(n uint64) (p ledger.Publication, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, ok = l.pending[n]
	delete(l.pending, n)
	return p, ok
}

func (p *Publisher) publish(l *line, name string) {
	o := &p.world.opts
	log := p.world.Ledger.Publisher(name)
	filler := strings.Repeat("x", o.Body)
	var text []byte
	for {
		select {
		case <-p.world.silent:
			return
		case <-l.gone:
			return
		case l.slots <- struct{}{}:
		}
		room := fmt.Sprint("r", p.world.n(o.Rooms))
		publication := log.Publish(room)
		l.add(publication)
		text = fmt.Appendf(text[:0], `{"event":"send","data":{"room":"%s","n":%d,"body":"%s %s %d %d %s"}}`,
			room, publication.N, name, room, publication.N, time.Now().UnixNano(), filler)
		if l.conn.write(frame.Text, text) != nil {
			return
		}
		if o.Pace > 0 {
			time.Sleep(o.Pace)
		}
	}
}

// listen logs the answers.
func (p *Publisher) listen(l *line) {
	for {
		text, err := l.conn.next()
		if err != nil {
			return
		}
		var m struct {
			Event string
			Data  struct {
				N     uint64
				Error string
			}
		}
		if err := json.Unmarshal(text, &m); err != nil {
			p.world.t.Errorf("publisher %s: %v", p.name, err)
			return
		}
		switch m.Event {
		case "connected":
			close(l.ready)
		case "sent":
			publication, ok := l.take(m.Data.N)
			if !ok {
				p.world.t.Errorf("publisher %s: publication %d is answered again, or was never made", p.name, m.Data.N)
				return
			}
			<-l.slots
			p.answer(publication, m.Data.Error)
		}
	}
}

func (p *Publisher) answer(publication ledger.Publication, failure string) {
	if failure == "" {
		publication.Answer(ledger.Accepted)
		p.Accepted.Add(1)
		return
	}
	publication.Answer(ledger.Lost)
	p.Refused.Add(1)
	p.FirstRefused.CompareAndSwap(0, time.Now().UnixNano())
}
