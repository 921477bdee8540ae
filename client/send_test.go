package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth/client"
)

// recorder is a server that keeps what it is sent.
func recorder(t *testing.T) (*fake, <-chan string) {
	got := make(chan string, 4096)
	return newFake(t, func(w http.ResponseWriter, r *http.Request) {
		s := upgrade(t, w, r)
		s.admit()
		for m, ok := s.read(); ok; m, ok = s.read() {
			got <- strings.TrimSpace(m.Event + " " + string(m.Data))
		}
		_ = s.ws.CloseNow()
	}), got
}

// secondRecorder tells the events of all connections but the first, with which it
// does something else.
func secondRecorder(t *testing.T, first func(s *socket)) (*fake, <-chan string) {
	got := make(chan string, 4096)
	var connections atomic.Int32
	return newFake(t, func(w http.ResponseWriter, r *http.Request) {
		s := upgrade(t, w, r)
		s.ws.SetReadLimit(1 << 20)
		s.admit()
		if connections.Add(1) == 1 {
			first(s)
			return
		}
		for m, ok := s.read(); ok; m, ok = s.read() {
			got <- m.Event
		}
	}), got
}

// What is sent before there is a connection arrives in order, behind the rooms.
func TestQueueOrder(t *testing.T) {
	f, got := recorder(t)
	c := start(t, client.Options{Dial: f.DialContext})
	for i := range 100 {
		send(t, c, "n", i)
	}
	if err := c.Join("lobby"); err != nil {
		t.Fatal(err)
	}
	if got := c.Queued(); got != 100 {
		t.Errorf("%d wait", got)
	}
	connect(t, c)
	for i := 100; i < 200; i++ {
		send(t, c, "n", i)
	}
	if got := next(t, got); got != `join {"rooms":["lobby"]}` {
		t.Errorf("first comes %s", got)
	}
	for i := range 200 {
		if got, want := next(t, got), fmt.Sprint("n ", i); got != want {
			t.Fatalf("%s instead of %s", got, want)
		}
	}
	if got := c.Queued(); got != 0 {
		t.Errorf("%d wait", got)
	}
}

func TestQueuePolicies(t *testing.T) {
	for _, test := range []struct {
		name    string
		queue   client.Queue
		send    []int // sizes of messages, which begin with a number
		refused []int
		dropped []int
		queued  int
	}{
		{"default", client.Queue{}, sizes(300, 20), span(256, 300), nil, 256},
		{"newest", client.Queue{Messages: 3}, sizes(5, 20), []int{3, 4}, nil, 3},
		{"oldest", client.Queue{Messages: 3, Overflow: client.DropOldest}, sizes(5, 20), nil, []int{0, 1}, 3},
		{"newest, bytes", client.Queue{Bytes: 100}, []int{40, 40, 30, 20}, []int{2}, nil, 3},
		{"oldest, bytes", client.Queue{Bytes: 100, Overflow: client.DropOldest}, []int{40, 50, 20, 80, 101}, []int{4}, []int{0, 1}, 2},
		{"oldest, all", client.Queue{Bytes: 100, Overflow: client.DropOldest}, []int{40, 50, 100}, nil, []int{0, 1}, 1},
		{"none", client.Queue{Messages: -1}, sizes(2, 20), []int{0, 1}, nil, 0},
		{"none, oldest", client.Queue{Messages: -1, Overflow: client.DropOldest}, sizes(2, 20), []int{0, 1}, nil, 0},
		{"block, too long", client.Queue{Bytes: 100, Overflow: client.Block}, []int{101}, []int{0}, nil, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := start(t, client.Options{URL: "ws://hearth.test/ws", Queue: test.queue})
			errs := inbox(c.OnError)
			var refused []int
			for i, size := range test.send {
				err := c.SendRaw(t.Context(), sized(i, size))
				if err == nil {
					continue
				}
				var e *client.Error
				if !errors.As(err, &e) || e.Code != client.ErrDropped || number(t, e) != i {
					t.Errorf("message %d: %v", i, err)
				}
				refused = append(refused, i)
			}
			if diff := cmp.Diff(test.refused, refused); diff != "" {
				t.Errorf("refused (-want +got):\n%s", diff)
			}
			var dropped []int
			for range test.dropped {
				e := next(t, errs)
				if !errors.Is(e, client.ErrDropped) {
					t.Error(e)
				}
				dropped = append(dropped, number(t, e))
			}
			if diff := cmp.Diff(test.dropped, dropped); diff != "" {
				t.Errorf("dropped (-want +got):\n%s", diff)
			}
			if got := c.Queued(); got != test.queued {
				t.Errorf("%d wait, want %d", got, test.queued)
			}
			c.Close() // empties it, and tells
			if got := len(errs); got != test.queued || c.Queued() != 0 {
				t.Errorf("Close has dropped %d, and %d still wait", got, c.Queued())
			}
		})
	}
}

