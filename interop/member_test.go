//go:build unix

package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// waitLimit bounds every wait for something that must come.
const waitLimit = 20 * time.Second

// member is a client of one node.
type member struct {
	name string
	id   string
	user string
	node *node

	conn *websocket.Conn
	onto func(message) bool // takes messages on arrival; true: it is not kept
	done chan struct{}      // closed when the connection has ended

	mu struct {
		sync.Mutex
		got   []message
		err   error
		marks int
	}
	changed chan struct{} // has a token after every change of mu
}

// message is one that a member has received.
type message struct {
	Event string          `json:"event"`
	Data  json.RawMessage `json:"data,omitempty"`
}

// connect opens a member and waits until it is authenticated. onto may be nil.
func (n *node) connect(t testing.TB, name, user string, onto func(message) bool) *member {
	t.Helper()
	m, err := n.tryConnect(name, user, onto)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.drop)
	return m
}

func (n *node) tryConnect(name, user string, onto func(message) bool) (*member, error) {
	m, err := n.open(name, onto)
	if err != nil {
		return nil, err
	}
	m.user = user
	m.do("authenticate", map[string]any{"userId": user})
	var connected struct{ ID string }
	if err := m.waitConnected(&connected); err != nil {
		m.drop()
		return nil, err
	}
	m.id = connected.ID
	return m, nil
}

// open opens a connection that is not authenticated.
func (n *node) open(name string, onto func(message) bool) (*member, error) {
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws://"+n.addr+"/ws", nil)
	if err != nil {
		return nil, fmt.Errorf("%s on %s: %w", name, n.name, err)
	}
	conn.SetReadLimit(64 << 20)
	m := &member{name: name, node: n, conn: conn, onto: onto, done: make(chan struct{}), changed: make(chan struct{}, 1)}
	go m.read()
	return m, nil
}

// waitConnected waits for `connected` and decodes its data.
func (m *member) waitConnected(data any) error {
	err := m.wait("connected", func(got []message) bool {
		return slices.ContainsFunc(got, func(g message) bool { return g.Event == "connected" })
	})
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(m.take("connected")[0]), data)
}

func (m *member) read() {
	defer close(m.done)
	for {
		_, text, err := m.conn.Read(context.Background())
		var got message
		if err == nil {
			err = json.Unmarshal(text, &got)
		}
		if err == nil && m.onto != nil && m.onto(got) {
			continue
		}
		m.mu.Lock()
		if err != nil {
			m.mu.err = err
		} else {
			m.mu.got = append(m.mu.got, got)
		}
		m.mu.Unlock()
		select {
		case m.changed <- struct{}{}:
		default:
		}
		if err != nil {
			m.conn.CloseNow()
			return
		}
	}
}

// do sends a message. That the connection has ended is seen by whoever waits.
func (m *member) do(event string, data any) {
	text, err := json.Marshal(map[string]any{"event": event, "data": data})
	if err != nil {
		panic(err)
	}
	m.write(string(text))
}

func (m *member) write(text string) {
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	_ = m.conn.Write(ctx, websocket.MessageText, []byte(text))
}

// wait waits until ok is true of the messages that have not been taken.
func (m *member) wait(what string, ok func(got []message) bool) error {
	timer := time.NewTimer(waitLimit)
	defer timer.Stop()
	for {
		m.mu.Lock()
		yes, err := ok(m.mu.got), m.mu.err
		m.mu.Unlock()
		switch {
		case yes:
			return nil
		case err != nil:
			return fmt.Errorf("%s on %s: connection ended before %s: %w", m.name, m.node.name, what, err)
		}
		select {
		case <-m.changed:
		case <-timer.C:
			return fmt.Errorf("%s on %s: no %s within %s", m.name, m.node.name, what, waitLimit)
		}
	}
}

// take removes and returns the data of the messages with an event.
func (m *member) take(event string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var data []string
	m.mu.got = slices.DeleteFunc(m.mu.got, func(g message) bool {
		if g.Event == event {
			data = append(data, string(g.Data))
		}
		return g.Event == event
	})
	return data
}

// echo returns when everything that the member has asked for so far was begun
// by its node, and everything that the node has sent to it so far has arrived.
func (m *member) echo() error {
	m.mu.Lock()
	m.mu.marks++
	mark := fmt.Sprintf(`"~%d"`, m.mu.marks)
	m.mu.Unlock()
	m.do("echo", json.RawMessage(mark))
	return m.waitFor("echo", mark)
}

// waitFor waits for a message and removes it.
func (m *member) waitFor(event, data string) error {
	is := func(g message) bool { return g.Event == event && string(g.Data) == data }
	err := m.wait(event+" "+data, func(got []message) bool { return slices.ContainsFunc(got, is) })
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.got = slices.DeleteFunc(m.mu.got, is)
	return err
}

// leave closes the connection in good order.
func (m *member) leave() {
	m.conn.Close(websocket.StatusNormalClosure, "")
	<-m.done
}

// drop cuts the connection.
func (m *member) drop() {
	m.conn.CloseNow()
	<-m.done
}
