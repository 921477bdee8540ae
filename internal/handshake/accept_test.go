package handshake_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth/internal/frame"
	"github.com/hearthws/hearth/internal/handshake"
)

// outcome is what a handler got from Upgrade.
type outcome struct {
	res handshake.Result
	err error
}

// upgraded starts a server and returns a channel with the outcome of each
// request. Connections are closed at the end of the test.
func upgraded(t *testing.T, o *handshake.Options) (*httptest.Server, <-chan outcome) {
	t.Helper()
	outcomes := make(chan outcome, 10)
	s := serve(t, o, func(res handshake.Result, err error) {
		if res.Conn != nil {
			t.Cleanup(func() { res.Conn.Close() })
		}
		outcomes <- outcome{res, err}
	})
	return s, outcomes
}

func TestAccept(t *testing.T) {
	o := &handshake.Options{Deflate: true, Header: http.Header{
		"X-Server":               {"hearth"},
		"Set-Cookie":             {"a=1", "b=2"},
		"X-Split":                {"one\r\nX-Evil: two"},
		"Sec-Websocket-Protocol": {"not this way"},
		"Content-Length":         {"5"},
	}}
	s, outcomes := upgraded(t, o)
	res, _, _ := exchange(t, s, request(
		"Sec-WebSocket-Protocol: chat, superchat",
		"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10; client_max_window_bits",
	))
	if res.Status != "101 Switching Protocols" {
		t.Fatalf("status %q", res.Status)
	}
	want := http.Header{
		"Upgrade":                  {"websocket"},
		"Connection":               {"Upgrade"},
		"Sec-Websocket-Accept":     {sampleAccept},
		"Sec-Websocket-Protocol":   {"chat"},
		"Sec-Websocket-Extensions": {"permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10"},
		"X-Server":                 {"hearth"},
		"Set-Cookie":               {"a=1", "b=2"},
		"X-Split":                  {"one  X-Evil: two"},
	}
	if diff := cmp.Diff(want, res.Header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	got := <-outcomes
	if got.err != nil || !got.res.Deflate || got.res.WindowBits != 10 || got.res.Subprotocol != "chat" || got.res.Buffered != nil {
		t.Errorf("Upgrade = %+v, %v", got.res, got.err)
	}
}

func TestAcceptPlain(t *testing.T) {
	s, outcomes := upgraded(t, &handshake.Options{})
	res, _, _ := exchange(t, s, request("Sec-WebSocket-Extensions: permessage-deflate"))
	want := http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Accept": {sampleAccept}}
	if diff := cmp.Diff(want, res.Header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	if got := <-outcomes; got.err != nil || got.res.Deflate || got.res.WindowBits != 15 {
		t.Errorf("Upgrade = %+v, %v", got.res, got.err)
	}
}

// What is sent along with the request is not lost, and belongs to the caller.
func TestAcceptBuffered(t *testing.T) {
	s, outcomes := upgraded(t, &handshake.Options{})
	first := string(frame.AppendMasked(nil, frame.Text, true, false, []byte("early"), [4]byte{1, 2, 3, 4}))
	res, _, _ := exchange(t, s, request()+first)
	if res.StatusCode != 101 {
		t.Fatalf("status %q", res.Status)
	}
	got := <-outcomes
	if string(got.res.Buffered) != first {
		t.Errorf("Buffered = %q, want %q", got.res.Buffered, first)
	}
}

// The answer is written under a deadline; none outlives the handshake, whoever
// has set it.
func TestAcceptDeadlines(t *testing.T) {
	tests := []struct {
		name    string
		timeout time.Duration
		want    time.Duration
	}{
		{"default", 0, 10 * time.Second},
		{"own", time.Minute, time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plan, refused := handshake.Check(parse(t, request()), &handshake.Options{WriteTimeout: tt.timeout})
			if refused != nil {
				t.Fatal(refused)
			}
			conn := new(memoryConn)
			start := time.Now()
			if _, err := plan.Accept(hijacker{httptest.NewRecorder(), conn}); err != nil {
				t.Fatal(err)
			}
			if len(conn.deadlines) != 2 {
				t.Fatalf("deadlines set: %v, want one and none", conn.deadlines)
			}
			if d := conn.deadlines[0].Sub(start); d < tt.want || d > tt.want+time.Since(start) {
				t.Errorf("deadline after %v, want %v", d, tt.want)
			}
			if !conn.deadlines[1].IsZero() {
				t.Errorf("deadline left: %v", conn.deadlines[1])
			}
		})
	}
}

// Fields that a middleware has set are sent, through writers that unwrap.
func TestAcceptBehindMiddleware(t *testing.T) {
	outcomes := make(chan outcome, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "42")
		res, err := handshake.Upgrade(wrapper{w}, r, &handshake.Options{})
		outcomes <- outcome{res, err}
	}))
	t.Cleanup(s.Close)
	res, _, _ := exchange(t, s, request())
	if res.StatusCode != 101 || res.Header.Get("X-Request-Id") != "42" {
		t.Errorf("answer %q with %v", res.Status, res.Header)
	}
	got := <-outcomes
	if got.err != nil {
		t.Fatal(got.err)
	}
	got.res.Conn.Close()
}

