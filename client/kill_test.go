//go:build unix

package client_test

import (
	"encoding/json"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth/client"
	"github.com/hearthws/hearth/internal/transcript/servers"
)

// A server that is killed and started again 50 times, while messages flow, has
// its clients back in all their rooms; each sender's messages arrive in order
// and at most once, and nothing is left behind.
func TestKilledServer(t *testing.T) {
	const kills, clients = 50, 4
	before := runtime.NumGoroutine()
	process := servers.Hearth(t, "-addr", "127.0.0.1:0")
	addr := process.Addr()
	rooms := []string{"a", "b", "lobby"}

	type peer struct {
		*client.Client
		last     atomic.Int64 // that came back
		lost     atomic.Int64 // connections
		handlers atomic.Int64 // calls for one message
	}
	peers := make([]*peer, clients)
	stop := make(chan struct{})
	stopped := make(chan struct{}, clients)
	for i := range peers {
		p := &peer{Client: start(t, client.Options{
			URL: "ws://" + addr + "/ws", Backoff: client.Backoff{Base: 20 * time.Millisecond, Cap: 40 * time.Millisecond},
			Queue: client.Queue{Overflow: client.Block}, // of the sender
		})}
		peers[i] = p
		p.OnState(func(ch client.Change) {
			if ch.State == client.Connecting && !errors.Is(ch.Err, client.ErrNetwork) && !errors.Is(ch.Err, client.ErrClosed) && ch.Err != nil {
				t.Errorf("lost for %v", ch.Err)
			}
			if ch.State == client.Connected {
				p.lost.Add(1)
			}
		})
		p.On("echo", func(m client.Message) {
			var n int64
			if err := json.Unmarshal(m.Data, &n); err != nil || n <= p.last.Load() {
				t.Errorf("%s after %d", m.Data, p.last.Load())
			}
			p.last.Store(n)
		})
		if err := p.Join(rooms...); err != nil {
			t.Fatal(err)
		}
		connect(t, p.Client)
		go func() {
			defer func() { stopped <- struct{}{} }()
			for n := int64(1); ; n++ {
				select {
				case <-stop:
					return
				case <-time.After(200 * time.Microsecond):
				}
				if err := p.Send(t.Context(), "echo", n); err != nil {
					t.Errorf("message %d: %v", n, err)
					return
				}
			}
		}()
	}

	for n := range kills {
		for _, p := range peers { // messages flow
			from := p.last.Load()
			eventually(t, "an echo", func() bool { return p.last.Load() > from })
		}
		if n%2 == 0 {
			process.Kill()
		} else {
			process.Stop()
		}
		process = restart(t, addr)
	}
	close(stop)
	for range peers {
		<-stopped
	}

	for _, p := range peers {
		connect(t, p.Client)
		who := inbox(func(f func(client.Message)) func() { return p.Once("whoami", f) })
		send(t, p.Client, "whoami", nil)
		got, err := client.DataOf[struct{ Rooms []string }](next(t, who))
		if err != nil {
			t.Error(err)
		}
		conn, _ := p.Connection()
		in := slices.DeleteFunc(got.Rooms, func(r string) bool { return r == conn.ID || strings.HasPrefix(r, "ws-") })
		if diff := cmp.Diff(rooms, in); diff != "" {
			t.Errorf("rooms (-want +got):\n%s", diff)
		}
		if n := p.lost.Load(); n < kills {
			t.Errorf("%d connections through %d kills", n, kills)
		}
	}
	// In the same room they hear of each other, once.
	for _, p := range peers {
		p.On("msg", func(client.Message) { p.handlers.Add(1) })
	}
	send(t, peers[0].Client, "pub", map[string]any{"room": "lobby", "body": "all here?"})
	for _, p := range peers {
		eventually(t, "the room's message", func() bool { return p.handlers.Load() > 0 })
	}
	for _, p := range peers {
		p.Close()
		if n := p.handlers.Load(); n != 1 {
			t.Errorf("the room's message came %d times", n)
		}
	}
	process.Stop()
	eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
}

// restart starts a server where another one was.
func restart(t *testing.T, addr string) *servers.Process {
	t.Helper()
	return servers.Hearth(t, "-addr", addr)
}
