package hub

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/hearthws/hearth/internal/frame"
	"github.com/hearthws/hearth/internal/transport"
)

// populate makes a hub with n admitted clients without connections, each of a
// user of its own, in a room of its own and in one that all are in.
func populate(t testing.TB, n int) (*Hub, []Client) {
	t.Helper()
	e := transport.New(transport.Config{
		Mode: transport.Stream, Frame: frame.Config{MaxMessage: 1 << 16}, BackpressureLimit: 1 << 20,
		MaxQueuedBytes: 1 << 30, IdleTimeout: time.Hour, Logger: slog.New(slog.DiscardHandler),
	})
	t.Cleanup(func() { _ = e.Shutdown(context.Background()) })
	h := New(e, nil)
	clients := make([]Client, n)
	for i := range clients {
		admit(t, h, &clients[i], fmt.Sprintf("user %d", i), fmt.Sprintf("room %d", i), "all")
	}
	return h, clients
}

func admit(t testing.TB, h *Hub, c *Client, user string, rooms ...string) {
	t.Helper()
	c.Init(h.engine.Pick(), ear{})
	c.SetID("")
	if !h.Add(c) || !h.Admit(c, &Admission{User: user, Rooms: rooms, Hello: transport.FrameOf(frame.Text, false, nil)}) {
		t.Fatal("a client was not admitted")
	}
}

// What a client costs when it comes, joins, leaves and goes depends on its own
// rooms, and not on how many rooms and clients there are.
func TestCostFollowsTheClient(t *testing.T) {
	life := func(h *Hub) float64 {
		return testing.AllocsPerRun(50, func() {
			var c Client
			admit(t, h, &c, "somebody", "all", "another")
			_ = h.Join(&c, []string{"all", "one more"}, 0, nil)
			h.Leave(&c, []string{"one more"})
			if got := len(h.User("somebody")); got != 1 {
				t.Fatalf("the user has %d clients", got)
			}
			h.Remove(&c)
		})
	}
	few, _ := populate(t, 10)
	many, _ := populate(t, 20_000)
	if a, b := life(few), life(many); b > a+2 {
		t.Errorf("a client among 20,000 costs %.0f allocations, among ten %.0f", b, a)
	}
}

// A client in ten thousand rooms goes as any other does.
func TestManyRoomsOfOne(t *testing.T) {
	const rooms = 10_000
	h, _ := populate(t, 1)
	var c Client
	admit(t, h, &c, "", "all")
	names := make([]string, rooms)
	for i := range names {
		names[i] = fmt.Sprintf("its room %d", i)
	}
	if err := h.Join(&c, names, 0, nil); err != nil {
		t.Fatal(err)
	}
	if got := len(c.Rooms()); got != rooms+2 {
		t.Errorf("it is in %d rooms", got)
	}
	h.Leave(&c, names[:rooms/2])
	if got := len(c.Rooms()); got != rooms/2+2 {
		t.Errorf("it is in %d rooms when it has left half of them", got)
	}
	h.Remove(&c)
	if got := h.RoomCount(); got != 2 {
		t.Errorf("%d rooms are left, want those of the other client", got)
	}
}

// BenchmarkMillion is up to a million clients, each of a user and in a room of its
// own: what one of them takes, what the next one costs, and a message to one room
// again and again. To another room each time costs what lookups do more: nobody's
// cache holds a million rooms.
func BenchmarkMillion(b *testing.B) {
	for _, n := range []int{10, 1000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("clients=%d", n), func(b *testing.B) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			h, clients := populate(b, n)
			runtime.GC()
			runtime.ReadMemStats(&after)
			f := transport.FrameOf(frame.Text, false, []byte("x"))
			b.Run("life", func(b *testing.B) {
				for b.Loop() {
					var c Client
					admit(b, h, &c, "somebody", "all", "another")
					h.Remove(&c)
				}
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(n), "B/client")
			})
			b.Run("ToOneRoom", func(b *testing.B) {
				for b.Loop() {
					h.ToRoom("room 0", f, nil)
				}
			})
			b.Run("ToRoom", func(b *testing.B) {
				i := 0
				for b.Loop() {
					h.ToRoom(fmt.Sprintf("room %d", i%n), f, nil)
					i += 7919
				}
			})
			b.Run("lookup", func(b *testing.B) {
				i := 0
				for b.Loop() {
					if h.Client(clients[i%n].ID()) == nil {
						b.Fatal("a client is not found")
					}
					i += 7919
				}
			})
		})
	}
}
