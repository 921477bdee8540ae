package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/client"
)

func TestHandlers(t *testing.T) {
	s := memory(t)
	c := start(t, client.Options{Dial: s.DialContext})
	var log []string
	note := func(name string) func(client.Message) {
		return func(m client.Message) { log = append(log, name+string(m.Data)) }
	}
	c.OnMessage(note("all "))
	removeA := c.On("echo", note("a "))
	c.On("echo", func(m client.Message) {
		note("b ")(m)
		if string(m.Data) == "2" {
			removeA()
			removeA()
		}
	})
	c.Once("echo", note("once "))
	c.On("__proto__", note("proto "))
	var removeC func()
	c.On("echo", func(client.Message) { removeC() })
	removeC = c.On("echo", note("never "))
	other := event(c, "other")

	connect(t, c)
	for i := 1; i <= 3; i++ {
		send(t, c, "echo", i)
	}
	c.On("end", func(client.Message) { c.Off("echo") })
	end := event(c, "end")
	send(t, c, "end", nil)
	send(t, c, "echo", "unheard")
	send(t, c, "end", nil)
	next(t, end)
	next(t, end)
	c.Close()
	want := []string{"all 1", "a 1", "b 1", "once 1", "all 2", "a 2", "b 2", "all 3", "b 3", "all ", `all "unheard"`, "all "}
	if diff := cmp.Diff(want, log); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if len(other) > 0 {
		t.Error("a message of another event")
	}
}

// What is no message, and the names of the protocol.
func TestReceive(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		s := upgrade(t, w, r)
		s.write(`{"event":"early","data":1}`) // before `connected` there is nothing
		s.write(`{"event":"error","data":{"message":"soon"}}`)
		s.admit()
		s.write(`{"event":"connected","data":"again"}`)
		s.write(`{"event":"error","data":{"message":"Invalid message format"}}`)
		s.write(`{"event":"error","data":7}`)
		s.write(`{"event":"plain"}`)
		s.write(`no JSON`)
		s.write(`{"event":5}`)
		s.write(`{"event":"twice","event":"twice"}`)
		_ = s.ws.Write(context.Background(), websocket.MessageBinary, []byte{0, 255})
		s.write(`{"event":"end","data":{"deep":[1e400]},"id":"x","more":true}`)
		s.drain()
	})
	c := start(t, client.Options{Dial: f.DialContext})
	var log []string
	end := make(chan client.Message, 1)
	c.OnMessage(func(m client.Message) { log = append(log, "message "+string(m.Raw)) })
	c.On("connected", func(m client.Message) { log = append(log, "connected "+string(m.Data)) })
	c.OnRaw(func(r client.Raw) { log = append(log, fmt.Sprintf("raw %q %t", r.Payload, r.Binary)) })
	c.OnError(func(e *client.Error) {
		log = append(log, fmt.Sprintf("%s: %v, %s, final %t", string(e.Code), e, e.Message.Data, e.Final()))
	})
	c.On("end", func(m client.Message) { end <- m })
	conn := connect(t, c)
	if conn.ID != "c1" || conn.UserID != "" || conn.Time.UnixMilli() != 1767323045678 || !strings.Contains(string(conn.Data), `"new":1`) {
		t.Errorf("connected as %+v", conn)
	}
	m := next(t, end)
	if string(m.Data) != `{"deep":[1e400]}` || string(m.ID) != `"x"` {
		t.Errorf("the last message is %+v", m)
	}
	want := []string{
		`message {"event":"connected","data":"again"}`, `connected "again"`,
		`message {"event":"error","data":{"message":"Invalid message format"}}`,
		`server: hearth: the server reports: Invalid message format, {"message":"Invalid message format"}, final false`,
		`message {"event":"error","data":7}`,
		`server: hearth: the server reports: an error, 7, final false`,
		`message {"event":"plain"}`,
		`raw "no JSON" false`, `raw "{\"event\":5}" false`, `raw "{\"event\":\"twice\",\"event\":\"twice\"}" false`, `raw "\x00\xff" true`,
		`message {"event":"end","data":{"deep":[1e400]},"id":"x","more":true}`,
	}
	c.Close()
	if diff := cmp.Diff(want, log); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestDecode(t *testing.T) {
	m := client.Message{Event: "e", Data: []byte(`{"a":1}`)}
	v, err := client.DataOf[struct{ A int }](m)
	if v.A != 1 || err != nil {
		t.Error(v, err)
	}
	if _, err := client.DataOf[[]int](m); err == nil || !strings.Contains(err.Error(), `data of "e"`) {
		t.Error(err)
	}
	if v, err := client.DataOf[*int](client.Message{}); v != nil || err != nil {
		t.Error(v, err)
	}
}

