package attacks_test

import (
	"context"
	"encoding/json"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
	"github.com/hearthws/hearth/internal/frame"
)

// refuse lets h answer a request that must not become a connection.
func refuse(t testing.TB, h http.Handler, r *http.Request) {
	t.Helper()
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code < 400 {
		t.Errorf("the answer is %d", w.Code)
	}
}

// Every state, every way to die: nothing is left. Fails when exitLocked does not
// count, when end does not take the client out of the hub, and when a death does
// not leave the doorway; the shutdown of hearthtest looks at all of them.
func TestA23EveryDeath(t *testing.T) {
	onBoth(t, func() hearth.Options {
		opts := accepting()
		accept := opts.Authenticate
		opts.Authenticate = func(ctx context.Context, c *hearth.Client, data json.RawMessage) (hearth.Identity, error) {
			if strings.Contains(string(data), "slow") {
				<-ctx.Done()
			}
			return accept(ctx, c, data)
		}
		opts.OnMessage = func(ctx context.Context, c *hearth.Client, m hearth.Message) error {
			if m.Event == "hang" {
				<-ctx.Done()
			}
			return nil
		}
		return opts
	}, func(t *testing.T, s *target) {
		states := map[string]func(c *hearthtest.Client){
			"unauthorized":   func(*hearthtest.Client) {},
			"authenticating": func(c *hearthtest.Client) { c.Send("authenticate", user("slow")) },
			"authenticated":  func(c *hearthtest.Client) { c.Authenticate(user("ann")) },
			"in rooms": func(c *hearthtest.Client) {
				c.Authenticate(nil)
				c.Send("join", rooms("a", "b", "c", "d", "e"))
			},
			"in a hook": func(c *hearthtest.Client) {
				c.Authenticate(nil)
				c.Send("hang", nil)
				c.Send("next", nil)
			},
			"in a message": func(c *hearthtest.Client) {
				c.Authenticate(nil)
				_, _ = c.Write(masked(frame.Text, false, `{"event":`))
			},
			"in a header": func(c *hearthtest.Client) { _, _ = c.Write([]byte{0x81}) },
		}
		deaths := map[string]func(conn net.Conn, c *hearthtest.Client){
			"reset": func(conn net.Conn, c *hearthtest.Client) {
				_ = conn.(*net.TCPConn).SetLinger(0)
				c.Drop()
			},
			"end":       func(_ net.Conn, c *hearthtest.Client) { c.Drop() },
			"half end":  func(conn net.Conn, _ *hearthtest.Client) { _ = conn.(*net.TCPConn).CloseWrite() },
			"close":     func(_ net.Conn, c *hearthtest.Client) { c.Close(1000, "") },
			"violation": func(_ net.Conn, c *hearthtest.Client) { _, _ = c.Write([]byte{0xff, 0xff, 0xff, 0xff}) },
			"kick": func(_ net.Conn, _ *hearthtest.Client) {
				eventually(t, "it is there", func() bool { return s.Stats().Connections == 1 })
				for c := range s.Clients(hearth.Filter{}) {
					c.Close(4000, "")
				}
			},
		}
		ended := int64(0)
		gone := func() { // also one that the server had hardly seen
			t.Helper()
			ended++
			eventually(t, "it is gone", func() bool { return s.Stats().Disconnected == ended && s.Stats().Connections == 0 })
		}
		s.connect(t, nil).Drop()
		gone()
		before := runtime.NumGoroutine()
		for _, arrive := range states {
			for _, die := range deaths {
				conn := s.conn(t)
				c := s.Over(conn)
				arrive(c)
				die(conn, c)
				gone()
				c.Drop()
			}
		}
		eventually(t, "nothing runs", func() bool { return runtime.NumGoroutine() <= before+2 })
		if st := s.Stats(); st.Rooms != 0 || st.QueuedBytes != 0 || st.Accepted != st.Disconnected {
			t.Errorf("in the end %+v", st)
		}
		if err := s.ConsistencyCheck(); err != nil {
			t.Error(err)
		}
	})
}