type wrapper struct{ w http.ResponseWriter }

func (w wrapper) Header() http.Header         { return w.w.Header() }
func (w wrapper) Write(p []byte) (int, error) { return w.w.Write(p) }
func (w wrapper) WriteHeader(status int)      { w.w.WriteHeader(status) }
func (w wrapper) Unwrap() http.ResponseWriter { return w.w }

func TestAcceptWithoutHijacker(t *testing.T) {
	w := httptest.NewRecorder()
	_, err := handshake.Upgrade(w, parse(t, request()), &handshake.Options{})
	var e *handshake.Error
	if !errors.As(err, &e) || e.Reason != "hijack" || !errors.Is(err, http.ErrNotSupported) {
		t.Errorf("Upgrade: %v", err)
	}
	if w.Code != 500 || !strings.Contains(w.Body.String(), "http.Hijacker") {
		t.Errorf("answered %d %q", w.Code, w.Body)
	}
}

// A client that does not read costs at most the timeout, one that has gone
// nothing; there is no answer in either case.
func TestAcceptWriteFails(t *testing.T) {
	silent, client := net.Pipe()
	defer client.Close()
	gone, other := net.Pipe()
	other.Close()
	gone.Close()
	for name, conn := range map[string]net.Conn{"silent": silent, "gone": gone} {
		plan, refused := handshake.Check(parse(t, request()), &handshake.Options{WriteTimeout: time.Millisecond})
		if refused != nil {
			t.Fatal(refused)
		}
		w := httptest.NewRecorder()
		_, err := plan.Accept(hijacker{w, conn})
		var e *handshake.Error
		if !errors.As(err, &e) || e.Reason != "write" || e.Status != 0 {
			t.Fatalf("%s: Accept: %v", name, err)
		}
		e.Write(w)
		if len(w.Header()) > 0 || w.Body.Len() > 0 {
			t.Errorf("%s: answered %v %q", name, w.Header(), w.Body)
		}
		if err := conn.SetDeadline(time.Time{}); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s: the connection is not closed: %v", name, err)
		}
	}
}

type hijacker struct {
	http.ResponseWriter
	conn net.Conn
}

func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.conn, bufio.NewReadWriter(bufio.NewReader(h.conn), bufio.NewWriter(h.conn)), nil
}

// memoryConn is a connection to nobody. It keeps what is written and the
// deadlines.
type memoryConn struct {
	net.Conn
	written   bytes.Buffer
	deadlines []time.Time
}

func (c *memoryConn) Write(p []byte) (int, error) { return c.written.Write(p) }
func (c *memoryConn) Close() error                { return nil }

func (c *memoryConn) SetDeadline(t time.Time) error {
	c.deadlines = append(c.deadlines, t)
	return nil
}

