package hearth_test

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// patience is for programs that start on a busy machine.
const patience = 30 * time.Second

// TestReadme builds the program of README.md, puts the page of README.md beside
// it, opens that in a browser, and hears it say hello.
func TestReadme(t *testing.T) {
	const listens = `"localhost:8080"`
	program := goBlocks(t, "README.md")[0]
	if n := linesOfCode(program.code); n > 25 {
		t.Errorf("the program has %d lines of code, more than 25", n)
	}
	addr := freeAddr(t)
	code := strings.Replace(program.code, listens, `"`+addr+`"`, 1)
	if code == program.code {
		t.Fatalf("the program does not listen on %s", listens)
	}
	dir := t.TempDir()
	writeFile(t, dir, "index.html", pageOfReadme(t))
	binary := filepath.Join(dir, "chat.exe")
	if out, err := exec.Command("go", "build", "-o", binary, writeFile(t, dir, "main.go", code)).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}

	start(t, exec.Command(binary), dir)
	waitUntilServed(t, "http://"+addr+"/")
	bob := dialChat(t, "ws://"+addr+"/ws")
	bob.say("authenticate", map[string]string{"name": "bob"})
	bob.hear("connected")

	bob.say("say", "is anybody here?")
	if got, want := bob.hear("say"), (said{By: "bob", Text: "is anybody here?"}); got != want {
		t.Errorf("heard %+v, want %+v", got, want)
	}
	browse(t, "http://"+addr+"/")
	if got, want := bob.hear("say"), (said{By: "ada", Text: "hello"}); got != want {
		t.Errorf("heard %+v of the page, want %+v", got, want)
	}
}

func linesOfCode(code string) (n int) {
	for line := range strings.Lines(code) {
		if strings.TrimSpace(line) != "" {
			n++
		}
	}
	return n
}

// pageOfReadme is the block of HTML.
func pageOfReadme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, page, found := strings.Cut(string(text), "\n```html\n")
	page, _, closed := strings.Cut(page, "\n```\n")
	if !found || !closed {
		t.Fatal("README.md has no page")
	}
	return page
}

// freeAddr is an address on which nobody listens, with a port that neither outgoing
// connections nor servers of other tests take meanwhile.
func freeAddr(t *testing.T) string {
	t.Helper()
	var err error
	for range 100 {
		var ln net.Listener
		if ln, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(22_000+rand.IntN(10_000)))); err == nil {
			addr := ln.Addr().String()
			ln.Close()
			return addr
		}
	}
	t.Fatal(err)
	return ""
}

// start runs a program until the end of the test.
func start(t *testing.T, cmd *exec.Cmd, dir string) {
	t.Helper()
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, t.Output(), t.Output()
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait() // it was interrupted
	})
}

func waitUntilServed(t *testing.T, url string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		res, err := client.Get(url)
		if err == nil {
			res.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("nobody answers: %v", err)
		}
	}
}

// browse opens a page until the end of the test.
func browse(t *testing.T, url string) {
	t.Helper()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("%v; `make deps` installs it", err)
	}
	start(t, exec.Command(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
		"--no-first-run", "--user-data-dir="+t.TempDir(), url), t.TempDir())
}

// chatter is a client of the chat.
type chatter struct {
	t    *testing.T
	conn *websocket.Conn
}

func dialChat(t *testing.T, url string) chatter {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	return chatter{t, conn}
}

func (c chatter) say(event string, data any) {
	c.t.Helper()
	if err := wsjson.Write(c.t.Context(), c.conn, map[string]any{"event": event, "data": data}); err != nil {
		c.t.Fatal(err)
	}
}

type said struct{ By, Text string }

// hear waits for the next message, which must be of that event.
func (c chatter) hear(event string) said {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	var m struct {
		Event string
		Data  said
	}
	if err := wsjson.Read(ctx, c.conn, &m); err != nil {
		c.t.Fatalf("waiting for %q: %v", event, err)
	}
	if m.Event != event {
		c.t.Fatalf("waiting for %q: received %+v", event, m)
	}
	return m.Data
}