// sizes are n times size.
func sizes(n, size int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = size
	}
	return all
}

func span(from, to int) (all []int) {
	for i := from; i < to; i++ {
		all = append(all, i)
	}
	return all
}

// sized is a message of so many bytes.
func sized(n, size int) []byte {
	raw := fmt.Appendf(nil, `{"event":"%04d"`, n)
	return append(append(raw, strings.Repeat(" ", size-len(raw)-1)...), '}')
}

func number(t *testing.T, e *client.Error) (n int) {
	t.Helper()
	if _, err := fmt.Sscan(strings.TrimLeft(e.Message.Event, "0")+" ", &n); err != nil && e.Message.Event != "0000" {
		t.Errorf("the error has the message %q", e.Message.Raw)
	}
	return n
}

// With Block a sender waits for room, or for its context.
func TestQueueBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, got := recorder(t)
		var up atomic.Bool
		c := start(t, client.Options{
			Queue: client.Queue{Messages: 2, Overflow: client.Block},
			Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
				if !up.Load() {
					return nil, errors.New("nobody is there")
				}
				return f.DialContext(ctx, network, addr)
			},
		})
		c.Start()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		began := time.Now()
		for i := range 3 {
			err := c.Send(ctx, "n", i)
			if i < 2 && err != nil || i == 2 && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("message %d: %v", i, err)
			}
		}
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("waited for %s", took)
		}
		var sent atomic.Int32
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := 2; i < 50; i++ {
				if err := c.Send(t.Context(), "n", i); err != nil {
					t.Errorf("message %d: %v", i, err)
				}
				sent.Add(1)
			}
		}()
		time.Sleep(time.Hour)
		if n := sent.Load(); n != 0 {
			t.Errorf("%d sent", n)
		}
		up.Store(true)
		<-done
		for i := range 50 {
			if got, want := next(t, got), fmt.Sprint("n ", i); got != want {
				t.Fatalf("%s instead of %s", got, want)
			}
		}
	})
}

// A message that is only good at once is not kept.
func TestNoQueue(t *testing.T) {
	f, got := recorder(t)
	c := start(t, client.Options{Dial: f.DialContext})
	if err := c.Send(t.Context(), "cursor", 1, client.NoQueue()); !errors.Is(err, client.ErrDropped) {
		t.Error(err)
	}
	connect(t, c)
	send(t, c, "cursor", 2, client.NoQueue())
	if got := next(t, got); got != "cursor 2" {
		t.Error(got)
	}
}

// Close comes after what was sent.
func TestCloseFlushes(t *testing.T) {
	for range 20 {
		f, got := recorder(t)
		c := start(t, client.Options{Dial: f.DialContext})
		connect(t, c)
		for i := range 200 {
			send(t, c, "n", i)
		}
		c.Close()
		for i := range 200 {
			if got, want := next(t, got), fmt.Sprint("n ", i); got != want {
				t.Fatalf("%s instead of %s", got, want)
			}
		}
	}
}

