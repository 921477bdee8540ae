package hearth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
	"github.com/hearthws/hearth/internal/frame"
)

// deaths are the ways in which a connection ends.
var deaths = []struct {
	name   string
	kill   func(t *testing.T, s *hearthtest.Server, c *hearthtest.Client, hc *hearth.Client)
	code   int // that OnDisconnect gets
	reason string
}{
	{"peer closes", func(_ *testing.T, _ *hearthtest.Server, c *hearthtest.Client, _ *hearth.Client) { c.Close(4321, "bye") }, 4321, "bye"},
	{"peer closes without a code", func(_ *testing.T, _ *hearthtest.Server, c *hearthtest.Client, _ *hearth.Client) { c.Close(0, "") }, 1005, ""},
	{"peer drops", func(_ *testing.T, _ *hearthtest.Server, c *hearthtest.Client, _ *hearth.Client) { c.Drop() }, 1006, ""},
	{"peer drops within a frame", func(_ *testing.T, _ *hearthtest.Server, c *hearthtest.Client, _ *hearth.Client) {
		_, _ = c.Write(maskedText("hello")[:7])
		c.Drop()
	}, 1006, ""},
	{"peer sends an unmasked frame", func(_ *testing.T, _ *hearthtest.Server, c *hearthtest.Client, _ *hearth.Client) {
		_, _ = c.Write(frame.AppendHeader(nil, frame.Text, true, false, 0))
	}, 1002, "frame of a client not masked"},
	{"peer sends text that is not UTF-8", func(_ *testing.T, _ *hearthtest.Server, c *hearthtest.Client, _ *hearth.Client) {
		_, _ = c.Write(maskedText("\xff"))
	}, 1007, "text is not UTF-8"},
	{"peer sends too much", func(_ *testing.T, _ *hearthtest.Server, c *hearthtest.Client, _ *hearth.Client) {
		_, _ = c.Write(maskedText(strings.Repeat("x", hearth.DefaultMaxPayload+1)))
	}, 1009, "message too long"},
	{"server closes", func(_ *testing.T, _ *hearthtest.Server, _ *hearthtest.Client, hc *hearth.Client) {
		hc.Close(4000, "out")
	}, 4000, "out"},
	{"server closes often", func(_ *testing.T, _ *hearthtest.Server, _ *hearthtest.Client, hc *hearth.Client) {
		hc.Close(4000, "out")
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() { hc.Close(4001+i, "again") })
		}
		all.Wait()
	}, 4000, "out"},
	{"server shuts down", func(t *testing.T, s *hearthtest.Server, _ *hearthtest.Client, _ *hearth.Client) {
		go func() { _ = s.Shutdown(context.WithoutCancel(t.Context())) }()
	}, 1001, "Server shutting down"},
}

// lives are the states in which a connection may end.
var lives = []struct {
	name string
	set  func(o *hearth.Options, hold <-chan struct{})
	live func(t *testing.T, c *hearthtest.Client)
	user string
}{
	{name: "not authenticated", live: func(*testing.T, *hearthtest.Client) {}},
	{
		name: "authenticating",
		set: func(o *hearth.Options, hold <-chan struct{}) {
			o.Authenticate = func(context.Context, *hearth.Client, json.RawMessage) (hearth.Identity, error) {
				<-hold
				return hearth.Identity{UserID: "ann"}, nil
			}
		},
		live: func(t *testing.T, c *hearthtest.Client) { c.Send("authenticate", nil) },
	},
	{name: "authenticated", live: func(_ *testing.T, c *hearthtest.Client) { c.Authenticate(user("ann")) }, user: "ann"},
	{
		name: "in OnMessage",
		set: func(o *hearth.Options, hold <-chan struct{}) {
			o.OnMessage = func(context.Context, *hearth.Client, hearth.Message) error {
				<-hold
				return nil
			}
		},
		live: func(_ *testing.T, c *hearthtest.Client) {
			c.Authenticate(user("ann"))
			c.Send("hello", nil)
		},
		user: "ann",
	},
	{
		name: "in Transform",
		set: func(o *hearth.Options, hold <-chan struct{}) {
			o.Transform = func(context.Context, *hearth.Client, hearth.Outgoing) (*hearth.Outgoing, error) {
				<-hold
				return nil, nil
			}
			o.OnConnect = func(_ context.Context, c *hearth.Client) error {
				c.EnableEncryption()
				_, err := c.Send("hello", nil)
				return err
			}
		},
		live: func(_ *testing.T, c *hearthtest.Client) { c.Authenticate(user("ann")) },
		user: "ann",
	},
	{
		name: "in many rooms",
		live: func(t *testing.T, c *hearthtest.Client) {
			c.Authenticate(user("ann"))
			for i := range 20 {
				if err := c.Conn().Join(fmt.Sprint(i)); err != nil {
					t.Error(err)
				}
			}
		},
		user: "ann",
	},
}

