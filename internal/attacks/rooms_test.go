package attacks_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// Rooms without measure. Fails when joinAsked does not count the names, when
// Join gets no bound, and when exitLocked does not delete a room.
func TestA13ManyRooms(t *testing.T) {
	onBoth(t, func() hearth.Options {
		opts := accepting()
		opts.MaxPayload = 4 << 20
		opts.ValidateRooms = func(_ context.Context, _ *hearth.Client, names []string) ([]string, error) {
			if len(names) > hearth.DefaultMaxRoomsPerJoin {
				t.Errorf("the application is asked for %d rooms at once", len(names))
			}
			return names, nil
		}
		return opts
	}, func(t *testing.T, s *target) {
		c := s.connect(t, nil)
		names := make([]string, 100_000)
		for i := range names {
			names[i] = fmt.Sprint("room-", i)
		}
		c.Send("join", rooms(names...))
		c.Send("echo", nil)
		if got := c.Next().String(); got != errorEvent("Too many rooms") {
			t.Errorf("100,000 rooms in one join: %s", got)
		}
		c.Expect("echo")
		atFirst := s.Stats().Rooms
		before := heap()
		refused := 0
		for i := range 10 {
			c.Send("join", rooms(names[1000*i:1000*(i+1)]...))
			c.Send("echo", nil)
			if m := c.Next(); m.Event == "error" {
				refused++
				c.Expect("echo")
			}
		}
		if got := s.Stats().Rooms - atFirst; got != 4000 || refused != 6 {
			t.Errorf("of 10,000 rooms there are %d, and %d joins were refused", got, refused)
		}
		c.Send("leave", rooms(names[:10_000]...))
		c.Send("echo", nil)
		c.Expect("echo")
		if got := s.Stats().Rooms; got != atFirst {
			t.Errorf("%d rooms are left", got)
		}
		if grown := heap() - before; grown > 1<<20 {
			t.Errorf("%d bytes are left", grown)
		}
	})
}

// Names with a meaning elsewhere have none here, or are refused. Nobody hears
// another room because of one. Fails when ValidRoomName is true, and when
// joinAsked admits ids of clients.
func TestA14RoomNames(t *testing.T) {
	onBoth(t, accepting, func(t *testing.T, s *target) {
		c, other := s.connect(t, nil), s.connect(t, nil)
		plain := []string{
			"*", "?", "[a]", "room:*", "a\r\nPUBLISH x y", "a\x00b", "\u202egnp.exe", "WS:room", "ws", " ws:x", "__proto__", strings.Repeat("\U0001F600", 128),
		}
		refused := []string{"", "ws:", "ws:room:a", "ws:internal", strings.Repeat("x", 257), strings.Repeat("\U0001F600", 129), strings.Repeat("x", 100_000), other.ID()}
		c.Send("join", rooms(append(slices.Clone(refused), plain...)...))
		other.Send("join", rooms("a", "lobby", "rooms"))
		for _, x := range []*hearthtest.Client{c, other} {
			x.Send("echo", nil)
			x.Expect("echo")
		}
		want := append(slices.Clone(plain), c.ID(), hearth.DefaultRoom, hearth.DefaultNotificationRoom)
		slices.Sort(want)
		if got := c.Conn().Rooms(); !slices.Equal(got, want) {
			t.Errorf("the client is in %.40q, want %.40q", got, want)
		}
		for _, room := range append(refused, "a", "lobby", "room:a") {
			_ = s.ToRoom(t.Context(), room, "e", 1)
		}
		_ = s.ToRoom(t.Context(), "a\x00b", "end", 1)
		if m := c.Next(); m.Event != "end" {
			t.Errorf("it hears %s", m)
		}
	})
}

// Rooms of a hostile name are asked for at the broker under that very name, and
// no pattern is. There is no defence to take out: a session of a broker has no way to
// ask for a pattern on behalf of a client.
func TestA14NoPatterns(t *testing.T) {
	opts := accepting()
	b := &spy{Broker: hearth.NewMemoryBroker()}
	opts.Broker = b
	s := serve(t, opts)
	c := s.connect(t, nil)
	c.Send("join", rooms("*", "[a-z]*"))
	c.Send("echo", nil)
	c.Expect("echo")
	for _, want := range []string{"ws:room:*", "ws:room:[a-z]*"} {
		if !b.subscribed(want) {
			t.Errorf("%s is not asked for", want)
		}
	}
}

// After leave or kick nothing arrives. Fails when Leave does nothing, and when
// end does not take the client out of the hub.
func TestA28AfterLeaveOrKick(t *testing.T) {
	onBoth(t, accepting, func(t *testing.T, s *target) {
		c := s.connect(t, user("ann"))
		for i := range 200 {
			room := fmt.Sprint("r", i%3)
			c.Send("join", rooms(room))
			c.Send("echo", nil)
			c.Expect("echo")
			c.Conn().Leave(room)
			_ = s.ToRoom(t.Context(), room, "after", i)
		}
		_, _ = c.Conn().Send("end", nil)
		if m := c.Next(); m.Event != "end" {
			t.Errorf("it hears %s after it has left", m)
		}
		kicked := c.Conn()
		kicked.Close(4000, "out")
		_ = s.ToRoom(t.Context(), hearth.DefaultRoom, "after", 1)
		_ = s.ToUser(t.Context(), "ann", "after", 2)
		_ = s.ToClient(t.Context(), kicked.ID(), "after", 3)
		_ = s.Broadcast(t.Context(), "after", 4)
		if _, err := kicked.Send("after", 5); err == nil {
			t.Error("Send to the kicked works")
		}
		expectClose(t, c, 4000)
		if got := c.Received(); len(got) > 0 {
			t.Errorf("it hears %s after it was kicked", got[0])
		}
	})
}
