//go:build unix

package chaos

import (
	"encoding/json"
	"fmt"
	"net"
	"time"
)

// Peer is a client that the ledger knows nothing of: it asks, or misbehaves.
type Peer struct{ conn *conn }

// Peer connects one to the node, past any link, authenticated with a token.
func (n *Node) Peer(token string) (*Peer, error) { return Connect(n.addr, token) }

// Connect connects one to a server, authenticated with a token.
func Connect(addr, token string) (*Peer, error) {
	c, err := dial(addr)
	if err != nil {
		return nil, err
	}
	p := &Peer{c}
	if err := c.send("authenticate", map[string]string{"token": token}); err != nil {
		p.Close()
		return nil, err
	}
	if err := p.Await("connected", nil); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Send sends a message.
func (p *Peer) Send(event string, data any) error { return p.conn.send(event, data) }

// Await reads until a message of an event, and its data into data, if not nil.
func (p *Peer) Await(event string, data any) error {
	if err := p.conn.SetReadDeadline(time.Now().Add(15 * time.Second)); err != nil {
		return err
	}
	for {
		text, err := p.conn.next()
		if err != nil {
			return fmt.Errorf("awaiting %q: %w", event, err)
		}
		m := struct {
			Event string
			Data  any
		}{Data: data}
		if err := json.Unmarshal(text, &m); err != nil {
			return err
		}
		if m.Event == event {
			return nil
		}
	}
}

// Read reads up to n bytes of what comes, whatever it is.
func (p *Peer) Read(n int) error {
	_, err := p.conn.Conn.Read(make([]byte, n))
	return err
}

// Port is that of the peer's end.
func (p *Peer) Port() int { return p.conn.LocalAddr().(*net.TCPAddr).Port }

// Close closes the connection, without a close frame.
func (p *Peer) Close() { _ = p.conn.Close() }