// While the server does not read, Send waits; what could not be written waits
// for the next connection.
func TestSlowServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := make(chan struct{})
		f, got := secondRecorder(t, func(s *socket) {
			<-first
			_ = s.ws.CloseNow()
		})
		c := start(t, client.Options{Dial: f.DialContext})
		connect(t, c)
		n := 0
		for ; ; n++ {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			err := c.Send(ctx, fmt.Sprint(n), strings.Repeat("x", 10_000))
			cancel()
			if errors.Is(err, context.DeadlineExceeded) {
				break
			}
			if err != nil || n > 1000 {
				t.Fatalf("message %d: %v", n, err)
			}
		}
		close(first)
		connect(t, c)
		synctest.Wait()
		first1 := <-got // what was being written is lost
		var from int
		if _, err := fmt.Sscan(first1, &from); err != nil || from > 8 {
			t.Fatalf("the second connection begins with %s of %d", first1, n)
		}
		for i := from + 1; i < n; i++ {
			if got := next(t, got); got != fmt.Sprint(i) {
				t.Fatalf("%s instead of %d", got, i)
			}
		}
	})
}

// What was left of a connection comes before what was sent since, but for what
// would be late.
func TestLeftComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, got := recorder(t)
		hold := &held{release: make(chan struct{})}
		c := start(t, client.Options{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := f.DialContext(ctx, network, addr)
			if hold.Conn == nil {
				hold.Conn = conn
				return hold, err
			}
			return conn, err
		}})
		errs := inbox(c.OnError)
		connect(t, c)
		synctest.Wait()
		hold.on.Store(true)
		for i := range 4 { // 0 is being written, and will be lost
			send(t, c, "n", i)
			synctest.Wait()
			send(t, c, "late", i, client.NoQueue())
		}
		hold.Close()
		synctest.Wait()
		if _, ok := c.Connection(); ok {
			t.Error("still connected")
		}
		for i := 4; i < 6; i++ {
			send(t, c, "n", i)
		}
		close(hold.release)
		connect(t, c)
		for i := 1; i < 6; i++ {
			if got, want := next(t, got), fmt.Sprint("n ", i); got != want {
				t.Errorf("%s instead of %s", got, want)
			}
		}
		for i := range 4 {
			if e := next(t, errs); !errors.Is(e, client.ErrDropped) || string(e.Message.Data) != fmt.Sprint(i) {
				t.Errorf("dropped: %v", e)
			}
		}
	})
}

// held is a connection whose writes do not return while it is on, and fail
// then.
type held struct {
	net.Conn
	on      atomic.Bool
	release chan struct{}
}

func (h *held) Write(p []byte) (int, error) {
	if h.on.Load() {
		<-h.release
		return 0, net.ErrClosed
	}
	return h.Conn.Write(p)
}

// A server that does not read for long is given up.
func TestStuckServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
			s := upgrade(t, w, r)
			s.admit()
			<-t.Context().Done()
			_ = s.ws.CloseNow()
		})
		c := start(t, client.Options{Dial: f.DialContext})
		changes := inbox(c.OnState)
		connect(t, c)
		send(t, c, "big", strings.Repeat("x", 1<<20))
		time.Sleep(11 * time.Second)
		ch := until(t, changes, func(ch client.Change) bool { return ch.Err != nil })
		if !errors.Is(ch.Err, client.ErrSilent) || !strings.Contains(ch.Err.Error(), "took nothing for 10s") {
			t.Error(ch.Err)
		}
	})
}

