//go:build unix

package chaos

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/hearthws/hearth/internal/frame"
)

// conn is the client's side of a WebSocket, no more than a well-behaved server
// needs, so that a test process can be as fast as several servers. One
// goroutine may read; any may write.
type conn struct {
	net.Conn
	r *bufio.Reader

	mu  sync.Mutex // for writing
	buf []byte
}

// dialTimeout bounds the way to an open WebSocket.
const dialTimeout = 5 * time.Second

// readBuffer is small where there are many connections.
const readBuffer = 16 << 10

func dial(addr string) (*conn, error) {
	tcp, err := net.DialTimeout("tcp", addr, dialTimeout)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: tcp, r: bufio.NewReaderSize(tcp, readBuffer)}
	if err := c.upgrade(addr); err != nil {
		_ = tcp.Close()
		return nil, err
	}
	return c, nil
}

func (c *conn) upgrade(host string) error {
	if err := c.SetDeadline(time.Now().Add(dialTimeout)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(c, "GET /ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", host); err != nil {
		return err
	}
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return err
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusSwitchingProtocols {
		return errors.New(res.Status)
	}
	return c.SetDeadline(time.Time{})
}

// send sends a message. What it is called with is marshalled.
func (c *conn) send(event string, data any) error {
	text, err := json.Marshal(map[string]any{"event": event, "data": data})
	if err != nil {
		return err
	}
	return c.write(frame.Text, text)
}

func (c *conn) write(op frame.Opcode, payload []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buf = frame.AppendMasked(c.buf[:0], op, true, false, payload, [4]byte{1, 2, 3, 4})
	_, err := c.Write(c.buf)
	return err
}

// next is the next message. It answers pings on the way, and is valid until
// the next call. A close is an error.
func (c *conn) next() ([]byte, error) {
	for {
		op, payload, err := c.frame()
		switch {
		case err != nil:
			return nil, err
		case op == frame.Ping:
			if err := c.write(frame.Pong, payload); err != nil {
				return nil, err
			}
		case op == frame.Close && len(payload) >= 2:
			return nil, closed{int(binary.BigEndian.Uint16(payload)), string(payload[2:])}
		case op == frame.Close:
			return nil, closed{code: 1005}
		case op == frame.Text:
			return payload, nil
		}
	}
}

// closed is a close frame.
type closed struct {
	code   int
	reason string
}

func (c closed) Error() string { return fmt.Sprintf("closed with %d %q", c.code, c.reason) }

// frame reads one, which servers do not mask and do not fragment.
func (c *conn) frame() (frame.Opcode, []byte, error) {
	head, err := c.r.Peek(2)
	if err != nil {
		return 0, nil, err
	}
	op, n, size := frame.Opcode(head[0]&15), int(head[1]), 2
	switch n {
	case 126:
		if head, err = c.r.Peek(4); err != nil {
			return 0, nil, err
		}
		n, size = int(binary.BigEndian.Uint16(head[2:])), 4
	case 127:
		if head, err = c.r.Peek(10); err != nil {
			return 0, nil, err
		}
		n, size = int(binary.BigEndian.Uint64(head[2:])), 10
	}
	if size+n <= c.r.Size() { // valid until the next read, as Discard keeps the bytes
		all, err := c.r.Peek(size + n)
		if err != nil {
			return 0, nil, err
		}
		_, _ = c.r.Discard(size + n)
		return op, all[size:], nil
	}
	_, _ = c.r.Discard(size)
	payload := make([]byte, n)
	_, err = io.ReadFull(c.r, payload)
	return op, payload, err
}
