package hub

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hearthws/hearth/internal/frame"
	"github.com/hearthws/hearth/internal/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ear is the handler of a client that nobody listens to.
type ear struct{}

func (ear) Message(frame.Opcode, []byte) bool { return false }
func (ear) Congested(bool)                    {}
func (ear) Control() bool                     { return false }
func (ear) Dropped()                          {}
func (ear) Transform(*transport.Frame)        {}
func (ear) Seal(dst, _ []byte) []byte         { return dst }
func (ear) Closed(transport.Cause)            {}

// crowd is a hub with six clients on two loops, all admitted, of three users,
// in rooms.
func crowd(t *testing.T) (*Hub, []*Client) {
	t.Helper()
	e := transport.New(transport.Config{
		Frame: frame.Config{MaxMessage: 1 << 20}, Mode: transport.Stream, Loops: 2,
		BackpressureLimit: 1 << 20, MaxQueuedBytes: 1 << 24, IdleTimeout: time.Hour,
		Logger: slog.New(slog.DiscardHandler),
	})
	t.Cleanup(func() {
		expired, cancel := context.WithCancel(context.Background())
		cancel()
		_ = e.Shutdown(expired) // cuts
	})
	h := New(e, nil)
	var all []*Client
	for i := range 6 {
		near, far := net.Pipe()
		go func() { // reads what it is sent
			buf := make([]byte, 1024)
			for {
				if _, err := far.Read(buf); err != nil {
					return
				}
			}
		}()
		t.Cleanup(func() { far.Close() })
		c := &Client{}
		c.Init(e.Pick(), ear{})
		c.SetID("")
		if !h.Add(c) {
			t.Fatal("the id is in use")
		}
		if err := e.Serve(&c.Conn, transport.Link{Conn: near}); err != nil {
			t.Fatal(err)
		}
		hello := transport.FrameOf(frame.Text, false, []byte("hello"))
		if !h.Admit(c, &Admission{User: string(rune('a' + i/2)), Rooms: []string{"all", "some"}, Hello: hello}) {
			t.Fatal("a client is gone")
		}
		if i%2 == 0 {
			if err := h.Join(c, []string{"1", "2", "3", "4"}, 0, nil); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, c)
	}
	_ = e.ConsistencyCheck(nil) // all is queued
	for _, c := range all {     // and written
		for end := time.Now().Add(10 * time.Second); c.Queued() > 0 || e.Queued() > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the hello is not written")
			}
		}
	}
	if err := e.ConsistencyCheck(nil); err != nil {
		t.Fatal(err)
	}
	return h, all
}

// Every kind of disagreement is found, so that silence means something.
func TestConsistencyCheck(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(h *Hub, all []*Client)
		want  string // "": nothing is wrong
	}{
		{"nothing", func(*Hub, []*Client) {}, ""},
		{"somebody leaves", func(h *Hub, all []*Client) { h.Leave(all[0], []string{"all", "3"}); h.Remove(all[1]) }, ""},
		{"not found by id", func(h *Hub, all []*Client) { all[0].id[0]++ }, "is not found by its id"},
		{"gone", func(h *Hub, all []*Client) { all[0].gone = true }, "is gone, and indexed"},
		{"not admitted", func(h *Hub, all []*Client) { all[0].admitted = false }, "is not admitted"},
		{"lost room", func(h *Hub, all []*Client) { delete(h.rooms[h.shard("all")].byName, "all") }, "that nobody finds"},
		{"left without a word", func(h *Hub, all []*Client) { all[0].dropRoomLocked(h.room("all")) }, "members that are not in it"},
		{"joined without a word", func(h *Hub, all []*Client) { all[1].addRoomLocked(h.room("1")) }, `room "1"`},
		{"miscounted room", func(h *Hub, all []*Client) { h.room("all").members++ }, "its parts"},
		{"miscounted part", func(h *Hub, all []*Client) { h.room("all").parts[0].members-- }, "of a loop, and has"},
		{"wrong name", func(h *Hub, all []*Client) { h.room("all").name = "none" }, "known as"},
		{"out of the user's list", func(h *Hub, all []*Client) { h.removeFromUser(all[0]) }, "has a list of 1 clients, of 2"},
		{"no list", func(h *Hub, all []*Client) { delete(h.users[h.shard("a")].byID, "a") }, "and no list"},
		{"another user", func(h *Hub, all []*Client) { all[0].user = "z" }, "knows nothing of it"},
		{"not everyone", func(h *Hub, all []*Client) {
			l := all[0].Loop()
			l.Post(transport.Leave(&all[0].Conn, h.everyone[l.Index()]))
			_ = h.engine.ConsistencyCheck(nil) // waits for the loop
		}, "everyone on loop"},
		{"broker not told", func(h *Hub, all []*Client) {
			h.interest = NewInterest(nil)
			h.interest.drop("x")
		}, "was not told of 1 changes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h, all := crowd(t)
			test.spoil(h, all)
			_ = h.engine.ConsistencyCheck(nil) // waits for the loops
			_, err := h.ConsistencyCheck()
			switch {
			case test.want == "":
				if err != nil {
					t.Error(err)
				}
			case err == nil || !strings.Contains(err.Error(), test.want):
				t.Errorf("the check says: %v\nwant: %s", err, test.want)
			}
		})
	}
}

func TestConsistencyCheckCountsChannels(t *testing.T) {
	h, all := crowd(t)
	// 6 clients, 6 own rooms, 3 users, 6 rooms.
	if n, err := h.ConsistencyCheck(); n != 21 || err != nil {
		t.Errorf("%d channels, %v", n, err)
	}
	h.Remove(all[0])
	h.Remove(all[1])
	_ = h.engine.ConsistencyCheck(nil)
	if n, err := h.ConsistencyCheck(); n != 16 || err != nil {
		t.Errorf("%d channels, %v", n, err)
	}
}
