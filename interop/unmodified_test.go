//go:build unix

package interop

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/hearthws/hearth/internal/redistest"
	"github.com/hearthws/hearth/internal/transcript/servers"
)

// foreign is one connection of a client library that knows nothing of Hearth.
type foreign struct {
	t     testing.TB
	name  string
	write func(text string)
	heard chan heard
}

// heard is a message, or, with a code, the end.
type heard struct {
	N      int    `json:"n"`
	Text   string `json:"text"`
	Code   int    `json:"code"`
	Reason string `json:"reason"`
}

func (f *foreign) say(event string, data any) {
	f.t.Helper()
	text, err := json.Marshal(map[string]any{"event": event, "data": data})
	if err != nil {
		f.t.Fatal(err)
	}
	f.write(string(text))
}

func (f *foreign) hear() heard {
	f.t.Helper()
	select {
	case h := <-f.heard:
		return h
	case <-time.After(waitLimit):
		f.t.Fatalf("%s hears nothing within %s", f.name, waitLimit)
		return heard{}
	}
}

// expect wants the next thing heard to be that message.
func (f *foreign) expect(event, data string) {
	f.t.Helper()
	want := fmt.Sprintf(`{"event":%q,"data":%s}`, event, data)
	if h := f.hear(); h.Text != want {
		f.t.Fatalf("%s hears %+v, want %s", f.name, h, want)
	}
}

// expectEnd wants the next thing heard to be the end.
func (f *foreign) expectEnd(code int, reason string) {
	f.t.Helper()
	if h := f.hear(); h.Code != code || h.Reason != reason {
		f.t.Fatalf("%s hears %+v, want the end with %d %q", f.name, h, code, reason)
	}
}

// authenticate returns the client's id.
func (f *foreign) authenticate(user string) string {
	f.t.Helper()
	f.say("authenticate", map[string]string{"userId": user})
	h := f.hear()
	var m struct {
		Event string
		Data  struct{ ID, UserID string }
	}
	if err := json.Unmarshal([]byte(h.Text), &m); err != nil || m.Event != "connected" || m.Data.UserID != user || m.Data.ID == "" {
		f.t.Fatalf("%s hears %+v, want to be connected as %s", f.name, h, user)
	}
	return m.Data.ID
}

// dialer opens connections of one client library.
type dialer func(name, url string) *foreign

// bridged is connections of a WebSocket class in JavaScript; see
// peer/bridge.mjs.
type bridged struct {
	t       testing.TB
	command func(any)

	mu    sync.Mutex
	heard []chan heard
}

func (b *bridged) dial(name, url string) *foreign {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.heard)
	f := &foreign{t: b.t, name: name, heard: make(chan heard, 64)}
	f.write = func(text string) { b.command(map[string]any{"n": n, "text": text}) }
	b.heard = append(b.heard, f.heard)
	b.command(map[string]any{"n": n, "url": url})
	return f
}

// tell takes what a connection has heard.
func (b *bridged) tell(text []byte) {
	var h heard
	if err := json.Unmarshal(text, &h); err != nil {
		b.t.Errorf("%q: %v", text, err)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.heard[h.N] <- h
}

// npmWS is clients of the npm package ws, on Node.
func npmWS(t testing.TB) dialer {
	t.Helper()
	cmd := exec.Command("node", filepath.Join("peer", "ws.mjs"))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b := &bridged{t: t, command: func(v any) {
		if err := json.NewEncoder(in).Encode(v); err != nil {
			t.Error(err)
		}
	}}
	var reading sync.WaitGroup
	reading.Go(func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			b.tell(lines.Bytes())
		}
	})
	t.Cleanup(func() {
		in.Close()
		reading.Wait()
		if err := cmd.Wait(); err != nil {
			t.Errorf("node: %v", err)
		}
	})
	return b.dial
}

// browser is clients of a browser's own WebSocket, and the origin of its page.
func browser(t testing.TB) (d dialer, origin string) {
	t.Helper()
	commands := make(chan []byte, 64)
	b := &bridged{t: t, command: func(v any) {
		text, err := json.Marshal(v)
		if err != nil {
			t.Error(err)
		}
		commands <- text
	}}
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServer(http.Dir("peer")))
	mux.HandleFunc("/heard", func(_ http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		b.tell(text)
	})
	mux.HandleFunc("/commands", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for {
			select {
			case text := <-commands:
				fmt.Fprintf(w, "data: %s\n\n", text)
				_ = http.NewResponseController(w).Flush()
			case <-r.Context().Done():
				return
			}
		}
	})
	page := httptest.NewServer(mux)
	t.Cleanup(page.Close)
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("%v; `make deps` installs it", err)
	}
	cmd := exec.Command(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
		"--no-first-run", "--user-data-dir="+t.TempDir(), page.URL+"/page.html")
	cmd.WaitDelay = waitLimit
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // killed, it would leave its children
		_ = cmd.Wait()                       // it was interrupted
	})
	return b.dial, page.URL
}

