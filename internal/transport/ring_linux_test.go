package transport_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/hearthws/hearth/internal/frame"
	"github.com/hearthws/hearth/internal/transport"
)

type enter = func(submit, wait int) (int, syscall.Errno)

// Everything arrives, once and in order, whatever io_uring_enter does: at readers,
// at those that do not read for a while, and while one of them is cut off. Where
// the kernel has no io_uring, the same is true of writes one by one.
func TestRing(t *testing.T) {
	var calls int // owned by the loop
	for name, fault := range map[string]func(submit, wait int, real enter) (int, syscall.Errno){
		"as it is":  func(submit, wait int, real enter) (int, syscall.Errno) { return real(submit, wait) },
		"in pieces": func(submit, wait int, real enter) (int, syscall.Errno) { return real(min(submit, 3), min(wait, 3)) },
		"interrupted": func(submit, wait int, real enter) (int, syscall.Errno) {
			if calls++; calls%2 == 0 {
				return 0, syscall.EINTR
			}
			return real(submit, wait)
		},
		"refused": func(int, int, enter) (int, syscall.Errno) { return 0, syscall.EAGAIN },
		"refused half-way": func(submit, _ int, real enter) (int, syscall.Errno) {
			n, _ := real(submit/2, submit/2)
			return n, syscall.EBUSY
		},
		"refused at the last": func(submit, _ int, real enter) (int, syscall.Errno) {
			n, _ := real(submit-1, submit-1)
			return n, syscall.ENOMEM
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := defaults()
			cfg.Mode, cfg.Loops = transport.Epoll, 1
			var entered atomic.Int64
			cfg.Faults = &transport.Faults{Enter: func(submit, wait int, real enter) (int, syscall.Errno) {
				entered.Add(1)
				return fault(submit, wait, real)
			}}
			b := &bench{Engine: newEngine(t, cfg), link: tcpPair, epoll: true}
			deliverToAll(t, b)
			if ring := b.Loops()[0].Stats().Ring; ring != hasRing(t) || ring != (entered.Load() > 0) {
				t.Errorf("io_uring is used: %v, and there: %v; it was called %d times", ring, hasRing(t), entered.Load())
			}
		})
	}
}

// deliverToAll sends a burst to a group, of which some read late and one is cut
// off in the middle.
func deliverToAll(t *testing.T, b *bench) {
	t.Helper()
	const members, rounds, large = 90, 40, 50_000
	loop := b.Loops()[0]
	group := transport.NewGroup(loop)
	peers := make([]*peer, members)
	for i := range peers {
		var s *server
		s, peers[i] = b.connect(t, nil)
		loop.Post(transport.Join(&s.Conn, group))
	}
	text := func(n int) string {
		if n%2 == 0 {
			return fmt.Sprint("message ", n)
		}
		return fmt.Sprint("message ", n, strings.Repeat(".", large))
	}
	late, cut := peers[:members/3], peers[members-1]
	peers = peers[:members-1]
	for n := range rounds {
		loop.Post(transport.ToGroup(group, transport.FrameOf(frame.Text, true, []byte(text(n))), nil))
		if n == rounds/2 {
			cut.Close()
		}
		for _, p := range peers[len(late):] {
			expect(t, p, text(n))
		}
	}
	for n := range rounds {
		for _, p := range late {
			expect(t, p, text(n))
		}
	}
	if short := loop.Stats().ShortWrites; short == 0 {
		t.Error("no socket was full, so that case was not seen")
	}
}

func expect(t *testing.T, p *peer, want string) {
	t.Helper()
	if got := p.read().payload; got != want {
		t.Fatalf("got %.40q, %d bytes; want %.40q, %d bytes", got, len(got), want, len(want))
	}
}

// hasRing asks the kernel for what a loop needs of io_uring.
func hasRing(t *testing.T) bool {
	t.Helper()
	var params [120]byte
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 2, uintptr(unsafe.Pointer(&params)), 0)
	if errno != 0 {
		t.Logf("there is no io_uring: %v", errno)
		return false
	}
	defer unix.Close(int(fd))
	return binary.NativeEndian.Uint32(params[20:])&(1<<0|1<<9) == 1<<0|1<<9
}
