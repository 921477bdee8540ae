package main

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// dial says lines to a peer, and returns a function that reads one.
func dial(t *testing.T, url string, lines ...string) func() string {
	ws, _, err := websocket.DefaultDialer.Dial(url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	for _, line := range lines {
		if err := ws.WriteMessage(websocket.TextMessage, []byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	return func() string {
		_ = ws.SetReadDeadline(time.Now().Add(10 * time.Second))
		_, text, err := ws.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(text))
	}
}

func expect(t *testing.T, read func() string, want ...string) {
	t.Helper()
	for _, w := range want {
		if got := read(); got != w {
			t.Fatalf("received %s, want %s", got, w)
		}
	}
}

// The peers do what they are compared by.
func TestPeers(t *testing.T) {
	for _, name := range []string{"gws", "gorilla", "coder"} {
		t.Run(name, func(t *testing.T) {
			url := start(t, name)
			const hello, in = `{"event":"authenticate","data":{}}`, `{"event":"connected","data":{"id":"peer"}}`
			ada := dial(t, url, hello, `{"event":"join","data":{"rooms":["r"]}}`, `{"event":"echo","data":[1]}`)
			expect(t, ada, in, `{"event":"echo","data":[1]}`)
			bob := dial(t, url, hello, `{"event":"join","data":{"rooms":["r"]}}`,
				`{"event":"pub","data":{"room":"r","body":{"n":1}}}`, `{"event":"pub","data":{"room":"r","body":2}}`)
			expect(t, bob, in, `{"event":"msg","data":{"n":1}}`, `{"event":"msg","data":2}`)
			expect(t, ada, `{"event":"msg","data":{"n":1}}`, `{"event":"msg","data":2}`)
		})
	}
}

func TestCentrifuge(t *testing.T) {
	read := dial(t, start(t, "centrifuge"), `{"id":1,"connect":{}}`, `{"id":2,"subscribe":{"channel":"r"}}`,
		`{"id":3,"publish":{"channel":"r","data":{"n":1}}}`)
	for text := ""; !strings.Contains(text, `{"push":{"channel":"r","pub":{"data":{"n":1}}`); {
		text += read()
	}
}

func start(t *testing.T, name string) string {
	handler, err := peers[name]()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return "ws" + strings.TrimPrefix(server.URL, "http")
}
