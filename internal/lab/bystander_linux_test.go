//go:build !race

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/internal/frame"
	"github.com/hearthws/hearth/internal/transcript/servers"
)

// TestLargeRoomDelaysNobody has a room of 15,000 clients, all on one event loop,
// and another client of that loop that asks for echoes while messages to the room
// are handed out. Everybody must get every message once. The slowest echo during
// a message, in the median of the messages, must see a small part of its
// deliveries only. With sliceTime taken out of flushAll it sees all of them, and the
// test fails.
func TestLargeRoomDelaysNobody(t *testing.T) {
	const members, messages = 15_000, 25
	const most = members / 4 // deliveries between an echo's question and its answer
	server := servers.Hearth(t, "-transport", "loop", "-loops", "1")
	others := make(crowd, 2)
	defer others.leave()
	others.each(t, "connect", func(i int, one *caller) error { return one.connect(server.Addr(), members+i) })
	publisher, bystander := &others[0], &others[1]

	c := make(crowd, members)
	defer c.leave()
	c.each(t, "connect", func(i int, one *caller) error { return one.connect(server.Addr(), i) })
	c.each(t, "join the room", func(_ int, one *caller) error {
		return errors.Join(one.send("join", map[string][]string{"rooms": {"large"}}), one.send("echo", "joined"))
	})
	c.each(t, "be in the room", func(_ int, one *caller) error { return one.expect("echo", "joined") })

	var want []byte // by every member
	for n := range messages {
		want = frame.Append(want, frame.Text, fmt.Appendf(nil, `{"event":"msg","data":%d}`, 1000+n))
	}
	a := seat(t, c, want, messages)

	echo := func() time.Duration {
		began := time.Now()
		bystander.check(t, errors.Join(bystander.send("echo", 1), bystander.expect("echo", 1)))
		return time.Since(began)
	}
	var alone, beside []time.Duration
	for range 2000 {
		alone = append(alone, echo())
	}
	var longest []int64 // of each message
	for n := range int64(messages) {
		publisher.check(t, publisher.send("pub", order{Room: "large", Body: json.RawMessage(strconv.FormatInt(1000+n, 10))}))
		slowest := int64(0)
		for before := n * members; before < (n+1)*members; {
			beside = append(beside, echo())
			now := a.deliveries.Load()
			slowest, before = max(slowest, now-before), now
			if a.hasEnded() { // it would count no more
				t.Fatal(a.wait())
			}
		}
		longest = append(longest, slowest)
	}
	slices.Sort(longest)
	if median := longest[messages/2]; median > most {
		t.Errorf("an echo saw %d deliveries of a message to %d, want at most %d", median, members, most)
	}

	var st hearth.Stats
	publisher.check(t, errors.Join(publisher.send("stats", nil), publisher.receive("stats", &st)))
	if st.OnLoops != members+2 || st.Dropped != 0 {
		t.Errorf("the server says %+v", st)
	}
	others.leave()
	server.Stop()
	if err := a.wait(); err != nil {
		t.Error(err)
	}
	t.Logf("%d echoes during %d messages to %d; the slowest during each saw %d to %d deliveries, %d in the median",
		len(beside), messages, members, longest[0], longest[messages-1], longest[messages/2])
	t.Logf("echoes without messages: %s", quantiles(alone))
	t.Logf("echoes during messages:  %s", quantiles(beside))
}

func quantiles(all []time.Duration) string {
	slices.Sort(all)
	ms := func(i int) float64 { return float64(all[i].Microseconds()) / 1000 }
	return fmt.Sprintf("p50 %.2f ms, p99 %.2f ms, slowest %.2f ms", ms(len(all)/2), ms(len(all)*99/100), ms(len(all)-1))
}

// audience is the sockets of a crowd that only listens from now on. One goroutine
// reads them, from an epoll of its own: goroutines of their own would delay the
// bystander, whose goroutine would wait for its turn among theirs.
type audience struct {
	deliveries atomic.Int64
	over       atomic.Bool   // the test has ended
	ended      chan struct{} // closed, after err is set, when the goroutine ends
	err        error

	// Owned by the goroutine.
	epoll    int
	messages int
	size     int    // of each, in bytes
	want     []byte // what everybody has to receive: messages, and a close frame
	heard    []int  // bytes, by member
	fds      []int  // by member; -1: closed
	told     int    // members that are closed
}

// seat takes a crowd's sockets away from it, which are to receive so many messages
// of one size.
func seat(t *testing.T, c crowd, wire []byte, messages int) *audience {
	t.Helper()
	a := &audience{
		ended: make(chan struct{}), messages: messages, size: len(wire) / messages,
		want:  frame.AppendClose(wire, hearth.CloseGoingAway, "Server shutting down"),
		heard: make([]int, len(c)), fds: make([]int, len(c)),
	}
	var err error
	if a.epoll, err = syscall.EpollCreate1(0); err != nil {
		t.Fatal(err)
	}
	for i := range c {
		raw, err := c[i].conn.(*net.TCPConn).SyscallConn()
		c[i].check(t, err)
		c[i].check(t, raw.Control(func(fd uintptr) { a.fds[i], err = syscall.Dup(int(fd)) }))
		c[i].check(t, err)
		c[i].conn.Close()
		c[i].conn = nil
		c[i].check(t, syscall.EpollCtl(a.epoll, syscall.EPOLL_CTL_ADD, a.fds[i], &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(i)}))
	}
	go func() {
		defer close(a.ended)
		a.err = a.listen()
	}()
	t.Cleanup(func() {
		a.over.Store(true)
		<-a.ended
	})
	return a
}

// wait returns what was wrong.
func (a *audience) wait() error {
	<-a.ended
	return a.err
}

func (a *audience) hasEnded() bool {
	select {
	case <-a.ended:
		return true
	default:
		return false
	}
}

// listen returns when all have been told to go, or one received what it should not.
func (a *audience) listen() error {
	defer syscall.Close(a.epoll)
	defer func() {
		for _, fd := range a.fds {
			if fd >= 0 {
				syscall.Close(fd)
			}
		}
	}()
	events, buf := make([]syscall.EpollEvent, 128), make([]byte, 4096)
	for deadline := time.Now().Add(time.Minute); a.told < len(a.fds); {
		n, err := syscall.EpollWait(a.epoll, events, 100)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return err
		}
		if a.over.Load() || time.Now().After(deadline) {
			return fmt.Errorf("%d of %d members were told to go, after %d deliveries", a.told, len(a.fds), a.deliveries.Load())
		}
		for _, e := range events[:max(n, 0)] {
			if err := a.read(int(e.Fd), buf); err != nil {
				return err
			}
		}
	}
	return nil
}

// read compares what a member receives with what it should.
func (a *audience) read(i int, buf []byte) error {
	n, err := syscall.Read(a.fds[i], buf)
	if err != nil {
		return fmt.Errorf("member %d: %w", i, err)
	}
	rest := a.want[a.heard[i]:]
	if n == 0 || !bytes.HasPrefix(rest, buf[:n]) {
		return fmt.Errorf("member %d received %q after %d bytes, want %q", i, buf[:n], a.heard[i], rest)
	}
	before := a.heard[i] / a.size
	a.heard[i] += n
	a.deliveries.Add(int64(min(a.heard[i]/a.size, a.messages) - before))
	if n == len(rest) {
		syscall.Close(a.fds[i])
		a.fds[i] = -1
		a.told++
	}
	return nil
}
