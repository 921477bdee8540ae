//go:build !race

// The race detector sees no raw system calls, and the wrappers that stand in
// for them allocate.

package seal_test

import (
	"encoding/json"
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
	"github.com/hearthws/hearth/internal/frame"
	"github.com/hearthws/hearth/seal"
)

// fanOut is a server with encrypted members of its default room, on one event
// loop.
func fanOut(t testing.TB, members int) (s *hearthtest.Server, conns []net.Conn) {
	t.Helper()
	o := sealing(newEncryption(t, seal.Options{}))
	o.Transport, o.Loops = hearth.TransportLoop, 1
	s = hearthtest.New(t, o)
	addr := listen(t, s)
	for range members {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		conns = append(conns, conn)
		request := "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
		offer, err := seal.NewOffer(seal.ClientOptions{})
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(map[string]any{"event": "authenticate", "data": offer.Credentials()})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(append([]byte(request), masked(text)...)); err != nil {
			t.Fatal(err)
		}
		readUntil(t, conn, `"inbound":true}}}`)
	}
	return s, conns
}

// readUntil takes what comes until text.
func readUntil(t testing.TB, conn net.Conn, text string) {
	t.Helper()
	one := make([]byte, 1)
	for at := 0; at < len(text); {
		if _, err := conn.Read(one); err != nil {
			t.Fatal(err)
		}
		if one[0] == text[at] {
			at++
		} else {
			at = 0
		}
	}
}

// sealedLength is how many bytes a socket gets for a message.
func sealedLength(t testing.TB, message string) int {
	t.Helper()
	s, err := seal.ServerSession(fixedKey("a"), fixedKey("b").PublicKey(), fixed("salt"), seal.DefaultInfo, "", true)
	if err != nil {
		t.Fatal(err)
	}
	return len(frame.Append(nil, frame.Text, s.AppendSealed(nil, []byte(message))))
}

// What a message costs in memory does not depend on how many get it sealed.
func TestSealedFanOutAllocatesNothingPerMember(t *testing.T) {
	const members, messages = 500, 50
	const most = members / 20 // allocations for each message
	s, conns := fanOut(t, members)
	received := make([]byte, sealedLength(t, `{"event":"tick","data":1}`))
	last := conns[members-1] // is written to after all others, which do not read
	run := func() {
		for range messages {
			if err := s.Broadcast(t.Context(), "tick", 1); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(last, received); err != nil {
				t.Fatal(err)
			}
		}
	}
	run() // lets buffers grow
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	run()
	runtime.ReadMemStats(&after)
	each := float64(after.Mallocs-before.Mallocs) / messages
	if each > most {
		t.Errorf("a message to %d encrypted members allocates %.1f times, more than %d", members, each, most)
	}
	t.Logf("%.1f allocations for each message to %d encrypted members", each, members)
	if got := s.Stats().Dropped; got != 0 {
		t.Errorf("%d messages were dropped", got)
	}
}