// Senders and the end of connections may meet anywhere: each sender's messages
// arrive in order, and at most once.
func TestConcurrentSenders(t *testing.T) {
	s := memory(t)
	c := start(t, client.Options{
		Dial: s.DialContext, Backoff: client.Backoff{Base: time.Millisecond, Cap: time.Millisecond},
		Queue: client.Queue{Overflow: client.Block},
	})
	echo := event(c, "echo")
	connect(t, c)
	const senders, each = 8, 200
	var wg sync.WaitGroup
	for who := range senders {
		wg.Go(func() {
			for n := range each {
				if err := c.Send(t.Context(), "echo", [2]int{who, n}); err != nil {
					t.Errorf("sender %d: %v", who, err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	arrived := 0
	for cutting := true; cutting; {
		select {
		case <-done:
			cutting = false
		case <-time.After(time.Millisecond):
			if len(echo) == arrived {
				continue // a connection that is cut too early carries nothing
			}
			arrived = len(echo)
			if conn, ok := c.Connection(); ok {
				if other := s.Client(conn.ID); other != nil {
					other.Close(1001, "")
				}
			}
		}
	}
	// The last cut may still be on its way, and take an end along.
	ended := event(c, "end")
	eventually(t, "the end", func() bool {
		send(t, c, "end", nil)
		select {
		case <-ended:
			return true
		case <-time.After(10 * time.Millisecond):
			return false
		}
	})
	var last [senders]int
	if len(echo) == 0 {
		t.Error("nothing arrived")
	}
	for len(echo) > 0 {
		v, err := client.DataOf[[2]int](<-echo)
		if err != nil {
			t.Fatal(err)
		}
		if v[1] < last[v[0]] {
			t.Fatalf("sender %d: %d after %d", v[0], v[1], last[v[0]])
		}
		last[v[0]] = v[1] + 1
	}
}

func TestSendUsage(t *testing.T) {
	c := start(t, client.Options{URL: "ws://hearth.test/ws"})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range map[string]error{
		"no event":    c.Send(t.Context(), "", 1),
		"no JSON":     c.Send(t.Context(), "a", func() {}),
		"broken JSON": c.Send(t.Context(), "a", json.RawMessage("{")),
		"bad UTF-8":   c.Send(t.Context(), "a", []any{json.RawMessage("\"\xff\"")}),
		"broken id":   c.Send(t.Context(), "a", 1, client.WithID(json.RawMessage("{"))),
		"no UTF-8":    c.SendRaw(t.Context(), []byte{0xff}),
		"join":        c.Join("lobby", "ws:x"),
		"leave":       c.Leave(""),
	} {
		if !errors.Is(err, client.ErrUsage) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := c.Send(ended, "a", 1); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if c.Queued() != 0 || len(c.Rooms()) != 0 {
		t.Error("something was kept")
	}
}

func TestWithID(t *testing.T) {
	raw := make(chan string, 1)
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		s := upgrade(t, w, r)
		s.admit()
		_, m, _ := s.ws.Read(context.Background())
		raw <- string(m)
		s.drain()
	})
	c := start(t, client.Options{Dial: f.DialContext})
	send(t, c, "ask", "x", client.WithID(7))
	connect(t, c)
	if got := next(t, raw); got != `{"event":"ask","data":"x","id":7}` {
		t.Error(got)
	}
}

// While a handler is busy no more is kept of what was dropped than a queue has:
// the rest is told as a number.
func TestDropsAreBounded(t *testing.T) {
	for _, test := range []struct {
		name             string
		queue            client.Queue
		sent, size, most int
	}{
		{"messages", client.Queue{Messages: 3, Overflow: client.DropOldest}, 2000, 20, 300},
		{"bytes", client.Queue{Bytes: 1000, Overflow: client.DropOldest}, 2000, 1000, 150},
		{"too long for bytes", client.Queue{Bytes: 300_000, Overflow: client.DropOldest}, 10, 300_000, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := start(t, client.Options{Queue: test.queue})
				busy := make(chan struct{})
				var told []int
				sum, last := 0, 0
				c.OnError(func(e *client.Error) {
					<-busy
					if !errors.Is(e, client.ErrDropped) {
						t.Error(e)
					}
					told = append(told, e.Dropped)
					if e.Dropped > 0 {
						if e.Message.Raw != nil {
							t.Errorf("%d messages are told as %s", e.Dropped, e.Message.Raw)
						}
						sum += e.Dropped
						return
					}
					if n := number(t, e); n != sum {
						t.Errorf("message %d is told after %d", n, sum)
					}
					sum++
					last = len(told)
				})
				for i := range test.sent {
					if err := c.SendRaw(t.Context(), sized(i, test.size)); err != nil {
						t.Fatal(err)
					}
				}
				queued := c.Queued()
				close(busy)
				synctest.Wait()
				if want := test.sent - queued; sum != want || len(told) > test.most || len(told) != last+1 {
					t.Errorf("%d of %d are told in %d calls, the last with %d", sum, want, len(told), told[len(told)-1])
				}
				// Then each is told by itself again.
				before := len(told)
				if err := c.SendRaw(t.Context(), sized(sum+queued, test.size)); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if len(told) != before+1 || told[before] != 0 {
					t.Errorf("then %v", told[before:])
				}
			})
		})
	}
}
