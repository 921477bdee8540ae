package hearth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// from is a request as a trusted proxy forwards it.
func from(addr string) *http.Request {
	r := hearthtest.NewRequest("/ws")
	r.Header.Set("X-Forwarded-For", "198.51.100.1, "+addr)
	return r
}

// turnedAway lets s refuse r, and compares status and reason.
func turnedAway(t testing.TB, s *hearthtest.Server, r *http.Request, status int, reason string) {
	t.Helper()
	before := s.Stats()
	w := httptest.NewRecorder()
	if _, err := s.Upgrade(w, r, hearth.UpgradeData{}); !errors.Is(err, hearth.ErrTooManyConnections) {
		t.Errorf("Upgrade returns %v", err)
	}
	if w.Code != status || w.Header().Get("Retry-After") == "" || w.Header().Get("Connection") != "close" {
		t.Errorf("the answer is %d with %v, want %d", w.Code, w.Header(), status)
	}
	after := s.Stats()
	if after.Refused[reason] != before.Refused[reason]+1 || after.UpgradesRefused != before.UpgradesRefused+1 {
		t.Errorf("counted are %v, want one more %s", after.Refused, reason)
	}
}

// Connections count as unauthenticated until they are authenticated or gone,
// however they go, and once.
func TestMaxUnauthenticated(t *testing.T) {
	bubble(t, func(t *testing.T) {
		opts := accepting()
		opts.MaxUnauthenticated = 3
		s := hearthtest.New(t, opts)
		s.Connect(nil)
		s.Connect(nil)
		for _, leave := range []func(c *hearthtest.Client){
			func(c *hearthtest.Client) { c.Authenticate(nil) },
			func(c *hearthtest.Client) { c.Drop() },
			func(c *hearthtest.Client) { c.Close(1000, "") },
			func(c *hearthtest.Client) { c.Conn().Close(1000, ""); c.Conn().Close(1000, "") },
			func(*hearthtest.Client) { time.Sleep(5 * time.Second) }, // AuthTimeout
		} {
			var all []*hearthtest.Client
			for range 3 {
				all = append(all, s.Dial())
			}
			turnedAway(t, s, hearthtest.NewRequest("/ws"), http.StatusServiceUnavailable, "unauthenticated")
			for _, c := range all {
				leave(c)
			}
			synctest.Wait()
		}
		for range 3 {
			s.Dial()
		}
	})
}

// An address has a bound of its own, which the others do not feel. A network of
// IPv6 counts as one, and only an address that a proxy vouches for counts.
func TestMaxUnauthenticatedPerAddress(t *testing.T) {
	type test struct {
		name        string
		first, same string
		other       string
	}
	bubbles(t, []test{
		{"IPv4", "203.0.113.9", "203.0.113.9", "203.0.113.10"},
		{"with ports", "203.0.113.9:1000", "203.0.113.9:2000", "203.0.113.10:1000"},
		{"IPv6", "2001:db8:1:2:3::4", "2001:db8:1:2:ffff::1", "2001:db8:1:3:3::4"},
		{"IPv6 with ports", "[2001:db8:1:2:3::4]:80", "2001:db8:1:2::1", "[2001:db8:1:3::4]:80"},
		{"mapped", "::ffff:203.0.113.9", "203.0.113.9", "::ffff:203.0.113.10"},
		{"private", "10.0.0.1", "10.0.0.1", "10.0.0.2"},
		{"nonsense", "unknown", "what", "203.0.113.10"}, // counts as the proxy itself, 192.0.2.1
	}, func(test test) string { return test.name }, func(t *testing.T, test test) {
		opts := accepting()
		opts.MaxUnauthenticatedPerAddress, opts.TrustForwarded = 2, true
		s := hearthtest.New(t, opts)
		a, b := s.DialHandler(s, from(test.first)), s.DialHandler(s, from(test.first))
		turnedAway(t, s, from(test.same), http.StatusTooManyRequests, "address")
		s.DialHandler(s, from(test.other))
		a.Authenticate(nil)
		s.DialHandler(s, from(test.same))
		turnedAway(t, s, from(test.same), http.StatusTooManyRequests, "address")
		b.Drop()
		synctest.Wait()
		s.DialHandler(s, from(test.same))
	})
}

// Who is not trusted cannot choose an address.
func TestForwardedAddressIsNotTrusted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		opts := accepting()
		opts.MaxUnauthenticatedPerAddress = 1
		s := hearthtest.New(t, opts)
		s.DialHandler(s, from("203.0.113.1"))
		turnedAway(t, s, from("203.0.113.2"), http.StatusTooManyRequests, "address")
	})
}

