package hearth_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// expectRooms compares a client's rooms, its own left out, with names.
func expectRooms(t testing.TB, c *hearthtest.Client, names ...string) {
	t.Helper()
	got := slices.DeleteFunc(c.Conn().Rooms(), func(r string) bool { return r == c.ID() })
	if diff := cmp.Diff(sorted(names), got); diff != "" && len(names)+len(got) > 0 {
		t.Errorf("rooms (-want +got):\n%s", diff)
	}
}

func TestDefaultRooms(t *testing.T) {
	type test struct {
		name string
		set  []string
		want []string
	}
	bubbles(t, []test{
		{"nil", nil, []string{"ws-default", "ws-notification"}},
		{"empty", []string{}, nil},
		{"some", []string{"a", "ws:b", "a"}, []string{"a", "ws:b"}},
		{"many", []string{"a", "b", "c", "d", "e"}, []string{"a", "b", "c", "d", "e"}},
	}, func(test test) string { return test.name }, func(t *testing.T, test test) {
		opts := accepting()
		opts.DefaultRooms = test.set
		s := hearthtest.New(t, opts)
		c := s.Connect(nil)
		expectRooms(t, c, test.want...)
		if !c.Conn().InRoom(c.ID()) {
			t.Error("the client is not in the room of its own id")
		}
		for _, room := range test.want {
			_ = s.ToRoom(t.Context(), room, "m", room)
			if m := c.Expect("m"); string(m.Data) != `"`+room+`"` {
				t.Errorf("received %s from %s", m, room)
			}
		}
	})
}

// Which names a client may ask for; PROTOCOL.md.
func TestRoomNames(t *testing.T) {
	const notAsked = "ValidateRooms is not asked"
	type test struct {
		name string
		data string // "OWN" is the client's id, "OTHER" that of another
		want []string
	}
	long := strings.Repeat("é", 256)
	surrogates := strings.Repeat("\U0001D11E", 128) // 256 code units
	bubbles(t, []test{
		{"one", `{"rooms":["a"]}`, []string{"a"}},
		{"several", `{"rooms":["a","b","a"]}`, []string{"a", "b"}},
		{"other members", `{"x":1,"rooms":["a"],"rooms2":["b"]}`, []string{"a"}},
		{"empty name", `{"rooms":["","a"]}`, []string{"a"}},
		{"reserved", `{"rooms":["ws:room:a","ws:","WS:a","ws","ws-default"]}`, []string{"WS:a", "ws", "ws-default"}},
		{"256 code units", `{"rooms":["` + long + `","` + long + `x"]}`, []string{long}},
		{"surrogate pairs", `{"rooms":["` + surrogates + `","` + surrogates + `x"]}`, []string{surrogates}},
		{"no strings", `{"rooms":[1,null,{},["x"],true,"a"]}`, []string{"a"}},
		{"odd ones", `{"rooms":["*","?","[a]","\r\n","\u0000","__proto__","\u202e"," "]}`, []string{"*", "?", "[a]", "\r\n", "\x00", "__proto__", "\u202e", " "}},
		{"escapes", `{"rooms":["\u0061\/b"]}`, []string{"a/b"}},
		{"not normalised", `{"rooms":["é","e\u0301"]}`, []string{"é", "e\u0301"}},
		{"own id", `{"rooms":["OWN"]}`, []string{"OWN"}},
		{"id of another", `{"rooms":["OTHER","a"]}`, []string{"a"}},
		{"id of nobody", `{"rooms":["00000000-0000-8000-8000-000000000000","00000000-0000-4000-8000-000000000000"]}`, []string{"00000000-0000-4000-8000-000000000000"}},
		{"nothing left", `{"rooms":["","ws:a"]}`, []string{notAsked}},
		{"empty list", `{"rooms":[]}`, []string{notAsked}},
		{"rooms is a string", `{"rooms":"a"}`, []string{notAsked}},
		{"rooms is a number", `{"rooms":5}`, []string{notAsked}},
		{"rooms is an object", `{"rooms":{"0":"a"}}`, []string{notAsked}},
		{"rooms is null", `{"rooms":null}`, []string{notAsked}},
		{"no rooms", `{}`, []string{notAsked}},
		{"null", `null`, []string{notAsked}},
		{"an array", `["a"]`, []string{notAsked}},
		{"a string", `"a"`, []string{notAsked}},
	}, func(test test) string { return test.name }, func(t *testing.T, test test) {
		asked := []string{notAsked}
		opts := accepting()
		opts.DefaultRooms = []string{}
		opts.ValidateRooms = func(_ context.Context, _ *hearth.Client, rooms []string) ([]string, error) {
			asked = rooms
			return rooms, nil
		}
		s := hearthtest.New(t, opts)
		c, other := s.Connect(nil), s.Connect(nil)
		resolve := strings.NewReplacer("OWN", c.ID(), "OTHER", other.ID()).Replace
		c.SendText(`{"event":"join","data":` + resolve(test.data) + `}`)
		synctest.Wait()
		want := slices.Clone(test.want)
		for i := range want {
			want[i] = resolve(want[i])
		}
		slices.Sort(asked)
		if diff := cmp.Diff(sorted(want), slices.Compact(asked)); diff != "" {
			t.Errorf("ValidateRooms gets (-want +got):\n%s", diff)
		}
		if want[0] != notAsked {
			expectRooms(t, c, slices.DeleteFunc(want, func(r string) bool { return r == c.ID() })...)
		} else {
			expectRooms(t, c)
		}
		expectReceived(t, c) // there is no reply
		c.Send("join", rooms("later"))
		synctest.Wait()
		if !c.Conn().InRoom("later") {
			t.Error("a later join does not work")
		}
	})
}