// A refusal says what to do, and closes the connection.
func TestRefusals(t *testing.T) {
	tests := []struct {
		name   string
		raw    string
		status int
		header http.Header
		text   string
	}{
		{"no upgrade", request("Upgrade:"), 426, http.Header{"Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}}, "Upgrade: websocket"},
		{"version", request("Sec-WebSocket-Version: 8"), 426, http.Header{"Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}}, "Sec-WebSocket-Version: 13"},
		{"method", request("> POST /ws HTTP/1.1"), 405, http.Header{"Allow": {"GET"}}, "GET"},
		{"HTTP/1.0", request("> GET /ws HTTP/1.0"), 400, nil, "HTTP/1.1"},
		{"key", request("Sec-WebSocket-Key: short"), 400, nil, "Sec-WebSocket-Key"},
		{"body", request("Content-Length: 3") + "abc", 400, nil, "body"},
		{"origin", request("Origin: https://evil.com"), 403, nil, "origin"},
		{"pipelined frames", request("Sec-WebSocket-Key:") + "\x81\x80\x01\x02\x03\x04", 400, nil, "Sec-WebSocket-Key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, outcomes := upgraded(t, &handshake.Options{})
			res, body, br := exchange(t, s, tt.raw)
			if res.StatusCode != tt.status {
				t.Errorf("status %q, want %d", res.Status, tt.status)
			}
			for name, want := range tt.header {
				if diff := cmp.Diff(want, res.Header[name]); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
			if got := res.Header.Get("Content-Type"); got != "text/plain; charset=utf-8" {
				t.Errorf("Content-Type: %s", got)
			}
			if !strings.Contains(body, tt.text) {
				t.Errorf("body %q does not mention %q", body, tt.text)
			}
			if !res.Close {
				t.Errorf("connection is not announced to be closed: %v", res.Header)
			}
			if rest, err := io.ReadAll(br); len(rest) > 0 || err != nil && !isReset(err) {
				t.Errorf("the connection goes on: %q, %v", rest, err)
			}
			var e *handshake.Error
			if got := <-outcomes; !errors.As(got.err, &e) || e.Status != tt.status {
				t.Errorf("Upgrade: %v", got.err)
			}
		})
	}
}

// isReset reports whether err is that of a connection that was closed with
// unread input, which resets it.
func isReset(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && !op.Timeout()
}

// HTTP/2 has no Upgrade; the answer says what is needed instead.
func TestHTTP2(t *testing.T) {
	refused := make(chan error, 1)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := handshake.Upgrade(w, r, &handshake.Options{})
		refused <- err
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	res, err := s.Client().Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.ProtoMajor != 2 || res.StatusCode != 400 || !strings.Contains(string(body), "HTTP/1.1") {
		t.Errorf("%s: %s: %q", res.Proto, res.Status, body)
	}
	var e *handshake.Error
	if err := <-refused; !errors.As(err, &e) || e.Reason != "protocol" {
		t.Errorf("Upgrade: %v", err)
	}
}

// An independent client connects, and both sides understand each other's
// frames, compressed and not.
func TestIndependentClient(t *testing.T) {
	for name, mode := range map[string]websocket.CompressionMode{
		"plain":            websocket.CompressionDisabled,
		"deflate":          websocket.CompressionNoContextTakeover,
		"deflate, context": websocket.CompressionContextTakeover,
	} {
		t.Run(name, func(t *testing.T) {
			s, outcomes := upgraded(t, &handshake.Options{Deflate: true})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			c, _, err := websocket.Dial(ctx, s.URL, &websocket.DialOptions{
				CompressionMode: mode, CompressionThreshold: 1, Subprotocols: []string{"v1"},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer c.CloseNow()
			got := <-outcomes
			if got.err != nil || got.res.Deflate != (mode != websocket.CompressionDisabled) || c.Subprotocol() != "v1" {
				t.Fatalf("Upgrade = %+v, %v; subprotocol %q", got.res, got.err, c.Subprotocol())
			}
			go echo(got.res)
			for range 3 {
				want := strings.Repeat("Hello, world! ", 100)
				if err := c.Write(ctx, websocket.MessageText, []byte(want)); err != nil {
					t.Fatal(err)
				}
				if op, p, err := c.Read(ctx); err != nil || op != websocket.MessageText || string(p) != want {
					t.Fatalf("Read = %v, %q, %v", op, p, err)
				}
			}
		})
	}
}

// echo sends every message back until the connection ends.
func echo(res handshake.Result) {
	var r frame.Reader
	r.Reset(&frame.Config{MaxMessage: 1 << 20}, res.Deflate)
	h := &echoer{res}
	buf := append(make([]byte, 0, 4096), res.Buffered...)
	for {
		if _, err := r.Feed(buf, h); err != nil {
			return
		}
		n, err := res.Conn.Read(buf[:cap(buf)])
		if err != nil {
			return
		}
		buf = buf[:n]
	}
}

type echoer struct{ res handshake.Result }

func (e *echoer) Message(op frame.Opcode, p []byte) bool {
	var b []byte
	if e.res.Deflate {
		b = frame.AppendDeflated(nil, op, p, e.res.WindowBits)
	} else {
		b = frame.Append(nil, op, p)
	}
	_, err := e.res.Conn.Write(b)
	return err != nil
}

func (e *echoer) Control(frame.Opcode, []byte) bool { return false }
