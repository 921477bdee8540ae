package client_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/client"
	"github.com/hearthws/hearth/seal"
)

// Rooms are joined again at every connection, before anything else is sent.
func TestRooms(t *testing.T) {
	s := memory(t)
	c := start(t, client.Options{
		Dial: s.DialContext, Credentials: as("ada"),
		Backoff: client.Backoff{Base: time.Millisecond, Cap: time.Millisecond},
	})
	said := event(c, "said")
	changes := inbox(c.OnState)
	join := func(rooms ...string) {
		t.Helper()
		if err := c.Join(rooms...); err != nil {
			t.Fatal(err)
		}
	}
	leave := func(rooms ...string) {
		t.Helper()
		if err := c.Leave(rooms...); err != nil {
			t.Fatal(err)
		}
	}
	join("b", "a", "c", "secret-1")
	leave("c", hearth.DefaultNotificationRoom)
	if diff := cmp.Diff([]string{"b", "a", "secret-1"}, c.Rooms()); diff != "" {
		t.Errorf("rooms (-want +got):\n%s", diff)
	}
	for range 3 {
		conn := connect(t, c)
		// An answer tells that the rooms before the question were joined.
		send(t, c, "say", map[string]string{"room": "a", "text": "hi"})
		if got := string(next(t, said).Data); got != `"hi"` {
			t.Errorf("said %s", got)
		}
		rooms := s.Client(conn.ID).Rooms()
		slices.Sort(rooms)
		if diff := cmp.Diff([]string{"a", "b", conn.ID, hearth.DefaultRoom}, rooms, sorted); diff != "" {
			t.Errorf("in rooms (-want +got):\n%s", diff)
		}
		s.Client(conn.ID).Close(hearth.CloseGoingAway, "")
		until(t, changes, func(ch client.Change) bool { return ch.Err != nil })
	}
	connect(t, c)
	join(hearth.DefaultNotificationRoom)
	leave("a", "b")
	send(t, c, "say", map[string]string{"room": "a", "text": "nobody"})
	send(t, c, "say", map[string]string{"room": hearth.DefaultNotificationRoom, "text": "back"})
	if got := string(next(t, said).Data); got != `"back"` {
		t.Errorf("said %s", got)
	}
	c.Close()
	if diff := cmp.Diff([]string{"secret-1", hearth.DefaultNotificationRoom}, c.Rooms()); diff != "" {
		t.Errorf("rooms after Close (-want +got):\n%s", diff)
	}
}

// A room of the server stays left also when it was joined in between.
func TestLeaveAfterJoin(t *testing.T) {
	s := memory(t)
	c := start(t, client.Options{
		Dial: s.DialContext, Credentials: as("ada"),
		Backoff: client.Backoff{Base: time.Millisecond, Cap: time.Millisecond},
	})
	said := event(c, "said")
	changes := inbox(c.OnState)
	for _, change := range []func(...string) error{c.Leave, c.Join, c.Leave} {
		if err := change(hearth.DefaultNotificationRoom); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		conn := connect(t, c)
		// An answer tells that what came before the question was done.
		send(t, c, "say", map[string]string{"room": hearth.DefaultRoom, "text": "hi"})
		next(t, said)
		if s.Client(conn.ID).InRoom(hearth.DefaultNotificationRoom) {
			t.Error("is in the room it has left")
		}
		s.Client(conn.ID).Close(hearth.CloseGoingAway, "")
		until(t, changes, func(ch client.Change) bool { return ch.Err != nil })
	}
}

var sorted = cmp.Transformer("sorted", func(names []string) []string { return slices.Sorted(slices.Values(names)) })

// Many rooms with long names fit into the messages that a server takes, sealed
// and whatever they are made of.
func TestManyRooms(t *testing.T) {
	s, _ := sealing(t)
	var c *client.Client
	for _, character := range []string{"x", "漢", "<", "\x01", "\u2028"} {
		c = start(t, client.Options{Dial: s.DialContext, Encryption: &seal.ClientOptions{}})
		var rooms []string
		for i := range 1000 {
			rooms = append(rooms, fmt.Sprintf("%04d", i)+strings.Repeat(character, 252))
		}
		if err := c.Join(rooms...); err != nil {
			t.Fatal(err)
		}
		said := event(c, "said")
		conn := connect(t, c)
		send(t, c, "say", map[string]string{"room": rooms[999], "text": "hi"})
		next(t, said)
		if n := len(s.Client(conn.ID).Rooms()); n != 1003 {
			t.Errorf("in %d rooms of %q", n, character)
		}
	}
	if err := c.Join(strings.Repeat("漢", 256), strings.Repeat("👋", 128)); err != nil {
		t.Error(err)
	}
	if err := c.Join(strings.Repeat("👋", 128) + "x"); err == nil {
		t.Error("257 code units are taken")
	}
}
