package client_test

import (
	"context"
	"errors"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/client"
)

// What the server said before it left counts, also when it is noticed in writing
// that it has, and however long a handler takes until it is read.
func TestCloseAfterFailedWrite(t *testing.T) {
	for _, busy := range []time.Duration{0, time.Hour} {
		t.Run(busy.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				written := make(chan struct{})
				f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
					s := upgrade(t, w, r)
					s.admit()
					s.write(`{"event":"go"}`)
					<-written
					s.write(`{"event":"last"}`)
					s.close(hearth.ClosePolicy, "flooding")
				})
				conn, dial := breaking(f)
				c := start(t, client.Options{Dial: dial})
				changes, last := inbox(c.OnState), event(c, "last")
				c.Once("go", func(client.Message) {
					conn.on.Store(true)
					send(t, c, "n", 1)
					synctest.Wait()
					time.Sleep(busy)
					close(written)
				})
				c.Start()
				time.Sleep(2 * busy)
				next(t, last)
				ch := until(t, changes, func(ch client.Change) bool { return ch.Err != nil })
				if ch.State != client.Disconnected || ch.Err.CloseCode != hearth.ClosePolicy || ch.Err.Reason != "flooding" {
					t.Errorf("%s: %v", ch.State, ch.Err)
				}
			})
		})
	}
}

// A server that says nothing after a failed write is left soon, and the failure
// is the reason.
func TestFailedWrite(t *testing.T) {
	for name, after := range map[string]func(s *socket){
		"silent": func(s *socket) { s.drain() },
		"talking": func(s *socket) {
			for s.ws.Write(context.Background(), websocket.MessageText, []byte(`{"event":"n"}`)) == nil {
				time.Sleep(100 * time.Millisecond)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
					s := upgrade(t, w, r)
					s.admit()
					after(s)
				})
				conn, dial := breaking(f)
				c := start(t, client.Options{Dial: dial})
				changes := inbox(c.OnState)
				connect(t, c)
				conn.on.Store(true)
				send(t, c, "n", 1)
				ch := until(t, changes, func(ch client.Change) bool { return ch.Err != nil })
				if !errors.Is(ch.Err, client.ErrNetwork) || !errors.Is(ch.Err, syscall.EPIPE) || ch.State != client.Connecting {
					t.Errorf("%s: %v", ch.State, ch.Err)
				}
				connect(t, c)
			})
		})
	}
}
