package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/client"
)

// The table of close codes is that of the protocol, whoever closes.
func TestCloseCodes(t *testing.T) {
	raw, err := os.ReadFile("../protocol/vectors/close-codes.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Codes []struct {
			Code      int
			Reason    *string
			Reconnect bool
		}
		Others struct{ Reconnect bool }
	}
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	type row struct {
		code      int
		reason    string
		reconnect bool
	}
	var rows []row
	for _, v := range vectors.Codes {
		r := row{code: v.Code, reconnect: v.Reconnect}
		if v.Reason != nil {
			r.reason = *v.Reason
		}
		rows = append(rows, r)
	}
	for _, code := range []int{1010, 1014, 3000, 4000, 4005, 4999} {
		rows = append(rows, row{code, "", vectors.Others.Reconnect})
	}
	for _, r := range rows {
		for _, admitted := range []bool{true, false} {
			t.Run(strconv.Itoa(r.code)+"/"+strconv.FormatBool(admitted), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { closeWith(t, r.code, r.reason, admitted, r.reconnect) })
			})
		}
	}
}

func closeWith(t *testing.T, code int, reason string, admitted, reconnect bool) {
	var connections atomic.Int32
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		s := upgrade(t, w, r)
		if connections.Add(1) == 1 {
			if admitted {
				s.admit()
			} else {
				s.read()
			}
			switch code {
			case hearth.CloseNoStatus:
				s.close(code, "") // coder writes an empty close frame
			case hearth.CloseAbnormal:
				_ = s.ws.CloseNow()
			default:
				s.close(code, reason)
			}
			return
		}
		s.admit()
		s.read()
	})
	c := start(t, client.Options{Dial: f.DialContext})
	changes := inbox(c.OnState)
	c.Start()
	ended := until(t, changes, func(ch client.Change) bool { return ch.Err != nil })
	if want := map[bool]client.State{true: client.Connecting, false: client.Disconnected}[reconnect]; ended.State != want {
		t.Errorf("the client is %s after %v", ended.State, ended.Err)
	}
	if ended.Err.Final() == reconnect || ended.Err.CloseCode != code && code != hearth.CloseAbnormal || ended.Err.Reason != reason {
		t.Errorf("the error is %+v", ended.Err)
	}
	want := map[int]client.ErrorCode{
		hearth.CloseAbnormal:             client.ErrNetwork,
		hearth.CloseAuthenticationFailed: client.ErrRejected,
		hearth.CloseEncryptionRequired:   client.ErrEncryptionRequired,
	}[code]
	if want == "" {
		want = client.ErrClosed
	}
	if !errors.Is(ended.Err, want) {
		t.Errorf("%v is no %q", ended.Err, want)
	}
	if reconnect {
		until(t, changes, func(ch client.Change) bool { return ch.State == client.Connected })
		return
	}
	time.Sleep(time.Hour)
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
	connect(t, c) // starts anew
}

