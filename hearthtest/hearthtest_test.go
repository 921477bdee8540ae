package hearthtest_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// In a bubble a timeout takes no time, and what has arrived is known.
func TestBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := hearthtest.New(t, options())
		began := time.Now()
		c := s.Connect("secret")
		for i := range 3 {
			if err := s.ToUser(t.Context(), "ann", "tick", i); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if got := fmt.Sprint(c.Received()); got != `[{"event":"tick","data":0} {"event":"tick","data":1} {"event":"tick","data":2}]` {
			t.Errorf("received %s", got)
		}
		if got := c.Received(); len(got) != 0 {
			t.Errorf("received %s a second time", got)
		}
		time.Sleep(hearth.DefaultHeartbeatTimeout + hearth.DefaultHeartbeatInterval)
		if code, reason := c.ExpectClose(); code != hearth.CloseHeartbeatTimeout {
			t.Errorf("closed with %d %q after %s, want %d", code, reason, time.Since(began), hearth.CloseHeartbeatTimeout)
		}
	})
}

func TestStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := hearthtest.New(t, options())
		c := s.Connect("secret")
		c.Stall()
		if _, err := c.Conn().Send("page", 1); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := c.Received(); len(got) != 0 {
			t.Errorf("received %s while stalled", got)
		}
		c.Unstall()
		c.Expect("page")
		c.Stall()
		c.Unstall()
		c.Send("greet", nil)
		c.Expect("greeting")
	})
}

// A client that is stalled at the end must neither hold up the server, which
// would wait seconds for it, nor leave a goroutine behind.
func TestStalledAtTheEnd(t *testing.T) {
	began := time.Now()
	t.Run("test", func(t *testing.T) {
		hearthtest.New(t, options()).Connect("secret").Stall()
	})
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("the end took %s", took)
	}
}

func TestCloses(t *testing.T) {
	causes := make(chan hearth.Cause, 1)
	opts := options()
	opts.OnDisconnect = func(_ context.Context, _ *hearth.Client, cause hearth.Cause) error {
		causes <- cause
		return nil
	}
	s := hearthtest.New(t, opts)
	for _, test := range []struct {
		name string
		end  func(c *hearthtest.Client)
		code int // that the server sees
		echo int // that the client sees
	}{
		{"close", func(c *hearthtest.Client) { c.Close(4321, "bye") }, 4321, 4321},
		{"close without a code", func(c *hearthtest.Client) { c.Close(0, "") }, hearth.CloseNoStatus, hearth.CloseNoStatus},
		{"drop", func(c *hearthtest.Client) { c.Drop() }, hearth.CloseAbnormal, hearth.CloseAbnormal},
		{"kick", func(c *hearthtest.Client) { c.Conn().Close(4000, "out") }, 4000, 4000},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := s.Connect("secret")
			test.end(c)
			if code, _ := c.ExpectClose(); code != test.echo {
				t.Errorf("the client sees code %d, want %d", code, test.echo)
			}
			if cause := <-causes; cause.Code != test.code {
				t.Errorf("the server sees %+v, want code %d", cause, test.code)
			}
		})
	}
}

func TestFormsOfMessages(t *testing.T) {
	s := hearthtest.New(t, options())
	c := s.Connect("secret")
	send := func(raw hearth.Raw) {
		if _, err := c.Conn().SendRaw(raw); err != nil {
			t.Fatal(err)
		}
	}
	send(hearth.Raw{Payload: []byte{0xff, 0}, Binary: true})
	if m := c.Next(); !m.Binary || m.Event != "" || m.String() != `binary "\xff\x00"` {
		t.Errorf("received %s, event %q, binary %t", m, m.Event, m.Binary)
	}
	send(hearth.Raw{Payload: []byte("no JSON")})
	if m := c.Expect(""); m.Binary || string(m.Raw) != "no JSON" {
		t.Errorf("received %s, binary %t", m, m.Binary)
	}
	c.SendBinary([]byte(`{"event":"greet"}`))
	c.Expect("greeting")
	c.SendText(`{"event":"greet","data":1e400}`)
	c.Expect("greeting")
	c.Send("greet", hearth.Absent)
	c.Expect("greeting")
}

// An application with a handler of its own, in memory and over the network.
func TestHandler(t *testing.T) {
	s := hearthtest.New(t, options())
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Cookie") == "" {
			http.Error(w, "log in first", http.StatusUnauthorized)
			return
		}
		_, _ = s.Upgrade(w, r, hearth.UpgradeData{ClientID: r.URL.Path[1:], Header: http.Header{"X-Node": {"a"}}})
	})
	request := func(id string) *http.Request {
		r := hearthtest.NewRequest("/" + id)
		r.Header.Set("Cookie", "session=1")
		return r
	}
	check := func(t *testing.T, id string, c *hearthtest.Client) {
		t.Helper()
		if c.ID() != "" || c.Conn() != nil {
			t.Errorf("the id is %q before `connected`", c.ID())
		}
		c.Authenticate("secret")
		if c.ID() != id || c.Conn() == nil || c.Conn().ID() != id || c.Header().Get("X-Node") != "a" {
			t.Errorf("client %q with header %v", c.ID(), c.Header())
		}
	}
	t.Run("memory", func(t *testing.T) { check(t, "phone", s.DialHandler(app, request("phone"))) })
	t.Run("network", func(t *testing.T) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		web := &http.Server{Handler: app}
		go func() { _ = web.Serve(ln) }()
		defer web.Close()
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		check(t, "tablet", s.OverRequest(conn, request("tablet")))
	})
}

