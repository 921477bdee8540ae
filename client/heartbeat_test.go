package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/client"
)

// A client that says nothing stays: its heartbeats keep the server content, and
// it finds the server alive.
func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory(t)
		c := start(t, client.Options{Dial: s.DialContext})
		changes, errs, messages := inbox(c.OnState), inbox(c.OnError), inbox(c.OnMessage)
		conn := connect(t, c)
		time.Sleep(24 * time.Hour)
		if got, ok := c.Connection(); !ok || got.ID != conn.ID {
			t.Errorf("the connection is %+v, %t", got, ok)
		}
		if len(changes) != 2 || len(errs) != 0 || len(messages) != 0 {
			t.Errorf("%d changes, %d errors, %d messages", len(changes), len(errs), len(messages))
		}
		if n := s.Stats().MessagesIn; n > 24*120+10 {
			t.Errorf("%d messages in a day", n)
		}
	})
}

// Without heartbeats it is closed, as a negative control, and comes back.
func TestNoHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory(t)
		c := start(t, client.Options{Dial: s.DialContext, Heartbeat: client.Heartbeat{Interval: 24 * time.Hour}})
		changes := inbox(c.OnState)
		connect(t, c)
		time.Sleep(3 * time.Minute)
		ch := until(t, changes, func(ch client.Change) bool { return ch.Err != nil })
		if ch.Err.CloseCode != hearth.CloseHeartbeatTimeout || ch.State != client.Connecting {
			t.Errorf("%s: %v", ch.State, ch.Err)
		}
		until(t, changes, func(ch client.Change) bool { return ch.State == client.Connected })
	})
}

// A path that swallows everything is noticed, and left.
func TestSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var beats, questions, gaveUp atomic.Int32
		f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
			s := upgrade(t, w, r)
			s.admit()
			s.write(`{"event":"hello"}`)
			for m, ok := s.read(); ok; m, ok = s.read() {
				switch m.Event {
				case "heartbeat":
					beats.Add(1)
				case "authenticate":
					questions.Add(1)
				}
			}
			gaveUp.Add(1)
		})
		c := start(t, client.Options{
			Dial:      f.DialContext,
			Heartbeat: client.Heartbeat{Interval: 20 * time.Second, Timeout: 5 * time.Second},
		})
		changes := inbox(c.OnState)
		connect(t, c)
		time.Sleep(45*time.Second - 1)
		if _, ok := c.Connection(); !ok {
			t.Error("left too early")
		}
		time.Sleep(time.Nanosecond)
		ch := until(t, changes, func(ch client.Change) bool { return ch.Err != nil })
		if !errors.Is(ch.Err, client.ErrSilent) || ch.State != client.Connecting {
			t.Error(ch.Err)
		}
		if beats.Load() != 1 || questions.Load() != 1 {
			t.Errorf("%d heartbeats, %d questions", beats.Load(), questions.Load())
		}
		until(t, changes, func(ch client.Change) bool { return ch.State == client.Connected })
		if gaveUp.Load() != 1 {
			t.Error("the server was not told")
		}
	})
}

// An error that looks like the answer to a question of the heartbeat is told
// when there was none.
func TestAnswerUnasked(t *testing.T) {
	s := memory(t)
	c := start(t, client.Options{Dial: s.DialContext})
	errs := inbox(c.OnError)
	connect(t, c)
	send(t, c, "authenticate", nil)
	if e := next(t, errs); !errors.Is(e, client.ErrServer) {
		t.Error(e)
	}
}

// A handler of OnState that takes its time is no such reason, either.
func TestSlowStateHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory(t)
		c := start(t, client.Options{Dial: s.DialContext})
		var lost atomic.Int32
		c.OnState(func(ch client.Change) {
			switch {
			case ch.State == client.Connected:
				time.Sleep(time.Hour)
			case ch.Err != nil:
				lost.Add(1)
				t.Log(ch.Err)
			}
		})
		conn := connect(t, c)
		time.Sleep(2 * time.Hour)
		if got, ok := c.Connection(); !ok || got.ID != conn.ID || lost.Load() != 0 {
			t.Errorf("%d connections were given up", lost.Load())
		}
	})
}

// A message that takes long to arrive is life enough.
func TestLongMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const seconds = 600
		f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
			s := upgrade(t, w, r)
			s.admit()
			gone := make(chan struct{})
			go func() { s.drain(); close(gone) }() // and answer nothing
			message, err := s.ws.Writer(context.Background(), websocket.MessageText)
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(message, `{"event":"long","data":"`)
			for range seconds {
				time.Sleep(time.Second)
				if _, err := io.WriteString(message, strings.Repeat("x", 8<<10)); err != nil {
					break
				}
			}
			_, _ = io.WriteString(message, `"}`)
			_ = message.Close() // the client may be gone
			<-gone
		})
		c := start(t, client.Options{Dial: f.DialContext})
		changes, long := inbox(c.OnState), event(c, "long")
		connect(t, c)
		time.Sleep((seconds + 5) * time.Second)
		select {
		case m := <-long:
			if len(m.Data) != seconds<<13+2 {
				t.Errorf("%d bytes", len(m.Data))
			}
		default:
			for len(changes) > 0 {
				t.Error((<-changes).Err)
			}
		}
	})
}
