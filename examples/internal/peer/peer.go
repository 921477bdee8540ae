// Package peer is a WebSocket client for the tests of the examples. Its
// functions end the test when something fails, or takes too long.
package peer

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// patience is how long a peer waits for anything.
const patience = 10 * time.Second

// Peer is one connection. It belongs to the test's goroutine.
type Peer struct {
	t  testing.TB
	ws *websocket.Conn
}

// Dial connects to a server at http://…; header may be nil.
func Dial(t testing.TB, url string, header http.Header) *Peer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ws, answer, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPHeader: header}) //nolint:bodyclose // it has none
	if err != nil {
		t.Fatalf("dial %s: %v, %v", url, err, answer)
	}
	t.Cleanup(func() { _ = ws.CloseNow() })
	return &Peer{t, ws}
}

// Connect dials and authenticates.
func Connect(t testing.TB, url string, credentials any) *Peer {
	t.Helper()
	p := Dial(t, url, nil)
	p.Send("authenticate", credentials)
	p.Expect("connected")
	return p
}

// Send sends an event.
func (p *Peer) Send(event string, data any) {
	p.t.Helper()
	raw, err := json.Marshal(map[string]any{"event": event, "data": data})
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := p.ws.Write(ctx, websocket.MessageText, raw); err != nil {
		p.t.Fatalf("send %s: %v", event, err)
	}
}

// Expect wants this event next, and returns its data as JSON.
func (p *Peer) Expect(event string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, raw, err := p.ws.Read(ctx)
	if err != nil {
		p.t.Fatalf("waiting for %s: %v", event, err)
	}
	var m struct {
		Event string
		Data  json.RawMessage
	}
	if err := json.Unmarshal(raw, &m); err != nil || m.Event != event {
		p.t.Fatalf("received %s, want %s", raw, event)
	}
	return string(m.Data)
}

// ExpectData wants this event with this data next.
func (p *Peer) ExpectData(event, want string) {
	p.t.Helper()
	if got := p.Expect(event); strings.TrimSpace(got) != want {
		p.t.Fatalf("%s has %s, want %s", event, got, want)
	}
}

// ExpectClose wants the server to close with this code.
func (p *Peer) ExpectClose(code int) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, raw, err := p.ws.Read(ctx)
	if got := websocket.CloseStatus(err); int(got) != code {
		p.t.Fatalf("received %s, %v, want close %d", raw, err, code)
	}
}
