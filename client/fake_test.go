package client_test

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// fake is an HTTP server in memory, for what a Hearth server does not do.
type fake struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newFake(t *testing.T, h http.HandlerFunc) *fake {
	t.Helper()
	f := &fake{conns: make(chan net.Conn), closed: make(chan struct{})}
	s := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = s.Serve(f)
	}()
	t.Cleanup(func() {
		s.Close()
		<-served
	})
	return f
}

func (f *fake) Accept() (net.Conn, error) {
	select {
	case c := <-f.conns:
		return c, nil
	case <-f.closed:
		return nil, net.ErrClosed
	}
}

func (f *fake) Close() error {
	f.once.Do(func() { close(f.closed) })
	return nil
}

func (f *fake) Addr() net.Addr { return &net.TCPAddr{} }

// DialContext is for client.Options.Dial.
func (f *fake) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case f.conns <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// socket is the other end of a client's connection.
type socket struct {
	t  *testing.T
	ws *websocket.Conn
}

// upgrade takes a connection of an http.Handler.
func upgrade(t *testing.T, w http.ResponseWriter, r *http.Request) *socket {
	ws, err := websocket.Accept(w, r, nil)
	if err != nil {
		t.Errorf("upgrade: %v", err)
		return nil
	}
	return &socket{t, ws}
}

// read returns the next message; false when the connection has ended.
func (s *socket) read() (m struct {
	Event string
	Data  json.RawMessage
}, ok bool,
) {
	_, raw, err := s.ws.Read(context.Background())
	if err != nil {
		return m, false
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		s.t.Errorf("the client sent %s: %v", raw, err)
	}
	return m, true
}

func (s *socket) write(text string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_ = s.ws.Write(ctx, websocket.MessageText, []byte(text)) // the client may be gone
}

// admit answers `authenticate`.
func (s *socket) admit() {
	if m, ok := s.read(); ok && m.Event != "authenticate" {
		s.t.Errorf("the client began with %s", m.Event)
	}
	s.write(`{"event":"connected","data":{"id":"c1","time":"2026-01-02T03:04:05.678Z","new":1}}`)
}

// close says goodbye.
func (s *socket) close(code int, reason string) {
	_ = s.ws.Close(websocket.StatusCode(code), reason)
}
