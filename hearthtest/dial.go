package hearthtest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/hearthws/hearth"
)

// NewRequest is a valid request for an upgrade, to be changed at will and given
// to [Server.DialHandler], or with an [httptest.ResponseRecorder] to a handler
// that is to refuse it.
func NewRequest(path string) *http.Request {
	if path == "*" {
		path = "/"
	}
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Sec-WebSocket-Version", "13")
	r.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	return r
}

// Dial connects a client, which is not authenticated yet. It waits for the
// upgrade.
func (s *Server) Dial() *Client {
	s.t.Helper()
	return s.DialAs(hearth.UpgradeData{})
}

// DialAs is [Server.Dial] for an application that calls [hearth.Server.Upgrade]
// with data.
func (s *Server) DialAs(data hearth.UpgradeData) *Client {
	s.t.Helper()
	upgraded := make(chan *hearth.Client, 1)
	c := s.DialHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hc, _ := s.Upgrade(w, r, data) // the client sees the answer
		upgraded <- hc
	}), NewRequest(s.Path()))
	select {
	case c.server = <-upgraded:
	case <-time.After(Patience):
		s.t.Fatalf("hearthtest: Upgrade has answered the request, and does not return")
	}
	if c.server == nil {
		s.t.Fatalf("hearthtest: Upgrade has failed after it answered the request")
	}
	return c
}

// DialHandler connects a client through h, the application's own handler in
// front of the server, which takes r as if it had come from the network. It
// waits for the upgrade.
func (s *Server) DialHandler(h http.Handler, r *http.Request) *Client {
	s.t.Helper()
	near, far := net.Pipe()
	s.running.Go(func() { s.serve(h, far, r) })
	return s.client(near, r)
}

// Over connects a client over conn, which leads to the server in any way, for
// instance through a listener of net/http. It waits for the upgrade.
func (s *Server) Over(conn net.Conn) *Client {
	s.t.Helper()
	return s.OverRequest(conn, NewRequest(s.Path()))
}

// OverRequest is [Server.Over] with a request of the caller's.
func (s *Server) OverRequest(conn net.Conn, r *http.Request) *Client {
	s.t.Helper()
	if err := r.Write(conn); err != nil {
		s.t.Fatalf("hearthtest: sending the request for an upgrade: %v", err)
	}
	return s.client(conn, r)
}

// Connect is [Server.Dial], and [Client.Authenticate] with credentials.
func (s *Server) Connect(credentials any) *Client {
	s.t.Helper()
	c := s.Dial()
	c.Authenticate(credentials)
	return c
}

// DialContext opens a connection to the server in memory, whatever network and
// addr are: it is what a client of another kind dials with, such as those of
// package client. The connection ends with the server.
func (s *Server) DialContext(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.foreign = append(s.foreign, far)
	s.running.Go(func() {
		r, err := http.ReadRequest(bufio.NewReader(far))
		if err != nil {
			far.Close()
			return
		}
		r.RemoteAddr = "192.0.2.1:1234" // as httptest has it
		s.serve(s, far, r)
	})
	return near, nil
}

// client reads the answer to r and starts a client on conn.
func (s *Server) client(conn net.Conn, r *http.Request) *Client {
	s.t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(Patience))
	br := bufio.NewReader(conn)
	res, err := http.ReadResponse(br, r) //nolint:bodyclose // a 101 has no body, and the rest is read by others
	if err != nil {
		conn.Close()
		s.t.Fatalf("hearthtest: no answer to the request for an upgrade: %v", err)
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		body, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
		conn.Close()
		s.t.Fatalf("hearthtest: the upgrade was refused: %s: %s", res.Status, strings.TrimSpace(string(body)))
	}
	_ = conn.SetReadDeadline(time.Time{})
	ahead, _ := br.Peek(br.Buffered())
	c := newClient(s, conn, res.Header)
	s.track(c)
	go c.read(ahead)
	return c
}

// serve lets h answer r over conn. The request's context ends when h returns, as
// that of net/http does, and with the server.
func (s *Server) serve(h http.Handler, conn net.Conn, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.life, cancel)()
	w := &responseWriter{ResponseRecorder: httptest.NewRecorder(), conn: conn}
	h.ServeHTTP(w, r.WithContext(ctx))
	if w.taken {
		return
	}
	defer conn.Close()
	_ = conn.SetWriteDeadline(time.Now().Add(Patience))
	res := w.Result()
	res.Header.Set("Connection", "close")
	_ = res.Write(conn) // a client that is gone needs no answer
}

// responseWriter is an http.ResponseWriter whose connection can be taken over.
type responseWriter struct {
	*httptest.ResponseRecorder
	conn  net.Conn
	taken bool
}

// Hijack implements [http.Hijacker].
func (w *responseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.taken {
		return nil, nil, fmt.Errorf("hearthtest: %w", http.ErrHijacked)
	}
	w.taken = true
	return w.conn, bufio.NewReadWriter(bufio.NewReader(w.conn), bufio.NewWriter(w.conn)), nil
}