func TestJoinWithoutData(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := hearthtest.New(t, accepting())
		c := s.Connect(nil)
		before := c.Conn().Rooms()
		c.SendText(`{"event":"join"}`)
		c.SendText(`{"event":"leave"}`)
		expectReceived(t, c)
		if diff := cmp.Diff(before, c.Conn().Rooms()); diff != "" {
			t.Errorf("rooms (-before +after):\n%s", diff)
		}
	})
}

// ValidateRooms decides, whatever was asked for.
func TestValidateRooms(t *testing.T) {
	type test struct {
		name string
		hook hearth.ValidateRoomsFunc
		want []string
	}
	returns := func(rooms []string, err error) hearth.ValidateRoomsFunc {
		return func(context.Context, *hearth.Client, []string) ([]string, error) { return rooms, err }
	}
	bubbles(t, []test{
		{"no hook", nil, nil},
		{"none", returns(nil, nil), nil},
		{"some", returns([]string{"a"}, nil), []string{"a"}},
		{"others", returns([]string{"x", "ws:y", "x"}, nil), []string{"x", "ws:y"}},
		{"fails", returns([]string{"a"}, errBroken), nil},
		{"refuses", returns([]string{"a"}, hearth.ErrRejected), nil},
		{"panics", func(context.Context, *hearth.Client, []string) ([]string, error) { panic("asked to") }, nil},
	}, func(test test) string { return test.name }, func(t *testing.T, test test) {
		opts := accepting()
		opts.DefaultRooms = []string{}
		opts.ValidateRooms = test.hook
		s := hearthtest.New(t, opts)
		c := s.Connect(nil)
		c.Send("join", rooms("a", "b"))
		expectReceived(t, c)
		expectRooms(t, c, test.want...)
		if c.Conn().State() != hearth.StateAuthenticated {
			t.Errorf("the client is %s", c.Conn().State())
		}
	})
}

// Requests to leave concern only what the client is in.
func TestLeave(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := hearthtest.New(t, accepting())
		c := s.Connect(nil)
		if err := c.Conn().Join("ws:internal", "a", "b"); err != nil {
			t.Fatal(err)
		}
		c.SendText(`{"event":"leave","data":{"rooms":["nowhere",1,null,"a","a"]}}`)
		synctest.Wait()
		expectRooms(t, c, "b", "ws-default", "ws-notification", "ws:internal")
		c.Send("leave", rooms("ws-default", "ws:internal", c.ID()))
		synctest.Wait()
		expectRooms(t, c, "b", "ws-notification")
		if c.Conn().InRoom(c.ID()) {
			t.Error("the client is still in its own room")
		}
		// The room of its own id is gone, and the client is still there.
		_ = s.ToRoom(t.Context(), c.ID(), "room", 1)
		_ = s.ToClient(t.Context(), c.ID(), "client", 2)
		_ = s.Send(t.Context(), c.ID(), "send", 3)
		c.Send("leave", rooms("b", "ws-notification"))
		synctest.Wait()
		_ = s.Broadcast(t.Context(), "all", 4)
		expectReceived(t, c, `{"event":"client","data":2}`, `{"event":"send","data":3}`, `{"event":"all","data":4}`)
		c.Send("join", rooms(c.ID()))
		synctest.Wait()
		_ = s.ToRoom(t.Context(), c.ID(), "room", 5)
		expectReceived(t, c, `{"event":"room","data":5}`)
	})
}

// Join and Leave of the application are not asked about.
func TestTrustedJoin(t *testing.T) {
	bubble(t, func(t *testing.T) {
		opts := accepting()
		opts.ValidateRooms = func(context.Context, *hearth.Client, []string) ([]string, error) {
			t.Error("ValidateRooms is asked")
			return nil, nil
		}
		s := hearthtest.New(t, opts)
		early := s.Dial()
		if err := early.Conn().Join("a"); !errors.Is(err, hearth.ErrNotAuthenticated) {
			t.Errorf("Join before authentication returns %v", err)
		}
		c, other := s.Connect(nil), s.Connect(nil)
		names := []string{"ws:a", strings.Repeat("x", 1000), other.ID(), "a", "b", "c", "d"}
		if err := c.Conn().Join(names...); err != nil {
			t.Error(err)
		}
		for _, name := range names {
			_ = s.ToRoom(t.Context(), name, "m", nil)
			c.Expect("m")
		}
		c.Conn().Leave(names...)
		expectRooms(t, c, "ws-default", "ws-notification")
		c.Conn().Close(4000, "")
		if err := c.Conn().Join("a"); !errors.Is(err, hearth.ErrClosed) {
			t.Errorf("Join after Close returns %v", err)
		}
		if got := s.Stats().Rooms; got != 2 {
			t.Errorf("%d rooms are left, want the default ones", got)
		}
	})
}