// By default public addresses have a bound, and those that proxies have do not.
func TestDefaultPerAddress(t *testing.T) {
	bubble(t, func(t *testing.T) {
		opts := accepting()
		opts.TrustForwarded = true
		s := hearthtest.New(t, opts)
		for range 1024 {
			s.DialHandler(s, from("10.1.2.3"))
			s.DialHandler(s, from("203.0.113.9"))
		}
		turnedAway(t, s, from("203.0.113.9"), http.StatusTooManyRequests, "address")
		for _, addr := range []string{"10.1.2.3", "203.0.113.10"} {
			s.DialHandler(s, from(addr))
		}
	})
}

func TestMaxConnections(t *testing.T) {
	bubble(t, func(t *testing.T) {
		opts := accepting()
		opts.MaxConnections = 2
		s := hearthtest.New(t, opts)
		c := s.Connect(nil)
		s.Dial()
		turnedAway(t, s, hearthtest.NewRequest("/ws"), http.StatusServiceUnavailable, "connections")
		c.Drop()
		synctest.Wait()
		s.Connect(nil)
	})
}

// A user has so many clients, and gets another when one is gone, whichever.
func TestMaxConnectionsPerUser(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var j journal
		opts := journaled(&j, accepting())
		opts.MaxConnectionsPerUser = 3
		s := hearthtest.New(t, opts)
		mine := []*hearthtest.Client{s.Connect(user("ann")), s.Connect(user("ann")), s.Connect(user("ann"))}
		for range 10 {
			s.Connect(user("bob")).Conn().Close(1000, "")
			s.Connect(nil) // a client without a user
		}
		for i := range mine { // the first, one between, the last
			over := s.Dial()
			over.Send("authenticate", user("ann"))
			expectClose(t, over, hearth.ClosePolicy, "Too many connections of this user")
			if got := s.Stats().Refused["user"]; got != int64(i+1) {
				t.Errorf("%d are counted", got)
			}
			mine[i].Drop()
			synctest.Wait()
			mine[i] = s.Connect(user("ann"))
		}
		_ = s.ToUser(t.Context(), "ann", "e", 1)
		for _, c := range mine {
			expectReceived(t, c, `{"event":"e","data":1}`)
		}
		for _, c := range mine {
			c.Drop()
		}
		synctest.Wait()
		for range 3 {
			s.Connect(user("ann"))
		}
	})
}

// Before authentication messages are short, and mistakes few.
func TestBeforeAuthentication(t *testing.T) {
	onBoth(t, func(t *testing.T, n *network) {
		opts := echoing()
		opts.MaxAuthPayload = 1000
		s := n.serve(t, opts)
		long := func(n int) string {
			return `{"event":"authenticate","data":"` + strings.Repeat("x", n-len(`{"event":"authenticate","data":""}`)) + `"}`
		}
		over := n.dial(t, s)
		over.SendText(long(1001))
		if code, _ := over.ExpectClose(); code != hearth.CloseTooBig {
			t.Errorf("a message that is too long is answered with %d", code)
		}
		fits := n.dial(t, s)
		fits.SendText(long(1000))
		fits.Expect("connected")
		fits.Send("echo", strings.Repeat("x", 100_000))
		fits.Expect("echo") // it may send longer ones now

		hasty := n.dial(t, s)
		for range 33 {
			hasty.Send("echo", 1)
		}
		expectClose(t, hasty, hearth.ClosePolicy, "Too many errors before authentication")
		if got := len(hasty.Received()); got != 32 {
			t.Errorf("it was told %d times, want 32", got)
		}
		if r := s.Stats().Refused; r["size"] != 1 || r["early"] != 1 {
			t.Errorf("counted are %v", r)
		}
	})
}

// Rooms that a client asks for are limited, in one join and in all; those that
// the application puts it in are not.
func TestMaxRooms(t *testing.T) {
	bubble(t, func(t *testing.T) {
		opts := accepting()
		opts.DefaultRooms = []string{}
		opts.MaxRooms, opts.MaxRoomsPerJoin = 5, 4
		s := hearthtest.New(t, opts)
		c := s.Connect(nil)
		join := func(names ...string) {
			t.Helper()
			c.Send("join", rooms(names...))
			expectReceived(t, c)
		}
		refused := func(names ...string) {
			t.Helper()
			c.Send("join", rooms(names...))
			expectReceived(t, c, errorEvent("Too many rooms"))
		}
		refused("a", "b", "c", "d", "e")
		join("a", "b", "c", "d")
		refused("a", "b", "c", "e", "e")
		join("a", "c", "e", "e")
		refused("d", "e", "f")
		if got := c.Conn().Rooms(); len(got) != 6 || s.Stats().Rooms != 5 || s.Stats().Refused["rooms"] != 3 {
			t.Errorf("the client is in %q, the server has %d rooms, counted are %v", got, s.Stats().Rooms, s.Stats().Refused)
		}
		c.Send("leave", rooms("a"))
		join("f")
		if err := c.Conn().Join("g", "h", "i"); err != nil || len(c.Conn().Rooms()) != 9 {
			t.Errorf("the application's Join: %v, rooms %q", err, c.Conn().Rooms())
		}
		refused("b", "g") // though it is in both
	})
}
