package hearthtest

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/internal/frame"
)

// Next returns the next message. It waits for it, and ends the test when the
// connection ends before.
func (c *Client) Next() Message {
	c.t.Helper()
	m, ok := c.take()
	if !ok {
		c.t.Fatalf("hearthtest: waiting for a message: %s", c.ending())
	}
	return m
}

// Expect returns the next message, which must be of that event. It waits for
// it, and ends the test when another comes or the connection ends.
func (c *Client) Expect(event string) Message {
	c.t.Helper()
	m, ok := c.take()
	switch {
	case !ok:
		c.t.Fatalf("hearthtest: waiting for %q: %s", event, c.ending())
	case m.Event != event:
		c.t.Fatalf("hearthtest: waiting for %q: received %s", event, m)
	}
	return m
}

// Received takes the messages that have arrived and that Next and Expect have
// not returned. In a synctest bubble, call it after [synctest.Wait].
func (c *Client) Received() []Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.received
	c.received = nil
	return all
}

// ExpectClose returns the code and reason of the server's close frame: 1005 if
// it has no code, 1006 if the connection was cut without one. Messages that
// have arrived before are left for Next. It waits for the end of the
// connection, and ends the test if there is none.
func (c *Client) ExpectClose() (code int, reason string) {
	c.t.Helper()
	if !c.wait(func() bool { return c.closing }) {
		c.t.Fatalf("hearthtest: waiting for the connection to be closed: nothing happened for %s", Patience)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.code, c.reason
}

// Stall stops reading, as a client does whose machine is too slow, until
// [Client.Unstall]. It returns when the reader has stopped.
func (c *Client) Stall() {
	c.t.Helper()
	c.mu.Lock()
	c.stalled = true
	c.mu.Unlock()
	_ = c.conn.SetReadDeadline(time.Unix(1, 0))
	if !c.wait(func() bool { return c.parked || c.closing }) {
		c.t.Errorf("hearthtest: the client cannot be stalled")
	}
}

// Unstall reads again.
func (c *Client) Unstall() {
	_ = c.conn.SetReadDeadline(time.Time{})
	c.change(func() { c.stalled, c.parked = false, false })
}

// cutStalled ends a client that does not read.
func (c *Client) cutStalled() {
	c.mu.Lock()
	stalled := c.stalled
	c.mu.Unlock()
	if stalled {
		c.Drop()
		c.Unstall()
	}
}

// change makes a change that others may wait for.
func (c *Client) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// changedLocked is closed at the next change.
func (c *Client) changedLocked() <-chan struct{} {
	if c.changed == nil {
		c.changed = make(chan struct{})
	}
	return c.changed
}

// wait returns true once cond, which is called under mu, holds, and false when
// it does not in time.
func (c *Client) wait(cond func() bool) bool {
	var timeout <-chan time.Time
	for {
		c.mu.Lock()
		if cond() {
			c.mu.Unlock()
			return true
		}
		changed := c.changedLocked()
		c.mu.Unlock()
		if timeout == nil {
			timeout = time.After(Patience)
		}
		select {
		case <-changed:
		case <-timeout:
			return false
		}
	}
}

// take waits for a message; false when there will be none.
func (c *Client) take() (m Message, ok bool) {
	c.wait(func() bool { return len(c.received) > 0 || c.closing })
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.received) == 0 {
		return Message{}, false
	}
	m = c.received[0]
	c.received = c.received[1:]
	return m, true
}

// ending says why there is no message.
func (c *Client) ending() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closing {
		return fmt.Sprintf("nothing came for %s", Patience)
	}
	return fmt.Sprintf("the connection was closed: %d %q", c.code, c.reason)
}

// read is the reader.
func (c *Client) read(ahead []byte) {
	defer close(c.done)
	defer c.conn.Close()
	defer c.change(func() { c.closing = true })
	r := new(frame.Reader)
	r.ResetClient(&frame.Config{MaxMessage: maxMessage}, c.deflate)
	if _, err := r.Feed(ahead, (*incoming)(c)); err != nil {
		c.violated(err)
		return
	}
	buf := make([]byte, 64<<10)
	for !c.ended() {
		n, err := c.conn.Read(buf)
		if _, broken := r.Feed(buf[:n], (*incoming)(c)); broken != nil {
			c.violated(broken)
			return
		}
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			c.park()
		default:
			return
		}
	}
}

func (c *Client) violated(err error) {
	c.t.Errorf("hearthtest: the server broke the protocol: %v", err)
}

func (c *Client) ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing
}

// park waits for the end of a stall.
func (c *Client) park() {
	c.change(func() { c.parked = c.stalled })
	for {
		c.mu.Lock()
		if !c.stalled {
			c.mu.Unlock()
			return
		}
		changed := c.changedLocked()
		c.mu.Unlock()
		<-changed
	}
}

// incoming is the frame.Handler of a Client; on its reader.
type incoming Client

func (in *incoming) Message(op frame.Opcode, payload []byte) (stop bool) {
	c := (*Client)(in)
	m := parse(append([]byte(nil), payload...), op == frame.Binary)
	c.change(func() {
		if m.Event == hearth.EventConnected && c.id == "" {
			connected, _ := hearth.DataOf[struct{ ID string }](m.Message)
			c.id = connected.ID
		}
		c.received = append(c.received, m)
	})
	return false
}

func (in *incoming) Control(op frame.Opcode, payload []byte) (stop bool) {
	c := (*Client)(in)
	switch op {
	case frame.Ping:
		_, _ = c.Write(masked(frame.Pong, payload)) // its failure is the end of the connection
	case frame.Close:
		code, reason := frame.ParseClose(payload)
		if !c.saidClose.Swap(true) {
			_, _ = c.Write(masked(frame.Close, payload))
		}
		c.change(func() { c.closing, c.code, c.reason = true, code, string(reason) })
		return true
	}
	return false
}