// A hook that panics harms its client only. Fails, and ends the program, when
// guard does not recover.
func TestA36PanicsInHooks(t *testing.T) {
	for _, hook := range []string{"Authenticate", "ValidateRooms", "OnConnect", "OnMessage", "OnDisconnect", "Handshake", "MessageCost"} {
		t.Run(hook, func(t *testing.T) {
			onBoth(t, func() hearth.Options {
				opts := accepting()
				blow := func(c *hearth.Client, here string) {
					if here == hook && c.Data().UserID == "bad" {
						panic("asked to")
					}
				}
				accept, echo := opts.Authenticate, opts.OnMessage
				opts.Authenticate = func(ctx context.Context, c *hearth.Client, data json.RawMessage) (hearth.Identity, error) {
					blow(c, "Authenticate")
					return accept(ctx, c, data)
				}
				opts.Handshake = func(_ context.Context, c *hearth.Client, _ json.RawMessage) (hearth.HandshakeResult, error) {
					blow(c, "Handshake")
					return hearth.HandshakeResult{}, nil
				}
				opts.ValidateRooms = func(_ context.Context, c *hearth.Client, rooms []string) ([]string, error) {
					blow(c, "ValidateRooms")
					return rooms, nil
				}
				opts.OnConnect = func(_ context.Context, c *hearth.Client) error {
					blow(c, "OnConnect")
					return nil
				}
				opts.OnMessage = func(ctx context.Context, c *hearth.Client, m hearth.Message) error {
					blow(c, "OnMessage")
					return echo(ctx, c, m)
				}
				opts.OnDisconnect = func(_ context.Context, c *hearth.Client, _ hearth.Cause) error {
					blow(c, "OnDisconnect")
					return nil
				}
				opts.MessageCost = func(c *hearth.Client, _ string, _ int) float64 {
					blow(c, "MessageCost")
					return 1
				}
				return opts
			}, func(t *testing.T, s *target) {
				good := s.connect(t, nil)
				bad := s.OverUpgrade(t, "bad")
				bad.Send("authenticate", map[string]string{"publicKey": "k"})
				if bad.Next().Event == "connected" {
					bad.Send("join", rooms("a"))
					bad.Send("echo", 1)
					bad.Close(1000, "")
				}
				eventually(t, "it is gone", func() bool { return s.Stats().Connections == 1 })
				good.Send("join", rooms("a"))
				good.Send("echo", 1)
				good.Expect("echo")
				eventually(t, "the panic is counted", func() bool { return s.Stats().HookFailures > 0 })
			})
		})
	}
}

// OverUpgrade connects a client whose UpgradeData has that user.
func (s *target) OverUpgrade(t *testing.T, user string) *hearthtest.Client {
	t.Helper()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = s.Upgrade(w, r, hearth.UpgradeData{UserID: user})
	}))
	t.Cleanup(web.Close)
	conn, err := net.Dial("tcp", web.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return s.Over(conn)
}

// Every number among the options is refused by name when it makes no sense, and
// zero is its default. Fails when a row of validate is taken out.
func TestA37SenselessOptions(t *testing.T) {
	for field := range reflect.TypeFor[hearth.Options]().Fields() {
		values := map[string]int64{"negative": -1, "least": math.MinInt64, "zero": 0}
		switch field.Type.Kind() {
		case reflect.Int64:
			values["huge"] = math.MaxInt64
		case reflect.Int:
			values["least"] = int64(math.MinInt)
			if math.MaxInt > math.MaxInt32 {
				values["huge"] = int64(math.MaxInt)
			}
		default:
			continue
		}
		for name, value := range values {
			opts := accepting()
			opts.Transport = hearth.TransportStream
			reflect.ValueOf(&opts).Elem().FieldByIndex(field.Index).SetInt(value)
			s, err := hearth.New(t.Context(), opts)
			if err == nil {
				if err := s.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
			}
			switch {
			case value == 0 && err != nil:
				t.Errorf("%s zero: %v", field.Name, err)
			case value != 0 && (err == nil || !strings.Contains(err.Error(), field.Name)):
				t.Errorf("%s %s: %v", field.Name, name, err)
			}
		}
	}
}

// What a program that imports the library gets with it is little, and pinned.
// Fails when the library needs one module more than the list has.
func TestA41SupplyChain(t *testing.T) {
	allowed := []string{"github.com/gobwas/ws", "github.com/gobwas/httphead", "github.com/gobwas/pool", "github.com/klauspost/compress", "golang.org/x/sys"}
	cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "../..")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	modules := map[string]bool{}
	for _, m := range strings.Fields(string(out)) {
		if m != "github.com/hearthws/hearth" {
			modules[m] = true
		}
	}
	sums, err := os.ReadFile("../../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	for m := range modules {
		found := false
		for _, a := range allowed {
			found = found || m == a
		}
		if !found {
			t.Errorf("the library brings %s along", m)
		}
		if !strings.Contains(string(sums), m+" v") {
			t.Errorf("go.sum does not pin %s", m)
		}
	}
	if len(modules) == 0 {
		t.Error("no module was found, so that this test shows nothing")
	}
}
