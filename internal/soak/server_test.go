package soak

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hearthws/hearth"
)

// authTimeout bounds also how long a server remembers a client that has gone.
const authTimeout = 5 * time.Second

// site is a server that listens, by one transport.
type site struct {
	*hearth.Server
	addr string
	ends chan struct{} // closed when it does not listen any more
	web  *http.Server

	dialed  atomic.Int64 // connections
	settled atomic.Int64 // of those, upgraded or closed by net/http
	serving atomic.Int64 // requests that are being answered
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.serving.Add(1)
	defer s.serving.Add(-1)
	s.Server.ServeHTTP(w, r)
}

func (s *site) dial() (net.Conn, error) {
	conn, err := net.Dial("unix", s.addr)
	if err == nil {
		s.dialed.Add(1)
	}
	return conn, err
}

func options(transport hearth.Transport) hearth.Options {
	flood := json.RawMessage(`"` + strings.Repeat("x", 100_000) + `"`)
	return hearth.Options{
		Transport: transport, Logger: slog.New(slog.DiscardHandler), AuthTimeout: authTimeout,
		PerMessageDeflate: true, CloseOnBackpressureLimit: true, BackpressureLimit: 256 << 10,
		IdleTimeout: 10 * time.Second, MaxPendingMessages: 16, MaxUnauthenticated: 1 << 20,
		Authenticate: func(ctx context.Context, _ *hearth.Client, data json.RawMessage) (hearth.Identity, error) {
			var c struct{ Mode, User string }
			if err := json.Unmarshal(data, &c); err != nil {
				return hearth.Identity{}, err
			}
			switch c.Mode {
			case "refuse":
				return hearth.Identity{}, hearth.ErrRejected
			case "panic":
				panic("as it was told")
			case "slow":
				select {
				case <-ctx.Done():
				case <-time.After(5 * time.Millisecond):
				}
			}
			return hearth.Identity{UserID: c.User}, nil
		},
		ValidateRooms: func(_ context.Context, _ *hearth.Client, rooms []string) ([]string, error) { return rooms, nil },
		OnMessage: func(_ context.Context, c *hearth.Client, m hearth.Message) error {
			switch m.Event {
			case "kick":
				c.Close(4000, "out")
			case "flood":
				_, _ = c.Send("flood", flood) // it need not fit
			case "work":
				time.Sleep(100 * time.Microsecond)
			case "echo":
				_, _ = c.Send("echo", m.Data)
			}
			return nil
		},
	}
}

// open serves on a Unix socket: there are no ports that run out, and the event
// loops serve it as they do TCP.
func open(t *testing.T, transport hearth.Transport) *site {
	t.Helper()
	s, err := hearth.New(t.Context(), options(transport))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	web := &site{Server: s, addr: path, ends: make(chan struct{})}
	web.web = &http.Server{
		Handler: web, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0), ReadHeaderTimeout: 10 * time.Second,
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateHijacked || state == http.StateClosed {
				web.settled.Add(1)
			}
		},
	}
	go func() {
		defer close(web.ends)
		_ = web.web.Serve(ln)
	}()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		web.web.Close()
		<-web.ends
	})
	return web
}

// empty waits until every client has gone, those too that the server has not
// seen yet.
func (s *site) empty(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		settled := s.settled.Load() == s.dialed.Load() && s.serving.Load() == 0
		st := s.Stats()
		if settled && st.Connections == 0 && st.Accepted == st.Disconnected && st.QueuedBytes == 0 && st.Rooms == 0 && st.Backpressured == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("clients are left, or requests (settled: %v): %+v", settled, st)
		}
	}
}
