package handshake_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hearthws/hearth/internal/handshake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The example of RFC 6455, section 1.3.
const (
	sampleKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	sampleAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// request is a valid handshake, changed by edits: "Name: value" replaces or
// adds a field, "Name:" removes it, "+Name: value" adds one more, and "> line"
// replaces the request line.
func request(edits ...string) string {
	line := "GET /ws HTTP/1.1"
	fields := []string{
		"Host: example.com",
		"Upgrade: websocket",
		"Connection: Upgrade",
		"Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: " + sampleKey,
	}
	for _, edit := range edits {
		if rest, ok := strings.CutPrefix(edit, "> "); ok {
			line = rest
			continue
		}
		if rest, ok := strings.CutPrefix(edit, "+"); ok {
			fields = append(fields, rest)
			continue
		}
		name, value, _ := strings.Cut(edit, ":")
		kept := fields[:0:0]
		for _, f := range fields {
			if !strings.HasPrefix(f, name+":") {
				kept = append(kept, f)
			}
		}
		fields = kept
		if value != "" {
			fields = append(fields, edit)
		}
	}
	return line + "\r\n" + strings.Join(fields, "\r\n") + "\r\n\r\n"
}

// parse is the request as net/http hands it to a handler.
func parse(t testing.TB, raw string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		t.Fatalf("not even HTTP: %v", err)
	}
	return r
}

// serve starts a server whose handler upgrades with o and passes what came of
// it to then, on the goroutine of the request.
func serve(t *testing.T, o *handshake.Options, then func(handshake.Result, error)) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		then(handshake.Upgrade(w, r, o))
	}))
	t.Cleanup(s.Close)
	return s
}

// dial opens a connection to s that fails the test rather than hang.
func dial(t *testing.T, s *httptest.Server) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

// exchange sends raw and reads the answer, with its body unless it is a 101.
func exchange(t *testing.T, s *httptest.Server, raw string) (*http.Response, string, *bufio.Reader) {
	t.Helper()
	c, br := dial(t, s)
	if _, err := io.WriteString(c, raw); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		return res, "", br
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res, string(body), br
}