// Joins and leaves keep their place among the messages.
func TestJoinKeepsItsPlace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var j journal
		opts := accepting()
		opts.ValidateRooms = func(_ context.Context, _ *hearth.Client, rooms []string) ([]string, error) {
			time.Sleep(time.Second)
			return rooms, nil
		}
		opts.OnMessage = func(_ context.Context, c *hearth.Client, m hearth.Message) error {
			j.note("%s %t", m.Event, c.InRoom("a"))
			return nil
		}
		s := hearthtest.New(t, opts)
		c := s.Connect(nil)
		c.Send("1", nil)
		c.Send("join", rooms("a"))
		c.Send("2", nil)
		c.Send("leave", rooms("a"))
		c.Send("3", nil)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		j.expect(t, "1 false", "2 true", "3 false")
	})
}

// Once Leave has returned, or the client was sent away, nothing that is sent to
// the room reaches it; once Join has returned, everything does.
func TestJoinAndLeaveAreExact(t *testing.T) {
	const rounds = 300
	onBoth(t, func(t *testing.T, n *network) {
		s := n.serve(t, accepting())
		c, noise := n.connect(t, s, nil), n.connect(t, s, nil)
		stop := make(chan struct{})
		var busy sync.WaitGroup
		busy.Go(func() { // others come and go meanwhile
			for {
				select {
				case <-stop:
					return
				default:
					_ = noise.Conn().Join("a")
					noise.Conn().Leave("a")
				}
			}
		})
		for i := range rounds {
			if err := c.Conn().Join("a"); err != nil {
				t.Fatal(err)
			}
			_ = s.ToRoom(t.Context(), "a", "in", i)
			c.Conn().Leave("a")
			_ = s.ToRoom(t.Context(), "a", "out", i)
		}
		_ = s.ToClient(t.Context(), c.ID(), "end", nil)
		for i := range rounds {
			if got, want := c.Next().String(), fmt.Sprintf(`{"event":"in","data":%d}`, i); got != want {
				t.Fatalf("received %s, want %s", got, want)
			}
		}
		c.Expect("end")
		close(stop)
		busy.Wait()
	})
}

// Clients finds everybody at once, also those whose loops have not yet heard.
func TestClients(t *testing.T) {
	onBoth(t, func(t *testing.T, n *network) {
		s := n.serve(t, accepting())
		n.dial(t, s) // is not authenticated
		a1, a2, b := n.connect(t, s, user("ann")), n.connect(t, s, user("ann")), n.connect(t, s, user("bob"))
		ids := func(f hearth.Filter) []string {
			var all []string
			for c := range s.Clients(f) {
				all = append(all, c.ID())
			}
			return sorted(all)
		}
		expect := func(f hearth.Filter, clients ...*hearthtest.Client) {
			t.Helper()
			var want []string
			for _, c := range clients {
				want = append(want, c.ID())
			}
			if diff := cmp.Diff(sorted(want), ids(f)); diff != "" {
				t.Errorf("%+v (-want +got):\n%s", f, diff)
			}
		}
		for i := range 50 {
			room := fmt.Sprint(i)
			_ = a1.Conn().Join(room)
			_ = b.Conn().Join(room)
			expect(hearth.Filter{Room: room}, a1, b)
			expect(hearth.Filter{Room: room, UserID: "ann"}, a1)
			b.Conn().Leave(room)
			expect(hearth.Filter{Room: room}, a1)
		}
		expect(hearth.Filter{UserID: "ann"}, a1, a2)
		expect(hearth.Filter{UserID: "ann", State: hearth.StateAuthenticated}, a1, a2)
		expect(hearth.Filter{State: hearth.StateAuthenticated}, a1, a2, b)
		expect(hearth.Filter{Room: b.ID()}, b)
		expect(hearth.Filter{Room: "nowhere"})
		expect(hearth.Filter{UserID: "nobody"})
		if all := ids(hearth.Filter{}); len(all) != 4 {
			t.Errorf("%d clients, want 4 with the one that is not authenticated", len(all))
		}
		if all := ids(hearth.Filter{State: hearth.StateUnauthorized}); len(all) != 1 {
			t.Errorf("%d clients are not authenticated, want 1", len(all))
		}
		for c := range s.Clients(hearth.Filter{}) { // may change what is iterated over
			c.Close(4000, "")
			if len(ids(hearth.Filter{})) != 3 {
				t.Error("the iteration sees its own snapshot only")
			}
			break
		}
	})
}