// Waits are random, up to a limit that doubles, and start afresh after a good
// connection.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var up atomic.Bool
		s := memory(t)
		c := start(t, client.Options{
			Backoff: client.Backoff{Base: time.Second, Cap: 10 * time.Second},
			Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
				if addr != "hearth.test:80" {
					t.Errorf("dials %s", addr)
				}
				if !up.Load() {
					return nil, errors.New("nobody is there")
				}
				return s.DialContext(ctx, network, addr)
			},
		})
		changes := inbox(c.OnState)
		c.Start()
		if ch := next(t, changes); ch.State != client.Connecting || ch.Attempt != 0 || ch.Delay != 0 || ch.Err != nil {
			t.Errorf("begins with %+v", ch)
		}
		began, total := time.Now(), time.Duration(0)
		sum := map[time.Duration]time.Duration{}
		for n := 1; n <= 200; n++ {
			ch := next(t, changes)
			limit := min(10*time.Second, time.Second<<min(n-1, 10))
			if ch.State != client.Connecting || ch.Attempt != n || ch.Delay < 0 || ch.Delay > limit {
				t.Fatalf("attempt %d is %+v", n, ch)
			}
			if !errors.Is(ch.Err, client.ErrNetwork) || !strings.Contains(ch.Err.Error(), "ws://hearth.test/ws: ") ||
				!strings.Contains(ch.Err.Error(), "nobody is there") {
				t.Errorf("the error is %v", ch.Err)
			}
			if waited := time.Since(began); waited != total {
				t.Fatalf("attempt %d failed after %s, want %s", n, waited, total)
			}
			total += ch.Delay
			sum[limit] += ch.Delay
			time.Sleep(ch.Delay)
		}
		if mean := sum[10*time.Second] / 196; mean < 4*time.Second || mean > 6*time.Second {
			t.Errorf("waits are %s on average, of up to 10 s", mean)
		}

		up.Store(true)
		until(t, changes, func(ch client.Change) bool { return ch.State == client.Connected })
		time.Sleep(10 * time.Second)
		conn, _ := c.Connection()
		s.Client(conn.ID).Close(hearth.CloseGoingAway, "")
		if ch := next(t, changes); ch.Attempt != 1 || ch.Delay > time.Second {
			t.Errorf("after a good connection: %+v", ch)
		}
		until(t, changes, func(ch client.Change) bool { return ch.State == client.Connected })
		conn, _ = c.Connection()
		s.Client(conn.ID).Close(hearth.CloseGoingAway, "") // at once
		if ch := next(t, changes); ch.Attempt != 2 {
			t.Errorf("after a connection of no time: %+v", ch)
		}
	})
}

// A Close while the next attempt waits, or is made, ends it at once.
func TestCloseEndsAttempts(t *testing.T) {
	for name, dial := range map[string]func(ctx context.Context, network, addr string) (net.Conn, error){
		"waiting": func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no") },
		"dialing": func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() },
		"shaking hands": func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() { _, _ = far.Read(make([]byte, 4096)) }()
			return near, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := start(t, client.Options{Dial: dial, Backoff: client.Backoff{Base: time.Hour, Cap: time.Hour}})
				changes := inbox(c.OnState)
				c.Start()
				synctest.Wait()
				began := time.Now()
				c.Close()
				if took := time.Since(began); took != 0 {
					t.Errorf("Close took %s", took)
				}
				last := until(t, changes, func(ch client.Change) bool { return ch.State == client.Disconnected })
				if last.Err != nil {
					t.Error(last.Err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
				defer cancel()
				<-ctx.Done()
				if _, err := c.Connect(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				c.Close()
			})
		})
	}
}

// Close wakes whoever waits for the connection.
func TestCloseWhileConnecting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, client.Options{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		failed := make(chan error)
		go func() {
			_, err := c.Connect(context.Background())
			failed <- err
		}()
		synctest.Wait()
		c.Close()
		if err := <-failed; !errors.Is(err, client.ErrDisconnected) {
			t.Error(err)
		}
	})
}

// An attempt that takes too long is given up, wherever it is.
func TestConnectTimeout(t *testing.T) {
	silent := func(t *testing.T) func(context.Context, string, string) (net.Conn, error) {
		return newFake(t, func(w http.ResponseWriter, r *http.Request) { upgrade(t, w, r).drain() }).DialContext
	}
	for name, opts := range map[string]func(t *testing.T) client.Options{
		"credentials": func(*testing.T) client.Options {
			return client.Options{Credentials: func(ctx context.Context) (any, error) { <-ctx.Done(); return nil, ctx.Err() }}
		},
		"dial": func(*testing.T) client.Options {
			return client.Options{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }}
		},
		"connected": func(t *testing.T) client.Options { return client.Options{Dial: silent(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := opts(t)
				o.ConnectTimeout = 3 * time.Second
				c := start(t, o)
				changes := inbox(c.OnState)
				began := time.Now()
				c.Start()
				ch := until(t, changes, func(ch client.Change) bool { return ch.Err != nil })
				if took := time.Since(began); took != 3*time.Second || !errors.Is(ch.Err, client.ErrTimeout) ||
					!strings.Contains(ch.Err.Error(), "within 3s") {
					t.Errorf("after %s: %v", took, ch.Err)
				}
			})
		})
	}
}