// coder is clients of github.com/coder/websocket.
func coder(t testing.TB) dialer {
	return func(name, url string) *foreign {
		t.Helper()
		conn, _, err := websocket.Dial(t.Context(), url, nil)
		if err != nil {
			t.Fatal(err)
		}
		f := &foreign{t: t, name: name, heard: make(chan heard, 64)}
		f.write = func(text string) {
			if err := conn.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		var reading sync.WaitGroup
		reading.Go(func() {
			for {
				_, text, err := conn.Read(context.Background())
				if err != nil {
					h := heard{Code: int(websocket.CloseStatus(err))}
					if _, reason, found := strings.Cut(err.Error(), "reason = "); found {
						h.Reason, _ = strconv.Unquote(reason)
					}
					f.heard <- h
					return
				}
				f.heard <- heard{Text: string(text)}
			}
		})
		t.Cleanup(func() {
			conn.CloseNow()
			reading.Wait()
		})
		return f
	}
}

// TestUnmodifiedClients has clients of npm ws, of coder/websocket and of a
// browser on two servers that a Redis joins: they authenticate, join, chat,
// hear the command line's emitter, are kicked, refused and timed out.
func TestUnmodifiedClients(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t).URL()
	inBrowser, origin := browser(t)
	dialers := map[string]dialer{"npm ws": npmWS(t), "coder/websocket": coder(t), "browser": inBrowser}
	var nodes []string
	for _, transport := range []string{"loop", "stream"} {
		nodes = append(nodes, "ws://"+servers.Hearth(t, "-transport", transport, "-redis", redis, "-origins", origin, "-deflate").Addr()+"/ws")
	}
	hasty := "ws://" + servers.Hearth(t, "-auth-timeout", "2s", "-heartbeat-interval", "100ms", "-heartbeat-timeout", "300ms", "-origins", origin).Addr() + "/ws"

	type client struct {
		*foreign
		id   string
		node int
	}
	var clients []client
	for library, dial := range dialers {
		for i, url := range nodes {
			c := client{foreign: dial(fmt.Sprintf("%s on node %d", library, i), url), node: i}
			c.id = c.authenticate(library)
			c.say("join", map[string]any{"rooms": []string{"talk"}})
			c.say("echo", "joined")
			c.expect("echo", `"joined"`)
			clients = append(clients, c)
		}
	}
	all := func(event, data string) {
		t.Helper()
		for _, c := range clients {
			c.expect(event, data)
		}
	}
	for i, c := range clients {
		c.say("pub", map[string]any{"room": "talk", "body": i})
		all("msg", strconv.Itoa(i))
	}

	emit := func(args ...string) {
		t.Helper()
		if out, err := servers.Command(t, append(args, "--redis", redis)...).CombinedOutput(); err != nil {
			t.Fatalf("hearth %s: %v: %s", args, err, out)
		}
	}
	emit("emit", "room", "talk", "news", `{"n":1}`)
	all("news", `{"n":1}`)
	long := `"` + strings.Repeat("compressed, ", 1000) + `"`
	emit("emit", "broadcast", "news", long)
	all("news", long)
	for library := range dialers {
		emit("emit", "user", library, "news", `"user"`)
	}
	for _, c := range clients {
		emit("emit", "client", c.id, "news", `"client"`)
	}
	all("news", `"user"`)
	all("news", `"client"`)

	var late []*foreign
	for library, dial := range dialers {
		late = append(late, dial(library+", saying nothing", hasty))
		bad := dial(library+", refused", nodes[0])
		bad.say("authenticate", map[string]string{"token": "bad"})
		bad.expect("error", `{"message":"Authentication failed"}`)
		bad.expectEnd(4003, "Authentication failed")
		silent := dial(library+", silent", hasty)
		silent.authenticate("u")
		silent.expectEnd(4002, "Heartbeat timeout")
	}
	for _, f := range late {
		f.expectEnd(4001, "Authentication timeout")
	}
	for _, c := range clients {
		dialers["coder/websocket"]("kicker", nodes[c.node]).kick(c.id)
		c.expectEnd(4321, "out")
	}
}

// kick throws a client of the same node out.
func (f *foreign) kick(id string) {
	f.t.Helper()
	f.authenticate("kicker")
	f.say("kick", map[string]any{"id": id, "code": 4321, "reason": "out"})
}
