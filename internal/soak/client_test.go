package soak

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"time"

	"github.com/hearthws/hearth/internal/frame"
)

// request is that for an upgrade.
var request = []byte("GET /ws HTTP/1.1\r\nHost: soak\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")

func text(payload string) []byte {
	return frame.AppendMasked(nil, frame.Text, true, false, []byte(payload), [4]byte{1, 2, 3, 4})
}

func authenticate(mode string) []byte {
	return text(fmt.Sprintf(`{"event":"authenticate","data":{"mode":%q,"user":"u%d"}}`, mode, rand.N(50)))
}

func join() []byte {
	return text(fmt.Sprintf(`{"event":"join","data":{"rooms":["r%d","r%d","r%d","s%d"]}}`, rand.N(20), rand.N(20), rand.N(20), rand.N(1000)))
}

func event(name string) []byte { return text(`{"event":"` + name + `"}`) }

// step is what a client sends together, and what it waits to receive then; "":
// nothing.
type step struct {
	send  []byte
	until string
}

// state is how far a client comes.
type state struct {
	name  string
	steps []step
}

func states() []state {
	up := step{request, "\r\n\r\n"}
	in := step{slices.Concat(request, authenticate("ok")), "connected"} // at once
	pings := bytes.Repeat(frame.AppendMasked(nil, frame.Ping, true, false, []byte("ping"), [4]byte{}), 30)
	return []state{
		{"before the request", nil},
		{"within the request", []step{{request[:len(request)/2], ""}}},
		{"the answer not read", []step{{request, ""}}},
		{"unauthorized", []step{up}},
		{"authenticating", []step{up, {authenticate("slow"), ""}}},
		{"refused", []step{up, {authenticate("refuse"), "failed"}}},
		{"failed", []step{up, {authenticate("panic"), "error"}}},
		{"authenticated", []step{in}},
		{"joining", []step{in, {join(), ""}}},
		{"joined", []step{in, {slices.Concat(join(), event("echo")), `"echo"`}}},
		{"within a frame", []step{in, {text("{}")[:5], ""}}},
		{"within a message", []step{in, {[]byte{0x01, 0x81, 0, 0, 0, 0, '{'}, ""}}},
		{"hooks at work", []step{in, {bytes.Repeat(event("work"), 20), ""}}},
		{"behind a flood", []step{in, {bytes.Repeat(event("flood"), 4), ""}}},
		{"asking for pongs", []step{in, {pings, ""}}},
	}
}

// death is how it ends. It returns when the connection is closed.
type death struct {
	name string
	die  func(conn net.Conn)
}

var closing = frame.AppendMasked(nil, frame.Close, true, false, []byte{0x03, 0xe8}, [4]byte{})

var deaths = []death{
	{"closes", func(conn net.Conn) {
		_, _ = conn.Write(closing)
		drain(conn)
	}},
	{"closes and is gone", func(conn net.Conn) { _, _ = conn.Write(closing) }},
	{"is gone", func(net.Conn) {}},
	{"shuts down its side", func(conn net.Conn) {
		_ = conn.(interface{ CloseWrite() error }).CloseWrite()
		drain(conn)
	}},
	{"breaks the protocol", func(conn net.Conn) {
		_, _ = conn.Write([]byte{0x8f, 0x80, 0, 0, 0, 0})
		drain(conn)
	}},
	{"is sent away", func(conn net.Conn) {
		_, _ = conn.Write(event("kick"))
		_, _ = conn.Write(closing) // if it was not
		drain(conn)
	}},
}

// drain reads to the end, and not for ever: before its upgrade a client that
// says nonsense is not answered.
func drain(conn net.Conn) {
	_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	_, _ = io.Copy(io.Discard, conn)
}

// live is one client's whole life.
func (s *site) live(st *state, d *death) error {
	conn, err := s.dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	for _, step := range st.steps {
		_, _ = conn.Write(step.send) // await says what is wrong
		if err := await(conn, step.until); err != nil {
			return fmt.Errorf("%s: waiting for %q: %w", st.name, step.until, err)
		}
	}
	d.die(conn)
	return nil
}

func await(conn net.Conn, sign string) error {
	if sign == "" {
		return nil
	}
	var got []byte
	buf := make([]byte, 2048)
	for !bytes.Contains(got, []byte(sign)) {
		n, err := conn.Read(buf)
		got = append(got, buf[:n]...)
		if err != nil {
			return fmt.Errorf("%w, after %.300q", err, got)
		}
	}
	return nil
}
