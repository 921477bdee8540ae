package conformance_test

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// patience bounds every wait.
const patience = 20 * time.Second

// Opcodes, RFC 6455 section 5.2.
const (
	opContinuation = 0
	opText         = 1
	opBinary       = 2
	opClose        = 8
	opPing         = 9
	opPong         = 10
)

// peer is a raw client.
type peer struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
	end  error // why read returned false
}

// connect makes the handshake, with an offer of extensions if that is not "".
// It returns what was agreed on.
func connect(t testing.TB, e *endpoint, offer string) (p *peer, agreed string) {
	t.Helper()
	conn, err := net.Dial("tcp", e.addr)
	if err != nil {
		t.Fatal(err)
	}
	if e.tls != nil {
		conn = tls.Client(conn, e.tls)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	p = &peer{t: t, conn: conn, r: bufio.NewReader(conn)}
	if offer != "" {
		offer = "Sec-WebSocket-Extensions: " + offer + "\r\n"
	}
	p.write([]byte("GET " + e.path + " HTTP/1.1\r\nHost: " + e.addr + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + offer + "\r\n"))
	for i := 0; ; i++ {
		line, err := p.r.ReadString('\n')
		line = strings.TrimSpace(line)
		switch {
		case err != nil || i == 0 && !strings.HasPrefix(line, "HTTP/1.1 101 "):
			t.Fatalf("the answer is %q, %v", line, err)
		case strings.HasPrefix(line, "Sec-WebSocket-Extensions: "):
			agreed = strings.TrimPrefix(line, "Sec-WebSocket-Extensions: ")
		case line == "":
			if e.hello != nil {
				e.hello(p)
			}
			return p, agreed
		}
	}
}

func (p *peer) write(b []byte) {
	p.t.Helper()
	if _, err := p.conn.Write(b); err != nil {
		p.t.Fatalf("writing: %v", err)
	}
}

// chop writes b in pieces of n bytes.
func (p *peer) chop(b []byte, n int) {
	for len(b) > 0 {
		n := min(n, len(b))
		if _, err := p.conn.Write(b[:n]); err != nil {
			return // the server has had enough; what it says is to be read
		}
		b = b[n:]
	}
}

// message is what was received: a message put together, or a control frame.
type message struct {
	op         byte
	compressed bool
	payload    []byte
}

// read returns the next message or control frame, and checks what RFC 6455
// demands of a server's frames. ok is false at the end of the connection.
func (p *peer) read() (m message, ok bool) {
	p.t.Helper()
	var whole []byte
	var op byte
	var compressed bool
	for {
		var head [2]byte
		if _, err := io.ReadFull(p.r, head[:]); err != nil {
			p.end = err
			return message{}, false
		}
		n := uint64(head[1] & 0x7f)
		if head[1]&0x80 != 0 || head[0]&0x30 != 0 {
			p.t.Fatalf("a frame of the server begins with % x", head)
		}
		var long [8]byte
		switch n {
		case 126:
			_, _ = io.ReadFull(p.r, long[6:])
			n = binary.BigEndian.Uint64(long[:])
		case 127:
			_, _ = io.ReadFull(p.r, long[:])
			n = binary.BigEndian.Uint64(long[:])
		}
		payload := make([]byte, n)
		if _, err := io.ReadFull(p.r, payload); err != nil {
			p.end = err
			return message{}, false
		}
		if o := head[0] & 0x0f; o >= opClose {
			return message{o, false, payload}, true
		} else if o != opContinuation {
			op, compressed = o, head[0]&0x40 != 0
		}
		whole = append(whole, payload...)
		if head[0]&0x80 != 0 {
			return message{op, compressed, whole}, true
		}
	}
}

// f is one frame of a client; the mask is fixed.
func f(first byte, payload string) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	mask := [4]byte{0x5a, 0xa5, 0x0f, 0xf0}
	b = append(b, mask[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i%4])
	}
	return b
}

// fin is the bit of a last frame, rsv1 that of a compressed message.
const (
	fin  = 0x80
	rsv1 = 0x40
)

// closing is the payload of a close frame.
func closing(code int, reason string) string {
	return string(binary.BigEndian.AppendUint16(nil, uint16(code))) + reason
}

func (m message) String() string {
	if len(m.payload) > 40 {
		return fmt.Sprintf("opcode %d with %d bytes", m.op, len(m.payload))
	}
	return fmt.Sprintf("opcode %d with %q", m.op, m.payload)
}
