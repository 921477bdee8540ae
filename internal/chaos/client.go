//go:build unix

package chaos

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hearthws/hearth/internal/ledger"
)

// gapRoom is where the lab server tells gaps.
const gapRoom = "lab:gaps"

// Client is in its rooms whenever it can be, and logs what it receives. It
// comes back on any node that serves.
type Client struct {
	world *World
	name  string
	rooms []string
	log   *ledger.Client
	names map[string]string // publishers and rooms, so that no message makes its own

	latest   time.Time    // when what was received last was sent
	in       atomic.Bool  // connected, and in its rooms
	Received atomic.Int64 // messages
	Lives    atomic.Int64 // connections

	mu   sync.Mutex
	conn *conn // nil: not connected
	node string
}

func (c *Client) run() {
	for c.wait(c.world.n(50)) {
		n := c.world.pick()
		conn, err := n.dial()
		if err != nil {
			continue
		}
		c.set(conn, n.Name)
		c.latest = time.Time{}
		err = c.live(conn, n)
		c.in.Store(false)
		var end closed
		if errors.As(err, &end) && end.code == tooSlow {
			// What was sent after that was refused when it found the queue full.
			c.log.DisconnectedSince(c.latest)
		}
		c.log.Disconnected()
		c.set(nil, "")
		_ = conn.Close()
		var b bug
		if errors.As(err, &b) {
			c.world.t.Errorf("seed %d: client %s: %s", c.world.Seed, c.name, b)
		}
	}
}

// wait reports whether the world still stands after some milliseconds.
func (c *Client) wait(ms int) bool {
	select {
	case <-c.world.stop:
		return false
	case <-time.After(time.Duration(ms) * time.Millisecond):
		return true
	}
}

func (c *Client) set(conn *conn, node string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.world.stop:
		if conn != nil {
			_ = conn.Close()
		}
	default:
	}
	c.conn, c.node = conn, node
}

// Cut closes the client's connection, without a close frame.
func (c *Client) Cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		_ = c.conn.Close()
	}
}

// Node is the name of the node that the client is connected to, or "".
func (c *Client) Node() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.node
}

// Name is what the ledger calls the client.
func (c *Client) Name() string { return c.name }

// Rooms are those that the client is in.
func (c *Client) Rooms() []string { return c.rooms }

// Say sends a message of the client's, behind the ledger's back.
func (c *Client) Say(t testing.TB, event string, data any) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		t.Fatalf("client %s is not connected", c.name)
	}
	if err := c.conn.send(event, data); err != nil {
		t.Fatal(err)
	}
}

// tooSlow is the code of a client that was closed at its BackpressureLimit.
const tooSlow = 1013

// bug is what no server may do, whatever happens.
type bug string

func (b bug) Error() string { return string(b) }

// live serves one connection until it ends.
func (c *Client) live(conn *conn, n *Node) error {
	if err := conn.send("authenticate", map[string]string{"userId": c.name}); err != nil {
		return err
	}
	for {
		text, err := conn.next()
		if err != nil {
			return err
		}
		if err := c.handle(conn, n, text); err != nil {
			return err
		}
	}
}

// What messages of the lab server begin with.
var (
	msgPrefix       = []byte(`{"event":"msg","data":"`)
	connectedPrefix = []byte(`{"event":"connected",`)
	echoPrefix      = []byte(`{"event":"echo",`)
	gapPrefix       = []byte(`{"event":"gap",`)
)

func (c *Client) handle(conn *conn, n *Node, text []byte) error {
	if rest, ok := bytes.CutPrefix(text, msgPrefix); ok {
		return c.message(rest)
	}
	switch {
	case bytes.HasPrefix(text, connectedPrefix):
		c.Lives.Add(1)
		c.log.Connected(n.Name)
		for _, room := range c.rooms {
			c.log.Joining(room)
		}
		if err := conn.send("join", map[string]any{"rooms": append([]string{gapRoom}, c.rooms...)}); err != nil {
			return err
		}
		return conn.send("echo", "in")
	case bytes.HasPrefix(text, echoPrefix): // the join has been carried out
		for _, room := range c.rooms {
			c.log.Joined(room)
		}
		c.in.Store(true)
		return nil
	case bytes.HasPrefix(text, gapPrefix):
		var m struct{ Data Gap }
		if err := json.Unmarshal(text, &m); err != nil {
			return bug(err.Error())
		}
		c.world.gap(n.Name, m.Data)
		return nil
	}
	return bug(fmt.Sprintf("received %.200s", text))
}

// message logs `publisher room n time …"}`.
func (c *Client) message(rest []byte) error {
	publisher, rest, _ := bytes.Cut(rest, []byte(" "))
	room, rest, _ := bytes.Cut(rest, []byte(" "))
	number, rest, ok := bytes.Cut(rest, []byte(" "))
	n, err := strconv.ParseUint(string(number), 10, 64)
	if !ok || err != nil {
		return bug(fmt.Sprintf("received a message that nobody published: %.200s", rest))
	}
	c.log.Receive(c.intern(publisher), c.intern(room), n)
	c.Received.Add(1)
	sent, _, _ := bytes.Cut(rest, []byte(" "))
	if at, err := strconv.ParseInt(string(sent), 10, 64); err == nil {
		c.latest = time.Unix(0, at)
		c.world.Latencies.add(time.Since(c.latest))
	}
	return nil
}

func (c *Client) intern(b []byte) string {
	s, ok := c.names[string(b)]
	if !ok {
		s = string(b)
		c.names[s] = s
	}
	return s
}
