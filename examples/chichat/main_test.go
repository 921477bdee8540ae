package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"go.uber.org/goleak"

	"github.com/hearthws/hearth/examples/internal/peer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func serve(t *testing.T) (url string) {
	t.Helper()
	rooms, err := newRooms(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(newRouter(rooms))
	t.Cleanup(func() {
		if err := rooms.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		web.Close()
	})
	return web.URL
}

// login returns the header of a request with a session.
func login(t *testing.T, at, name string) http.Header {
	t.Helper()
	answer, err := http.PostForm(at+"/login", url.Values{"name": {name}})
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if len(answer.Cookies()) != 1 {
		t.Fatalf("login is answered %s with cookies %v", answer.Status, answer.Cookies())
	}
	return http.Header{"Cookie": {answer.Cookies()[0].String()}}
}

func TestSession(t *testing.T) {
	at := serve(t)
	ada := peer.Dial(t, at+"/api/ws", login(t, at, "ada"))
	bob := peer.Dial(t, at+"/api/ws", login(t, at, "bob"))
	for _, p := range []*peer.Peer{ada, bob} {
		p.Send("authenticate", nil)
		p.Expect("connected")
	}
	ada.Send("say", "hello")
	bob.ExpectData("said", `{"from":"ada","text":"hello"}`)
	ada.ExpectData("said", `{"from":"ada","text":"hello"}`)
}

func TestNoSession(t *testing.T) {
	at := serve(t)
	for _, cookie := range []string{"", "session=guessed"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at+"/api/ws", nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{
			"Connection": "Upgrade", "Upgrade": "websocket", "Cookie": cookie,
			"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
		} {
			request.Header.Set(name, value)
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("with cookie %q: %s", cookie, answer.Status)
		}
	}
}