// Whatever state a connection is in and however it ends: OnDisconnect runs
// exactly once, after every other hook, with the cause; and nothing is left.
func TestDeaths(t *testing.T) {
	for _, life := range lives {
		for _, death := range deaths {
			t.Run(life.name+", "+death.name, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					var j journal
					hold := make(chan struct{})
					opts := accepting()
					if life.set != nil {
						life.set(&opts, hold)
					}
					opts.OnDisconnect = func(_ context.Context, c *hearth.Client, cause hearth.Cause) error {
						select {
						case <-hold:
						default:
							if life.set != nil {
								t.Error("OnDisconnect did not wait for the hook that runs")
							}
						}
						j.note("%s %q %q %d %q", c.State(), c.UserID(), c.Rooms(), cause.Code, cause.Reason)
						return nil
					}
					s := hearthtest.New(t, opts)
					c := s.Dial()
					hc := c.Conn()
					life.live(t, c)
					synctest.Wait()
					death.kill(t, s, c, hc)
					synctest.Wait()
					if s.Client(c.ID()) != nil || len(hc.Rooms()) != 0 || hc.State() != hearth.StateDisconnected {
						t.Errorf("the client is still there, before its hooks have returned: %+v", hc.Snapshot())
					}
					for _, f := range []hearth.Filter{{}, {UserID: "ann"}, {Room: hearth.DefaultRoom}, {Room: c.ID()}} {
						for range s.Clients(f) {
							t.Errorf("the client is still listed by %+v", f)
						}
					}
					if result, err := hc.Send("late", nil); result != hearth.Dropped || err != hearth.ErrClosed {
						t.Errorf("a late message is %s, %v", result, err)
					}
					close(hold)
					time.Sleep(time.Minute) // until nothing lingers
					j.expect(t, fmt.Sprintf("disconnected %q [] %d %q", life.user, death.code, death.reason))
					st := s.Stats()
					got := []int64{st.Connections, st.Unauthorized, st.Authenticating, st.Authenticated, st.OnStreams, st.Rooms, st.QueuedBytes, st.Backpressured, st.Accepted, st.Disconnected}
					if diff := cmp.Diff([]int64{0, 0, 0, 0, 0, 0, 0, 0, 1, 1}, got); diff != "" {
						t.Errorf("stats (-want +got):\n%s", diff)
					}
				})
			})
		}
	}
}

// OnBackpressure, which must not block, is waited for when it does.
func TestOnDisconnectFollowsOnBackpressure(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var j journal
		hold := make(chan struct{})
		opts := accepting()
		opts.OnBackpressure = func(c *hearth.Client, on bool) {
			<-hold
			j.note("OnBackpressure %t", on)
		}
		s := hearthtest.New(t, journaled(&j, opts))
		c := s.Connect(nil)
		c.Stall()
		if _, err := c.Conn().Send("page", strings.Repeat("x", 100_000)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		c.Conn().Close(4000, "out")
		synctest.Wait()
		close(hold)
		c.Unstall()
		synctest.Wait()
		j.expect(t, "Authenticate {} authenticating", `OnConnect authenticated ""`, "OnBackpressure true", `OnDisconnect disconnected "" 4000 "out"`)
		if got := s.Stats().Backpressured; got != 0 {
			t.Errorf("%d clients count as too slow", got)
		}
	})
}

// TestDeaths over sockets, with many connections at once.
func TestDeathsOfMany(t *testing.T) {
	onBoth(t, func(t *testing.T, n *network) {
		var mu sync.Mutex
		ends := map[string]int{}
		causes := map[int]int{}
		opts := accepting()
		opts.OnMessage = func(_ context.Context, c *hearth.Client, m hearth.Message) error {
			_, err := c.Send("echo", m.Data)
			return err
		}
		opts.OnDisconnect = func(_ context.Context, c *hearth.Client, cause hearth.Cause) error {
			mu.Lock()
			defer mu.Unlock()
			ends[c.ID()]++
			causes[cause.Code]++
			return nil
		}
		s := n.serve(t, opts)
		want := map[int]int{}
		alive := deaths[:len(deaths)-1] // all but Shutdown
		for round := range 5 {
			for _, death := range alive {
				early := n.dial(t, s)
				c := n.connect(t, s, user("ann"))
				if round%2 == 0 {
					c.Send("hello", round)
					c.Expect("echo")
				}
				death.kill(t, s, c, c.Conn())
				want[death.code]++
				early.Drop()
				want[hearth.CloseAbnormal]++
			}
		}
		total := int64(0)
		for _, n := range want {
			total += int64(n)
		}
		eventually(t, "all have come and are gone", func() bool {
			st := s.Stats()
			return st.Connections == 0 && st.Accepted == total && st.Disconnected == total
		})
		if err := s.Shutdown(t.Context()); err != nil { // waits for the hooks
			t.Fatal(err)
		}
		for id, n := range ends {
			if n != 1 {
				t.Errorf("OnDisconnect ran %d times for %s", n, id)
			}
		}
		if diff := cmp.Diff(want, causes); diff != "" {
			t.Errorf("causes (-want +got):\n%s", diff)
		}
		if st := s.Stats(); st.Rooms != 0 || st.OnLoops+st.OnStreams != 0 || st.QueuedBytes != 0 {
			t.Errorf("something is left: %+v", st)
		}
	})
}

