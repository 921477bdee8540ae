package transport

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth/internal/frame"
)

// member is a connection of a crowd.
type member struct {
	Conn
	drops *atomic.Int64
}

func (m *member) Message(frame.Opcode, []byte) bool { return false }
func (m *member) Control() bool                     { return false }
func (m *member) Congested(bool)                    {}
func (m *member) Dropped()                          { m.drops.Add(1) }
func (m *member) Transform(*Frame)                  {}
func (m *member) Seal(dst, _ []byte) []byte         { return dst }
func (m *member) Closed(Cause)                      {}

// crowd is an engine of one loop with a group of connections that have no
// sockets: what is written to them goes to a function.
type crowd struct {
	*Engine
	loop  *Loop
	group *Group
	drops atomic.Int64
}

// noSocket stands for the socket of a member.
const noSocket = -1

// plenty is more than a test queues.
const plenty = 1 << 32

// gather makes a crowd. Writes to its members go to write.
func gather(t testing.TB, members int, maxQueued int64, write func(p []byte) (int, error)) *crowd {
	t.Helper()
	e := New(Config{
		Loops: 1, Frame: frame.Config{MaxMessage: 1 << 20}, BackpressureLimit: 1 << 20, MaxQueuedBytes: maxQueued,
		IdleTimeout: time.Hour, Logger: slog.New(slog.DiscardHandler),
		Faults: &Faults{
			Write: func(fd int, p []byte, real func([]byte) (int, error)) (int, error) {
				if fd == noSocket {
					return write(p)
				}
				return real(p)
			},
			Watch: func(fd int, real func() error) error {
				if fd == noSocket {
					return nil
				}
				return real()
			},
		},
	})
	c := &crowd{Engine: e, loop: e.loops[0], group: NewGroup(e.loops[0])}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = e.Shutdown(ctx)
	})
	if err := c.loop.startPolling(); err != nil {
		t.Fatal(err)
	}
	all := make([]member, members)
	for i := range all {
		m := &all[i]
		m.drops = &c.drops
		m.Init(c.loop, m)
		m.heard(time.Now())
		e.admit(c.loop)
		c.loop.Post(Op{kind: opTake, conn: &m.Conn, arg: &socket{fd: noSocket}}, Join(&m.Conn, c.group))
	}
	c.settle(t)
	return c
}

// settle waits until everything that was posted has been carried out and written.
func (c *crowd) settle(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		idle := make(chan bool)
		c.loop.Post(Call(func() {
			idle <- len(c.loop.bulk) == c.loop.bulkAt && len(c.loop.direct) == 0 && len(c.loop.ops) == c.loop.opsAt+1
		}))
		if <-idle && c.loop.queued.Load() == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the loop does not come to rest")
		}
		runtime.Gosched()
	}
}

// speaker echoes what it receives.
type speaker struct{ member }

func (s *speaker) Message(op frame.Opcode, p []byte) bool {
	f := FrameOf(op, false, p)
	s.Admit(f.Len())
	s.loop.Post(Admitted(&s.Conn, f))
	return false
}

// A message to a large room is written in slices: the echo of a client on the
// same loop never waits for more than a small part of it. With sliceTime taken
// out of flushAll, or writesMax above the number of members, one echo waits for
// all of them, and the test fails.
func TestCrowdDelaysNobody(t *testing.T) {
	const members = 100_000
	const most = members / 4 // writes to the crowd between two echoes
	var written atomic.Int64
	c := gather(t, members, plenty, func(p []byte) (int, error) {
		written.Add(1)
		for start := time.Now(); time.Since(start) < 2*time.Microsecond; { // what a socket costs
		}
		return len(p), nil
	})
	var s speaker
	s.drops = &c.drops
	s.Init(c.loop, &s)
	near, far := plainPair(t)
	if err := c.Serve(&s.Conn, Link{Conn: near}); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(far)
	ask := frame.AppendMasked(nil, frame.Text, true, false, []byte("x"), [4]byte{})
	answer := make([]byte, 3)
	echo := func() {
		if _, err := far.Write(ask); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(in, answer); err != nil {
			t.Fatal(err)
		}
	}
	echo()

	c.loop.Post(ToGroup(c.group, FrameOf(frame.Text, false, []byte("to everybody")), nil))
	longest, before, echoes := int64(0), int64(0), 0
	for written.Load() < members {
		echo()
		now := written.Load()
		longest, before = max(longest, now-before), now
		echoes++
	}
	c.settle(t)
	if longest > most {
		t.Errorf("an echo waited for writes to %d of %d members, want at most %d", longest, members, most)
	}
	if got := written.Load(); got != members {
		t.Errorf("%d writes to %d members", got, members)
	}
	t.Logf("%d echoes meanwhile; the slowest waited for writes to %d of %d members", echoes, longest, members)
}

