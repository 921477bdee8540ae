package bench

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// room is a server with one room, which sends what tamper makes of a message
// for its n-th receiver. It speaks the dialect of the lab.
type room struct {
	tamper func(n int, message string) []string
	arrive func() // before a client is admitted; nil: nothing
	beat   func() // at a heartbeat; nil: nothing

	mu      sync.Mutex
	members []*websocket.Conn
}

func (s *room) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer ws.CloseNow()
	for {
		_, text, err := ws.Read(r.Context())
		if err != nil {
			return
		}
		var m struct {
			Event string
			Data  json.RawMessage
		}
		_ = json.Unmarshal(text, &m)
		if m.Event == "authenticate" && s.arrive != nil {
			s.arrive()
		}
		if m.Event == "heartbeat" && s.beat != nil {
			s.beat()
		}
		s.handle(r.Context(), ws, m.Event, m.Data)
	}
}

func (s *room) handle(ctx context.Context, ws *websocket.Conn, event string, data json.RawMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch event {
	case "authenticate":
		_ = ws.Write(ctx, websocket.MessageText, []byte(`{"event":"connected","data":{"id":"x"}}`))
	case "join":
		s.members = append(s.members, ws)
	case "pub":
		var p struct{ Body json.RawMessage }
		_ = json.Unmarshal(data, &p)
		message := `{"event":"msg","data":` + string(p.Body) + `}`
		for n, member := range s.members {
			all := []string{message}
			if !strings.Contains(message, mark+"ffffffff") { // a probe
				all = s.tamper(n, message)
			}
			for _, m := range all {
				_ = member.Write(ctx, websocket.MessageText, []byte(m))
			}
		}
	}
}

// config is a fan-out of 30 messages to 4 clients.
func config(t *testing.T, s *room) Config {
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	return Config{
		Scenario: Fanout, URLs: []string{"ws" + strings.TrimPrefix(web.URL, "http")}, Dialect: Dialects()[1],
		Clients: 4, Publishers: 1, Room: "bench", Window: 4, Size: 100, Messages: 30,
		Concurrency: 2, Patience: time.Second, Heartbeat: time.Minute,
	}
}

// What a server does wrong is counted, and makes the run fail.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		tamper func() func(n int, message string) []string
		want   Faults
	}{
		"nothing": {func() func(int, string) []string {
			return func(_ int, m string) []string { return []string{m} }
		}, Faults{}},
		"missing": {func() func(int, string) []string {
			k := 0
			return func(n int, m string) []string {
				if n == 1 {
					if k++; k == 7 || k == 30 {
						return nil
					}
				}
				return []string{m}
			}
		}, Faults{Missing: 2}},
		"twice": {func() func(int, string) []string {
			return func(n int, m string) []string {
				if n == 2 {
					return []string{m, m}
				}
				return []string{m}
			}
		}, Faults{Duplicate: 30}},
		"out of order": {func() func(int, string) []string {
			k, kept := 0, ""
			return func(n int, m string) []string {
				if n != 3 {
					return []string{m}
				}
				switch k++; k {
				case 5:
					kept = m
					return nil
				case 6:
					return []string{m, kept}
				}
				return []string{m}
			}
		}, Faults{OutOfOrder: 1}},
		"altered": {func() func(int, string) []string {
			return func(n int, m string) []string {
				if n == 0 {
					return []string{strings.Replace(m, "x", "y", 1)}
				}
				return []string{m}
			}
		}, Faults{Altered: 30}},
		"stray": {func() func(int, string) []string {
			return func(n int, m string) []string {
				if n == 0 {
					return []string{m, strings.Replace(m, mark+"00000000", mark+"00000009", 1)}
				}
				return []string{m}
			}
		}, Faults{Stray: 30}},
		"refused": {func() func(int, string) []string {
			k := 0
			return func(n int, m string) []string {
				if k++; k == 9 {
					return []string{m, `{"event":"error","data":{"message":"no"}}`}
				}
				return []string{m}
			}
		}, Faults{Refused: 1, First: `the server says: {"event":"error","data":{"message":"no"}}`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result, err := Run(t.Context(), config(t, &room{tamper: test.tamper()}))
			if result == nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, result.Faults); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			failed := test.want.any()
			if errors.Is(err, ErrFaults) != failed || result.OK == failed {
				t.Errorf("error %v, ok %t", err, result.OK)
			}
			if result.Published != 30 || result.Receivers != 4 {
				t.Errorf("published %d messages to %d", result.Published, result.Receivers)
			}
		})
	}
}

// A connection that the server ends is counted, and what it misses.
func TestLostConnection(t *testing.T) {
	t.Parallel()
	s := &room{}
	k := 0
	s.tamper = func(n int, m string) []string {
		if k++; k == 41 {
			go s.members[0].Close(4321, "go")
		}
		return []string{m}
	}
	cfg := config(t, s)
	cfg.Rate, cfg.Messages, cfg.Duration = 100, 0, 500*time.Millisecond
	result, err := Run(t.Context(), cfg)
	if !errors.Is(err, ErrFaults) {
		t.Fatal(err)
	}
	f := result.Faults
	if f.Lost != 1 || f.Missing == 0 || f.First != "closed by the server: 4321 go" {
		t.Errorf("faults are %+v", f)
	}
}

// Who is connected gives signs of life while others still connect.
func TestHeartbeatsWhileConnecting(t *testing.T) {
	t.Parallel()
	for _, scenario := range []string{Connect, Idle, Fanout, Churn} {
		t.Run(scenario, func(t *testing.T) {
			t.Parallel()
			beats := make(chan struct{}, 1)
			var n atomic.Int64
			s := &room{
				tamper: func(_ int, m string) []string { return []string{m} },
				arrive: func() {
					if n.Add(1) == 4 { // of four clients
						select {
						case <-beats:
						case <-t.Context().Done():
						}
					}
				},
				beat: func() {
					select {
					case beats <- struct{}{}:
					default:
					}
				},
			}
			cfg := config(t, s)
			cfg.Scenario, cfg.Heartbeat, cfg.Patience = scenario, 10*time.Millisecond, 10*time.Second
			cfg.Messages, cfg.Duration = 0, 100*time.Millisecond
			if _, err := Run(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A server of its own has no limit that one publisher reaches.
func TestOwnServerHasNoRateLimit(t *testing.T) {
	args := serverArgs(&Config{})
	for _, flag := range []string{"--message-rate", "--byte-rate"} {
		if !slices.Contains(args, flag) {
			t.Errorf("%q lack %s", args, flag)
		}
	}
}

func TestBodies(t *testing.T) {
	b := newBodies(100)
	s := stamp{stream: 0xdeadbeef, seq: 7, at: 1234567890123456789}
	body := b.append(nil, s)
	if len(body) != 100 || !json.Valid(body) {
		t.Errorf("%d bytes: %s", len(body), body)
	}
	got, rest, ok := b.next([]byte(`{"event":"msg","data":` + string(body) + `}`))
	if !ok || got != s || !b.intact(rest) {
		t.Errorf("stamp %+v, %t, intact %t", got, ok, b.intact(rest))
	}
	for _, text := range []string{"", mark, mark + strings.Repeat("0", 31), mark + strings.Repeat("g", 32)} {
		if _, _, ok := b.next([]byte(text)); ok {
			t.Errorf("%q has a stamp", text)
		}
	}
}
