package attacks_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
	"github.com/hearthws/hearth/internal/frame"
)

// After some refusals net/http waits for half a second before it closes a
// connection, whatever becomes of its server.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// accepting are options that let everybody in as the user of the credentials
// {"user": …}, into every room, and echo.
func accepting() hearth.Options {
	return hearth.Options{
		Authenticate: func(_ context.Context, _ *hearth.Client, data json.RawMessage) (hearth.Identity, error) {
			var d struct{ User string }
			_ = json.Unmarshal(data, &d)
			return hearth.Identity{UserID: d.User}, nil
		},
		ValidateRooms: func(_ context.Context, _ *hearth.Client, rooms []string) ([]string, error) { return rooms, nil },
		OnMessage: func(_ context.Context, c *hearth.Client, m hearth.Message) error {
			_, err := c.Send(m.Event, m.Data)
			return err
		},
	}
}

func user(id string) any { return map[string]string{"user": id} }

func rooms(names ...string) any { return map[string][]string{"rooms": names} }

// target is a server under attack, on a port of its own.
type target struct {
	*hearthtest.Server
	addr string
}

// onBoth runs f against each transport that there is.
func onBoth(t *testing.T, opts func() hearth.Options, f func(t *testing.T, s *target)) {
	t.Helper()
	transports := []hearth.Transport{hearth.TransportStream}
	if runtime.GOOS == "linux" {
		transports = append(transports, hearth.TransportLoop)
	}
	for _, transport := range transports {
		t.Run(string(transport), func(t *testing.T) {
			o := opts()
			o.Transport = transport
			f(t, serve(t, o))
		})
	}
}

func serve(t *testing.T, opts hearth.Options) *target {
	t.Helper()
	s := hearthtest.New(t, opts)
	var lc net.ListenConfig
	lc.SetMultipathTCP(false) // loops serve plain TCP
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web := &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10}
	served := make(chan struct{})
	go func() {
		_ = web.Serve(ln)
		close(served)
	}()
	t.Cleanup(func() {
		web.Close()
		<-served
	})
	return &target{s, ln.Addr().String()}
}

func (s *target) conn(t testing.TB) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// dial connects a client that is not authenticated.
func (s *target) dial(t testing.TB) *hearthtest.Client {
	t.Helper()
	return s.Over(s.conn(t))
}

// deflating connects a client that may compress.
func (s *target) deflating(t testing.TB) *hearthtest.Client {
	t.Helper()
	r := hearthtest.NewRequest(s.Path())
	r.Header.Set("Sec-WebSocket-Extensions", "permessage-deflate")
	return s.OverRequest(s.conn(t), r)
}

// connect connects a client and authenticates it.
func (s *target) connect(t testing.TB, credentials any) *hearthtest.Client {
	t.Helper()
	c := s.dial(t)
	c.Authenticate(credentials)
	return c
}

// ask sends a raw request with what follows it, and returns the status of the
// answer and everything behind its header until the connection ends.
func (s *target) ask(t testing.TB, raw string) (status int, rest string) {
	t.Helper()
	conn := s.conn(t)
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	written := make(chan struct{})
	go func() {
		_, _ = io.WriteString(conn, raw) // the server need not read it all
		close(written)
	}()
	defer func() {
		conn.Close()
		<-written
	}()
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusSwitchingProtocols {
		return res.StatusCode, ""
	}
	body, _ := io.ReadAll(res.Body)
	behind, err := io.ReadAll(r)
	if err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the connection stays open: %v", err)
	}
	return res.StatusCode, string(body) + string(behind)
}

// upgrade is a request for an upgrade with fields added, or replaced.
func upgrade(fields ...string) string {
	lines := []string{
		"Host: example.com", "Upgrade: websocket", "Connection: Upgrade",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
	}
	for _, f := range fields {
		name, _, _ := strings.Cut(f, ":")
		for i, l := range lines {
			if strings.HasPrefix(l, name+":") {
				lines = append(lines[:i], lines[i+1:]...)
				break
			}
		}
		if !strings.HasSuffix(f, ":") { // a name alone takes the field away
			lines = append(lines, f)
		}
	}
	return "GET /ws HTTP/1.1\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// masked is one frame as a client sends it.
func masked(op frame.Opcode, fin bool, payload string) []byte {
	return frame.AppendMasked(nil, op, fin, false, []byte(payload), [4]byte{1, 2, 3, 4})
}

func expectClose(t testing.TB, c *hearthtest.Client, code int) {
	t.Helper()
	if got, reason := c.ExpectClose(); got != code {
		t.Errorf("closed with %d %q, want %d", got, reason, code)
	}
}

func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waiting in vain until %s", what)
		}
	}
}

// heap is the live heap in bytes.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// allocated is what was allocated so far, in bytes.
func allocated() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.TotalAlloc)
}

func errorEvent(text string) string { return `{"event":"error","data":{"message":"` + text + `"}}` }