func TestDialAs(t *testing.T) {
	s := hearthtest.New(t, options())
	c := s.DialAs(hearth.UpgradeData{ClientID: "me", UserID: "u", Metadata: 1})
	if data := c.Conn().Data(); c.ID() != "me" || data.UserID != "u" || data.Metadata != 1 {
		t.Errorf("client %q with %+v", c.ID(), data)
	}
}

// What goes wrong fails the test that uses the package, and says why.
func TestFailures(t *testing.T) {
	for _, test := range []struct {
		name string
		want string
		run  func(t testing.TB)
	}{
		{"options", "option Authenticate is nil", func(t testing.TB) { hearthtest.New(t, hearth.Options{}) }},
		{"credentials", `not authenticated: received {"event":"error","data":{"message":"Authentication failed"}}`, func(t testing.TB) {
			hearthtest.New(t, options()).Connect("guess")
		}},
		{"other event", `waiting for "order": received {"event":"greeting","data":"hello ann"}`, func(t testing.TB) {
			c := hearthtest.New(t, options()).Connect("secret")
			c.Send("greet", nil)
			c.Expect("order")
		}},
		{"closed", `waiting for "order": the connection was closed: 4000 "out"`, func(t testing.TB) {
			c := hearthtest.New(t, options()).Connect("secret")
			c.Conn().Close(4000, "out")
			c.Expect("order")
		}},
		{"silence", "waiting for a message: nothing came for 10s", func(t testing.TB) {
			hearthtest.New(t, options()).Connect("secret").Next()
		}},
		{"open", "waiting for the connection to be closed: nothing happened for 10s", func(t testing.TB) {
			hearthtest.New(t, options()).Connect("secret").ExpectClose()
		}},
		{"id in use", "the upgrade was refused: 409 Conflict: The client id is in use by another connection.", func(t testing.TB) {
			s := hearthtest.New(t, options())
			s.DialAs(hearth.UpgradeData{ClientID: "me"})
			s.DialAs(hearth.UpgradeData{ClientID: "me"})
		}},
		{"data", `data of "greet": json: unsupported type: func()`, func(t testing.TB) {
			hearthtest.New(t, options()).Connect("secret").Send("greet", func() {})
		}},
		{"hook that hangs", "shutdown: context deadline exceeded", func(t testing.TB) {
			opts, release := hanging()
			t.Cleanup(release)
			hearthtest.New(t, opts).Connect("secret").Send("hang", nil)
			synctest.Wait()
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &recorder{T: t}
				r.run(test.run)
				if !strings.Contains(r.failure, test.want) {
					t.Errorf("the failure is %q, want %q", r.failure, test.want)
				}
			})
		})
	}
}

// A test that shuts its server down looks at the outcome itself.
func TestOwnShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opts, release := hanging()
		r := &recorder{T: t}
		r.run(func(t testing.TB) {
			s := hearthtest.New(t, opts)
			s.Connect("secret").Send("hang", nil)
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Shutdown returns %v, want the context's error", err)
			}
			release()
		})
		if r.failure != "" {
			t.Errorf("the test fails: %s", r.failure)
		}
	})
}

// hanging are options whose OnMessage does not return before release.
func hanging() (opts hearth.Options, release func()) {
	opts = options()
	released := make(chan struct{})
	opts.OnMessage = func(context.Context, *hearth.Client, hearth.Message) error {
		<-released
		return nil
	}
	return opts, func() { close(released) }
}

// recorder is a test that is expected to fail.
type recorder struct {
	*testing.T
	cleanups []func()
	failure  string
}

var errFatal = errors.New("fatal")

func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

func (r *recorder) Errorf(format string, args ...any) { r.failure += fmt.Sprintf(format, args...) }

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic(errFatal)
}

func (r *recorder) run(f func(testing.TB)) {
	defer func() {
		if p := recover(); p != nil && p != errFatal {
			panic(p)
		}
		for len(r.cleanups) > 0 {
			last := len(r.cleanups) - 1
			cleanup := r.cleanups[last]
			r.cleanups = r.cleanups[:last]
			cleanup()
		}
	}()
	f(r)
}

// A request's context ends when its handler returns, as under net/http, and at the
// latest with the server.
func TestContextOfRequests(t *testing.T) {
	ended := make(chan context.Context, 2)
	t.Run("server", func(t *testing.T) {
		s := hearthtest.New(t, options())
		s.DialHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.ServeHTTP(w, r)
			ended <- r.Context()
		}), hearthtest.NewRequest(s.Path()))
		select {
		case <-(<-ended).Done():
		case <-time.After(hearthtest.Patience):
			t.Error("the context goes on when the handler has returned")
		}
		s.DialHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.ServeHTTP(w, r)
			<-r.Context().Done()
			ended <- r.Context()
		}), hearthtest.NewRequest(s.Path()))
	})
	if (<-ended).Err() == nil {
		t.Error("the context goes on when the server has ended")
	}
}
