package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/examples/internal/peer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs the chat on a real socket.
func serve(t *testing.T) (url string) {
	t.Helper()
	rooms, err := newRooms(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(newMux(rooms))
	t.Cleanup(func() {
		if err := rooms.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		web.Close()
	})
	return web.URL
}

func TestTalk(t *testing.T) {
	url := serve(t) + "/ws"
	ada := peer.Connect(t, url, map[string]string{"name": "ada"})
	bob := peer.Connect(t, url, map[string]string{"name": "bob"})
	for _, p := range []*peer.Peer{ada, bob} {
		p.Send("join", map[string]any{"rooms": []string{"lobby"}})
		p.Send("say", map[string]string{"room": "lobby", "text": "here"})
		if got := p.Expect("said"); !strings.Contains(got, `"text":"here"`) {
			t.Errorf("received %s", got)
		}
	}
	ada.ExpectData("said", `{"room":"lobby","from":"bob","text":"here"}`)
	ada.Send("say", map[string]string{"room": "lobby", "text": "hello <b>"})
	bob.ExpectData("said", `{"room":"lobby","from":"ada","text":"hello <b>"}`)

	bob.Send("say", map[string]string{"room": "elsewhere", "text": "hello"})
	bob.Expect("error")
}

func TestNameless(t *testing.T) {
	p := peer.Dial(t, serve(t)+"/ws", nil)
	p.Send("authenticate", map[string]string{"name": "  "})
	p.Expect("error")
	p.ExpectClose(hearth.CloseAuthenticationFailed)
}

func TestPage(t *testing.T) {
	answer, err := http.Get(serve(t))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(body), "<title>Chat</title>") {
		t.Errorf("the page is %s, %v:\n%s", answer.Status, err, body)
	}
}