// Close sends what is queued, then the close frame, and nothing more.
func TestCloseComesLast(t *testing.T) {
	onBoth(t, func(t *testing.T, n *network) {
		s := n.serve(t, accepting())
		c := n.connect(t, s, user("ann"))
		hc := c.Conn()
		const messages = 100
		for i := range messages {
			if _, err := hc.Send("m", i); err != nil {
				t.Fatal(err)
			}
		}
		hc.Close(4000, "out")
		_ = s.ToUser(t.Context(), "ann", "late", nil)
		_ = s.ToRoom(t.Context(), hearth.DefaultRoom, "late", nil)
		_ = s.ToRoom(t.Context(), hc.ID(), "late", nil)
		_ = s.ToClient(t.Context(), hc.ID(), "late", nil)
		_ = s.Broadcast(t.Context(), "late", nil)
		expectClose(t, c, 4000, "out")
		got := c.Received()
		for i, m := range got {
			if m.Event != "m" {
				t.Errorf("message %d is %s", i, m)
			}
		}
		if len(got) != messages {
			t.Errorf("%d messages came before the close frame, want %d", len(got), messages)
		}
	})
}

// What Close makes of codes and reasons.
func TestCloseCodes(t *testing.T) {
	s := hearthtest.New(t, accepting())
	long := strings.Repeat("é", 100)
	for _, test := range []struct {
		code     int
		reason   string
		wantCode int
		want     string
	}{
		{1000, "", 1000, ""},
		{4999, "kicked", 4999, "kicked"},
		{3000, "", 3000, ""},
		{1013, "later", 1013, "later"},
		{0, "zero", 1000, "zero"},
		{999, "", 1000, ""},
		{1005, "", 1000, ""},
		{1006, "", 1000, ""},
		{5000, "", 1000, ""},
		{-1, "", 1000, ""},
		{4000, long, 4000, long[:122]},
		{4000, "a\xffb", 4000, "a\ufffdb"},
	} {
		c := s.Connect(nil)
		c.Conn().Close(test.code, test.reason)
		expectClose(t, c, test.wantCode, test.want)
	}
}

// A client's messages after its own close frame are not handled.
func TestNothingAfterThePeersClose(t *testing.T) {
	onBoth(t, func(t *testing.T, n *network) {
		var j journal
		gone := make(chan struct{})
		opts := accepting()
		opts.OnMessage = func(_ context.Context, _ *hearth.Client, m hearth.Message) error {
			j.note("%s", m.Event)
			return nil
		}
		opts.OnDisconnect = func(context.Context, *hearth.Client, hearth.Cause) error {
			close(gone)
			return nil
		}
		s := n.serve(t, opts)
		c := n.connect(t, s, nil)
		both := maskedText(`{"event":"before"}`)
		both = frame.AppendMasked(both, frame.Close, true, false, []byte{0x0f, 0xa0}, [4]byte{1, 2, 3, 4})
		both = append(both, maskedText(`{"event":"after"}`)...)
		if _, err := c.Write(both); err != nil {
			t.Fatal(err)
		}
		expectClose(t, c, 4000, "")
		<-gone
		j.expect(t, "before")
	})
}

// A peer that says that it sends nothing more, behind its close frame, still gets
// what was sent to it before, and the answer.
func TestPeerThatClosesHalf(t *testing.T) {
	onBoth(t, func(t *testing.T, n *network) {
		s := n.serve(t, echoing())
		for range 50 {
			conn, err := net.Dial("tcp", n.addrs[s])
			if err != nil {
				t.Fatal(err)
			}
			c := s.Over(conn)
			c.Authenticate(nil)
			if _, err := c.Write(frame.AppendMasked(nil, frame.Close, true, false, []byte{0x0f, 0xa0}, [4]byte{1, 2, 3, 4})); err != nil {
				t.Fatal(err)
			}
			_ = conn.(*net.TCPConn).CloseWrite() // the client may have had its answer, and closed
			expectClose(t, c, 4000, "")
		}
	})
}

// A peer that does not answer the close frame, or does not even read it, is cut.
func TestPeerThatDoesNotClose(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := hearthtest.New(t, accepting())
		c := s.Connect(nil)
		synctest.Wait()
		c.Stall()
		c.Conn().Close(4000, "out")
		synctest.Wait()
		if got := s.Stats().Connections; got != 1 {
			t.Errorf("%d connections are open, want the one that is being closed", got)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := s.Stats().Connections; got != 0 {
			t.Error("the connection is still open")
		}
	})
}
