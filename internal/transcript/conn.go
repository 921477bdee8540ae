package transcript

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// itemKind says what a client has received.
type itemKind string

const (
	kindStatus itemKind = "status" // the answer to the upgrade
	kindText   itemKind = "text"
	kindBinary itemKind = "binary"
	kindPong   itemKind = "pong"
	kindClose  itemKind = "close"
	kindEnd    itemKind = "end" // of the connection; err says how
)

// item is one thing that a client has received.
type item struct {
	kind    itemKind
	payload []byte
	err     error
}

// conn is one client: a socket, and everything that came back in order.
type conn struct {
	net net.Conn

	mu struct {
		sync.Mutex
		items []item // not taken yet
		ended bool
	}
	changed chan struct{} // has a token after every change of mu
	done    chan struct{} // closed when the reader has returned
}

// dial connects to addr and asks for an upgrade on path. extra are header
// lines of the request.
func dial(addr, path string, extra []string) (*conn, error) {
	nc, err := net.DialTimeout("tcp", addr, deadline)
	if err != nil {
		return nil, err
	}
	lines := append([]string{
		"GET " + path + " HTTP/1.1", "Host: " + addr, "Upgrade: websocket", "Connection: Upgrade",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
	}, extra...)
	c := &conn{net: nc, changed: make(chan struct{}, 1), done: make(chan struct{})}
	if err := c.write([]byte(strings.Join(lines, "\r\n") + "\r\n\r\n")); err != nil {
		nc.Close()
		return nil, err
	}
	r := bufio.NewReader(nc)
	nc.SetReadDeadline(time.Now().Add(deadline))
	res, err := http.ReadResponse(r, nil) //nolint:bodyclose // the body of a 101 is the connection itself, any other ends with it
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("transcript: answer to the upgrade: %w", err)
	}
	nc.SetReadDeadline(time.Time{})
	status := fmt.Sprint(res.StatusCode)
	if p := res.Header.Get("Sec-WebSocket-Protocol"); p != "" {
		status += " protocol " + p
	}
	if p := res.Header.Get("Sec-WebSocket-Extensions"); p != "" {
		status += " extensions " + p
	}
	c.add(item{kind: kindStatus, payload: []byte(status)})
	if res.StatusCode != http.StatusSwitchingProtocols {
		nc.Close()
		c.add(item{kind: kindEnd, err: io.EOF})
		close(c.done)
		return c, nil
	}
	go c.read(r)
	return c, nil
}

// read takes in frames until the connection ends.
func (c *conn) read(r *bufio.Reader) {
	defer close(c.done)
	var message []byte
	var kind itemKind
	for {
		f, err := readFrame(r)
		if err != nil {
			c.net.Close()
			c.add(item{kind: kindEnd, err: err})
			return
		}
		switch f.opcode {
		case opText, opBinary:
			kind, message = kindText, nil
			if f.opcode == opBinary {
				kind = kindBinary
			}
			fallthrough
		case opContinuation:
			message = append(message, f.payload...)
			if f.fin {
				c.add(item{kind: kind, payload: message})
			}
		case opPing:
			_ = c.send(frame{fin: true, opcode: opPong, payload: f.payload})
		case opPong:
			c.add(item{kind: kindPong, payload: f.payload})
		case opClose:
			c.add(item{kind: kindClose, payload: f.payload})
			_ = c.send(frame{fin: true, opcode: opClose, payload: f.payload})
		default:
			c.net.Close()
			c.add(item{kind: kindEnd, err: fmt.Errorf("transcript: server sent opcode %#x", f.opcode)})
			return
		}
	}
}

func (c *conn) add(i item) {
	c.mu.Lock()
	c.mu.items = append(c.mu.items, i)
	c.mu.ended = c.mu.ended || i.kind == kindEnd
	c.mu.Unlock()
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// write sends bytes as they are. A server that has closed the connection
// meanwhile is no error here: the end is among the items.
func (c *conn) write(b []byte) error {
	c.net.SetWriteDeadline(time.Now().Add(deadline))
	_, err := c.net.Write(b)
	if t, ok := errors.AsType[net.Error](err); ok && t.Timeout() {
		return fmt.Errorf("transcript: the server does not read: %w", err)
	}
	return nil
}

func (c *conn) send(f frame) error { return c.write(f.append(nil)) }

func (c *conn) text(s string) error {
	return c.send(frame{fin: true, opcode: opText, payload: []byte(s)})
}

// live reports whether the connection has not ended.
func (c *conn) live() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.mu.ended
}

// take removes and returns the items for which keep is false.
func (c *conn) take(keep func(item) bool) []item {
	c.mu.Lock()
	defer c.mu.Unlock()
	var taken, kept []item
	for _, i := range c.mu.items {
		if keep(i) {
			kept = append(kept, i)
		} else {
			taken = append(taken, i)
		}
	}
	c.mu.items = kept
	return taken
}

// await waits until ok is true of the items that have not been taken.
func (c *conn) await(what string, ok func(items []item, ended bool) bool) error {
	timer := time.NewTimer(deadline)
	defer timer.Stop()
	for {
		c.mu.Lock()
		yes := ok(c.mu.items, c.mu.ended)
		n, ended := len(c.mu.items), c.mu.ended
		c.mu.Unlock()
		switch {
		case yes:
			return nil
		case ended:
			return fmt.Errorf("the connection ended before %s (%d items)", what, n)
		}
		select {
		case <-c.changed:
		case <-timer.C:
			return fmt.Errorf("no %s within %s (%d items)", what, deadline, n)
		}
	}
}

// close ends the connection in good order if that is possible, and waits
// until it has ended.
func (c *conn) close() {
	if c.live() {
		_ = c.send(frame{fin: true, opcode: opClose, payload: binary.BigEndian.AppendUint16(nil, 1000)})
		c.net.SetReadDeadline(time.Now().Add(deadline))
		<-c.done
	}
	c.net.Close()
	<-c.done
}