// plainPair is a TCP connection that epoll can serve.
func plainPair(t testing.TB) (near, far net.Conn) {
	t.Helper()
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if far, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	if near, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	return near, far
}

// A burst reaches every member as a whole and in order, in a few writes, and
// costs one allocation or two for each message, however many members there are.
func TestBurstIsJoined(t *testing.T) {
	const members, messages = 1000, 64
	var got [][]byte // of all members, one after the other; owned by the loop
	writes := 0
	c := gather(t, members, plenty, func(p []byte) (int, error) {
		writes++
		got = append(got, p)
		return len(p), nil
	})
	var want []byte
	var ops []Op
	for i := range messages {
		f := FrameOf(frame.Text, false, fmt.Appendf(nil, "message %d", i))
		want = append(want, f.wire...)
		ops = append(ops, ToGroup(c.group, f, nil))
	}
	c.loop.Post(ops...)
	c.settle(t)
	if writes != members {
		t.Errorf("%d writes to %d members", writes, members)
	}
	for i, p := range got {
		if diff := cmp.Diff(string(want), string(p)); diff != "" {
			t.Fatalf("member %d (-want +got):\n%s", i, diff)
		}
	}
}

// What the loops hold while a burst is under way they let go of.
func TestMemoryIsGivenBack(t *testing.T) {
	const members, messages = 20_000, 200
	full := true
	c := gather(t, members, plenty, func(p []byte) (int, error) {
		if full {
			return 0, errAgain
		}
		return len(p), nil
	})
	before := liveHeap()
	for range messages {
		c.loop.Post(ToGroup(c.group, FrameOf(frame.Text, false, make([]byte, 256)), nil))
		c.loop.onLoop(func() {}) // in a turn of its own
	}
	during := liveHeap() - before
	if during < members*messages/2 {
		t.Fatalf("the burst holds %d bytes, which is too little to tell", during)
	}
	c.loop.onLoop(func() {
		full = false
		for _, conn := range c.loop.conns {
			conn.flags &^= blocked
			c.loop.markDirect(conn)
		}
	})
	c.settle(t)
	for range 20 { // seconds
		c.loop.Post(Op{kind: opTick, arg: time.Now()})
	}
	c.settle(t)
	if after := liveHeap() - before; after > during/20 {
		t.Errorf("%d bytes were held during the burst, and %d after it", during, after)
	} else {
		t.Logf("%d bytes during the burst, %d after it", during, after)
	}
}

func liveHeap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A loop that is behind refuses what is sent to groups, and takes it again.
func TestOfferIsBounded(t *testing.T) {
	const limit = 1 << 20
	c := gather(t, 10, limit, func(p []byte) (int, error) { return len(p), nil })
	started, goOn := make(chan struct{}), make(chan struct{})
	c.loop.Post(Call(func() { close(started); <-goOn }))
	<-started
	op := ToGroup(c.group, FrameOf(frame.Text, false, make([]byte, 1000)), nil)
	taken := 0
	for c.loop.Offer(op) {
		if taken++; taken > limit/1000 {
			t.Fatalf("%d messages of 1,000 bytes were taken, more than %d bytes", taken, limit)
		}
	}
	if taken < limit/1000/2 {
		t.Errorf("only %d messages were taken", taken)
	}
	if got := c.loop.Stats().Drops.Behind; got != 1 {
		t.Errorf("%d drops are counted, want 1", got)
	}
	close(goOn)
	c.settle(t)
	if !c.loop.Offer(op) {
		t.Error("nothing is taken when the loop has caught up")
	}
	c.settle(t)
}

// BenchmarkFanOut is what a message to a group costs without the writes.
func BenchmarkFanOut(b *testing.B) {
	for _, members := range []int{10, 1000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("members=%d", members), func(b *testing.B) {
			c := gather(b, members, plenty, func(p []byte) (int, error) { return len(p), nil })
			f := FrameOf(frame.Text, false, make([]byte, 128))
			b.ReportAllocs()
			for b.Loop() {
				c.loop.Post(ToGroup(c.group, f, nil))
				c.settle(b)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(members), "ns/member")
		})
	}
}
