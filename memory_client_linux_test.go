package hearth_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http/httptest"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/internal/frame"
)

// TestIdleClientMemory bounds the live heap of an idle authenticated client on
// an event loop: docs/performance.md.
func TestIdleClientMemory(t *testing.T) {
	const clients, limit = 6000, 700
	srv, err := hearth.New(t.Context(), hearth.Options{
		Transport: hearth.TransportLoop,
		Authenticate: func(_ context.Context, c *hearth.Client, data json.RawMessage) (hearth.Identity, error) {
			var d struct{ UserID string }
			err := json.Unmarshal(data, &d)
			return hearth.Identity{UserID: d.UserID}, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewUnstartedServer(srv)
	web.Listener = plainListener(t)
	web.Start()
	defer web.Close()
	defer srv.Shutdown(context.Background())

	conns := make([]int, 0, clients+100)
	defer func() {
		for _, fd := range conns {
			syscall.Close(fd)
		}
	}()
	for i := range 100 {
		conns = append(conns, idleClient(t, web.Listener.Addr().String(), i)) // warm up
	}
	before := liveHeap()
	for i := range clients {
		conns = append(conns, idleClient(t, web.Listener.Addr().String(), 100+i))
	}
	each := float64(liveHeap()-before) / clients
	if each > limit {
		t.Errorf("an idle client holds %.0f bytes of live heap, more than %d", each, limit)
	}
	t.Logf("%.0f bytes of live heap for each of %d idle clients", each, clients)
}

// plainListener speaks TCP, not MPTCP.
func plainListener(t testing.TB) net.Listener {
	t.Helper()
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// idleClient authenticates, and leaves nothing on this side but a descriptor.
func idleClient(t testing.TB, addr string, i int) int {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", addr)
	msg := fmt.Sprintf(`{"event":"authenticate","data":{"userId":"user-%d"}}`, i)
	if _, err := conn.Write(frame.AppendMasked(nil, frame.Text, true, false, []byte(msg), [4]byte{})); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReaderSize(conn, 512)
	for {
		line, err := r.ReadString('}')
		if err != nil {
			t.Fatalf("waiting for connected: %v", err)
		}
		if strings.Contains(line, `"connected"`) {
			break
		}
	}
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var fd int
	if cerr := raw.Control(func(p uintptr) { fd, err = syscall.Dup(int(p)) }); cerr != nil || err != nil {
		t.Fatal(cerr, err)
	}
	return fd
}

func liveHeap() int64 {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
