package soak

import (
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/internal/frame"
)

// maxUnauthenticated is what a connection may cost before it has authenticated,
// counted from the 101, in bytes of heap and stacks.
const maxUnauthenticated = 16 << 10

// G9: what an unauthenticated connection costs, whatever it sends. The test's
// own end of it counts, too.
func TestG9UnauthenticatedCost(t *testing.T) {
	const n = 500
	// A bomb: 4 MiB of nothing, which is 4 KiB compressed.
	bomb := frame.AppendDeflated(nil, frame.Text, []byte(strings.Repeat(" ", 4<<20)), 15)
	for _, sent := range []struct {
		name  string
		send  []byte
		stays bool // or is refused
	}{
		{"nothing", nil, true},
		{"most of a small message", text(strings.Repeat("x", 1000))[:900], true},
		{"most of a message as long as may be", frame.AppendMasked(nil, frame.Text, true, false,
			[]byte(strings.Repeat("x", hearth.DefaultMaxAuthPayload)), [4]byte{})[:hearth.DefaultMaxAuthPayload], true},
		{"fragments", []byte("\x01\x81\x00\x00\x00\x00x" + strings.Repeat("\x00\x81\x00\x00\x00\x00x", 100)), true},
		{"events that it may not send", []byte(strings.Repeat(string(event("x")), 3)), true},
		{"a bomb", frame.AppendMasked(nil, frame.Text, true, true, bomb[4:], [4]byte{}), false},
	} {
		for _, transport := range transports() {
			t.Run(string(transport)+", "+sent.name, func(t *testing.T) {
				s := open(t, transport)
				connect := func() net.Conn {
					conn, err := s.dial()
					if err != nil {
						t.Fatal(err)
					}
					upgrade := strings.Replace(string(request), "\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", 1)
					_, _ = conn.Write([]byte(upgrade))
					if err := await(conn, "\r\n\r\n"); err != nil {
						t.Fatal(err)
					}
					_, _ = conn.Write(append(frame.AppendMasked(nil, frame.Ping, true, false, []byte("read?"), [4]byte{}), sent.send...))
					if err := await(conn, "read?"); err != nil {
						t.Fatal(err)
					}
					return conn
				}
				connect().Close() // buffers that are there once
				s.empty(t)
				refused, before := s.Stats().Refused["size"], memory()
				conns := make([]net.Conn, n)
				for i := range conns {
					conns[i] = connect()
				}
				if !sent.stays {
					for end := time.Now().Add(10 * time.Second); s.Stats().Refused["size"] < refused+n; time.Sleep(time.Millisecond) {
						if time.Now().After(end) {
							t.Fatalf("%d of %d were refused", s.Stats().Refused["size"]-refused, n)
						}
					}
				}
				each := max(memory()-before, memory()-before) / n // once more, for what is being read
				t.Logf("%d bytes for each", each)
				if there := s.Stats().Connections; sent.stays && there != n {
					t.Errorf("%d connections are there, want %d", there, n)
				}
				if each > maxUnauthenticated {
					t.Errorf("a connection costs %d bytes, and may %d", each, maxUnauthenticated)
				}
				for _, conn := range conns {
					conn.Close()
				}
				s.empty(t)
			})
		}
	}
}

// memory is the live heap and all stacks, in bytes.
func memory() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