// drain reads until the client leaves.
func (s *socket) drain() {
	for ok := true; ok; {
		_, ok = s.read()
	}
}

// Credentials are asked for anew at every attempt.
func TestCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory(t)
		asked := 0
		failure := errors.New("the issuer is away")
		c := start(t, client.Options{Dial: s.DialContext, Credentials: func(ctx context.Context) (any, error) {
			if _, ok := ctx.Deadline(); !ok {
				t.Error("no deadline")
			}
			asked++
			switch asked {
			case 2:
				return nil, failure
			case 4:
				return nil, errors.Join(client.ErrRejected, failure)
			}
			return map[string]any{"user": "user-" + strconv.Itoa(asked)}, nil
		}})
		errs, changes := inbox(c.OnError), inbox(c.OnState)
		if conn := connect(t, c); conn.UserID != "user-1" {
			t.Errorf("connected as %+v", conn)
		}
		for conn, _ := c.Connection(); ; conn, _ = c.Connection() {
			s.Client(conn.ID).Close(hearth.CloseGoingAway, "")
			ch := until(t, changes, func(ch client.Change) bool {
				return ch.State == client.Disconnected || ch.State == client.Connected && ch.Connection.UserID != "user-1"
			})
			if ch.State == client.Disconnected {
				break
			}
			if ch.Connection.UserID != "user-3" {
				t.Errorf("connected as %+v", ch.Connection)
			}
		}
		if err := next(t, errs); !errors.Is(err, client.ErrToken) || !errors.Is(err, failure) || err.Final() {
			t.Errorf("the second attempt: %v", err)
		}
		if err := next(t, errs); !errors.Is(err, client.ErrRejected) || !errors.Is(err, failure) || !err.Final() {
			t.Errorf("the fourth attempt: %v", err)
		}
		if len(errs) > 0 {
			t.Errorf("also told: %v", <-errs)
		}
	})
}

// A token is {"token": …}; other values are their JSON.
func TestCredentialsForm(t *testing.T) {
	for want, opts := range map[string]client.Options{
		``:                      {},
		`{"token":"a<b"}`:       {Token: "a<b"},
		`{"token":"s3cret"}`:    {Credentials: func(context.Context) (any, error) { return "s3cret", nil }},
		`{"token":"x","n":[1]}`: {Credentials: func(context.Context) (any, error) { return json.RawMessage(`{"token":"x","n":[1]}`), nil }},
		`"ada"`:                 {Credentials: func(context.Context) (any, error) { return json.RawMessage(`"ada"`), nil }},
		`{"A":1}`:               {Credentials: func(context.Context) (any, error) { return struct{ A int }{1}, nil }},
	} {
		got := make(chan string, 1)
		f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
			s := upgrade(t, w, r)
			m, _ := s.read()
			got <- string(m.Data)
			s.drain()
		})
		opts.Dial = f.DialContext
		c := start(t, opts)
		c.Start()
		if got := next(t, got); got != want {
			t.Errorf("authenticates with %s, want %s", got, want)
		}
		c.Close()
	}
	c := start(t, client.Options{Credentials: func(context.Context) (any, error) { return func() {}, nil }})
	if _, err := c.Connect(t.Context()); !errors.Is(err, client.ErrUsage) {
		t.Errorf("a function as credentials: %v", err)
	}
}

// Refused credentials are not tried again, and the error has the server's word.
func TestRejected(t *testing.T) {
	s := memory(t)
	c := start(t, client.Options{Dial: s.DialContext, Token: "bad"})
	errs := inbox(c.OnError)
	_, err := c.Connect(t.Context())
	var e *client.Error
	if !errors.As(err, &e) || e.Code != client.ErrRejected || e.CloseCode != 4003 || e.Message.Event != "error" ||
		!strings.Contains(err.Error(), "Authentication failed") {
		t.Errorf("refused with %+v", err)
	}
	if err := next(t, errs); !errors.Is(err, client.ErrRejected) {
		t.Error(err)
	}
	if c.State() != client.Disconnected {
		t.Errorf("the client is %s", c.State())
	}
}