// Handlers may do everything but wait: Close and Start included.
func TestCloseByHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory(t)
		c := start(t, client.Options{Dial: s.DialContext})
		var log []string
		c.OnState(func(ch client.Change) { log = append(log, ch.State.String()) })
		sent := make(chan struct{})
		c.On("echo", func(m client.Message) {
			log = append(log, "echo "+string(m.Data))
			if string(m.Data) == "1" {
				<-sent
				c.Close()
				c.Start()
				log = append(log, "closed")
			}
		})
		connect(t, c)
		for i := 1; i <= 3; i++ {
			send(t, c, "echo", i)
		}
		close(sent)
		synctest.Wait()
		connect(t, c)
		synctest.Wait()
		want := []string{"connecting", "connected", "echo 1", "closed", "disconnected", "connecting", "connected"}
		if diff := cmp.Diff(want, log); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	})
}

// A Close by a handler comes after what was sent, too.
func TestCloseByHandlerFlushes(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		s := upgrade(t, w, r)
		s.admit()
		s.write(`{"event":"go"}`)
		for m, ok := s.read(); ok; m, ok = s.read() {
			if m.Event == "last" {
				s.drain()
				return
			}
		}
		t.Error("the connection has ended before the last message")
	})
	c := start(t, client.Options{Dial: f.DialContext})
	closed := make(chan struct{})
	c.On("go", func(client.Message) {
		for i := range 100 {
			send(t, c, "n", i)
		}
		send(t, c, "last", nil)
		deep(100, c.Close)
		close(closed)
	})
	c.Start()
	<-closed
}

// deep calls f from far up the stack.
func deep(n int, f func()) {
	if n == 0 {
		f()
		return
	}
	deep(n-1, f)
}

// After Close nothing is called any more, and nothing is left.
func TestCloseIsFinal(t *testing.T) {
	s := memory(t, func(o *hearth.Options) { o.DefaultRooms = []string{"all"} })
	for range 50 {
		c := start(t, client.Options{Dial: s.DialContext})
		calls, over := 0, false
		count := func() {
			if over {
				t.Error("called after Close")
			}
			calls++
		}
		c.OnMessage(func(client.Message) { count() })
		c.OnState(func(client.Change) { count() })
		connect(t, c)
		for i := range 20 {
			if err := s.ToRoom(t.Context(), "all", "n", i); err != nil {
				t.Fatal(err)
			}
		}
		c.Close()
		over = true
	}
}

// A handler that takes its time is no reason to take the server for dead.
func TestSlowHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory(t)
		c := start(t, client.Options{Dial: s.DialContext})
		conn := connect(t, c)
		changes := inbox(c.OnState)
		c.On("echo", func(client.Message) { time.Sleep(time.Hour) })
		send(t, c, "echo", 1)
		time.Sleep(50 * time.Minute)
		if s.Client(conn.ID) == nil {
			t.Error("the server has lost it")
		}
		if got, ok := c.Connection(); !ok || got.ID != conn.ID {
			t.Error("the connection was given up")
		}
		time.Sleep(time.Hour)
		if got, ok := c.Connection(); !ok || got.ID != conn.ID {
			t.Errorf("the connection was given up later: %+v", <-changes)
		}
	})
}

// Who gives up unheard says so in the log.
func TestGivesUpUnheard(t *testing.T) {
	var log bytes.Buffer
	c := start(t, client.Options{
		URL:    "ws://user:secret@hearth.test/ws?token=secret",
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Dial: func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go answerHTTP(far, "403 Forbidden", "")
			return near, nil
		},
	})
	c.Start()
	eventually(t, "gives up", func() bool { return c.State() == client.Disconnected })
	c.Close()
	if got := log.String(); !strings.Contains(got, "client gave up") || !strings.Contains(got, "403 Forbidden") ||
		strings.Contains(got, "secret") {
		t.Errorf("the log is %s", got)
	}
	if _, err := c.Connect(t.Context()); !errors.Is(err, client.ErrRejected) {
		t.Error(err)
	}
}

// A handler may end its goroutine, as t.FailNow does: the client ends then, and
// can be closed.
func TestHandlerExits(t *testing.T) {
	s := memory(t)
	c := start(t, client.Options{Dial: s.DialContext})
	called := make(chan struct{})
	c.On("echo", func(client.Message) {
		defer close(called)
		runtime.Goexit()
	})
	conn := connect(t, c)
	send(t, c, "echo", 1)
	<-called
	eventually(t, "the connection ends", func() bool { return s.Client(conn.ID) == nil })
	c.Close()
	if got := c.State(); got != client.Disconnected {
		t.Errorf("the client is %s", got)
	}
}

// A handler that panics is told as what it is.
func TestHandlerPanics(t *testing.T) {
	if os.Getenv("HEARTH_TEST_PANIC") != "" {
		c := start(t, client.Options{Dial: memory(t).DialContext})
		c.On("echo", func(client.Message) { panic("a handler's mistake") })
		connect(t, c)
		send(t, c, "echo", 1)
		time.Sleep(patience)
		return
	}
	again := exec.Command(os.Args[0], "-test.run=^TestHandlerPanics$")
	again.Env = append(os.Environ(), "HEARTH_TEST_PANIC=1")
	out, err := again.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "panic: a handler's mistake") || strings.Contains(string(out), "unlocked mutex") {
		t.Errorf("%v: %s", err, out)
	}
}

// Names of events that nobody listens to any more are forgotten.
func TestHandlersAreForgotten(t *testing.T) {
	s := memory(t)
	c := start(t, client.Options{Dial: s.DialContext})
	for i := range 100 {
		name := fmt.Sprint("reply ", i)
		remove := c.On(name, func(client.Message) {})
		c.Once(name, func(client.Message) {})
		c.Off(name)
		c.On(name, func(client.Message) {})
		remove() // of a list that is gone
		if n := c.Events(); n != i+1 {
			t.Fatalf("%d lists", n)
		}
	}
	for i := range 100 {
		c.Off(fmt.Sprint("reply ", i))
	}
	connect(t, c)
	for range 10 {
		echo := inbox(func(f func(client.Message)) func() { return c.Once("echo", f) })
		remove := c.On("echo", func(client.Message) {})
		send(t, c, "echo", 1)
		next(t, echo)
		remove()
	}
	eventually(t, "nothing is left", func() bool { return c.Events() == 0 })
}

// Members of what the server says have their names exactly, and the last of
// several counts, as everywhere in the protocol.
func TestMemberNames(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		s := upgrade(t, w, r)
		s.read()
		s.write(`{"event":"connected","data":{"id":"first","ID":"x","id":"last","Id":"x","USERID":"x","userID":"x","Time":"2026-01-02T03:04:05Z"}}`)
		s.write(`{"event":"error","data":{"message":"first","message":"last","Message":"x"}}`)
		s.write(`{"event":"error","data":{"MESSAGE":"x"}}`)
		s.drain()
	})
	c := start(t, client.Options{Dial: f.DialContext})
	errs := inbox(c.OnError)
	if conn := connect(t, c); conn.ID != "last" || conn.UserID != "" || !conn.Time.IsZero() {
		t.Errorf("connected as %+v", conn)
	}
	for _, want := range []string{"last", "an error"} {
		if got := next(t, errs); got.Text != "the server reports: "+want {
			t.Errorf("%v instead of %s", got, want)
		}
	}
}
