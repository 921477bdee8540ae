package transport

import (
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// poller waits for a loop's sockets in an epoll of its own, whose descriptor
// is registered with Go's network poller: a loop that waits is an ordinary
// parked goroutine and holds no thread.
type poller struct {
	fd     int
	file   *os.File
	raw    syscall.RawConn
	ring   *ring // for writes; nil: each is a system call
	events []unix.EpollEvent
	n      int          // of events, not handled yet
	parks  atomic.Int64 // how often the loop has parked
}

func newPoller(cfg *Config) (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	file := os.NewFile(uintptr(fd), "epoll")
	raw, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return nil, err
	}
	if err := file.SetReadDeadline(time.Time{}); err != nil { // not pollable
		file.Close()
		return nil, err
	}
	p := &poller{fd: fd, file: file, raw: raw, events: make([]unix.EpollEvent, 256)}
	if !cfg.NoRing {
		if p.ring, err = newRing(writesMax); err != nil {
			cfg.Logger.Debug("each write is a system call of its own", "reason", err)
		}
	}
	return p, nil
}

// ready asks for events without waiting.
func (p *poller) ready() {
	p.n, _ = epollWait(p.fd, p.events)
}

// park waits for a socket, or for wake. The order is what makes it safe: the
// loop sleeps only after it found no event, said that it sleeps and then found
// nothing posted; and having woken it first clears the deadline, then says
// that it is awake, and only then looks at what was posted.
func (p *poller) park(l *Loop) {
	p.n = 0
	p.parks.Add(1)
	_ = p.raw.Read(func(uintptr) bool {
		if p.ready(); p.n > 0 {
			return true
		}
		l.sleeping.Store(true)
		return l.pending()
	})
	if !l.sleeping.CompareAndSwap(true, false) {
		_ = p.file.SetReadDeadline(time.Time{})
	}
}

// wake ends park. An expired deadline costs a third of what writing to an
// eventfd does.
func (p *poller) wake() { _ = p.file.SetReadDeadline(past) }

func (p *poller) close() {
	if p.ring != nil {
		p.ring.close()
	}
	p.file.Close()
}

// batches reports whether many writes are one system call.
func (p *poller) batches() bool { return p.ring != nil }

// rescue wakes the loop if it sleeps although there are events for it, which
// must not happen and is counted.
func (l *Loop) rescue() {
	l.mu.Lock()
	p := l.poller
	l.mu.Unlock()
	if p == nil || !l.sleeping.Load() || !p.readable() {
		return
	}
	parks := p.parks.Load()
	time.Sleep(rescueAfter) // it may be on its way
	if p.parks.Load() == parks && p.readable() && l.sleeping.CompareAndSwap(true, false) {
		l.stats.rescued.Add(1)
		p.wake()
	}
}

// rescueAfter is how long a loop with events may take to be scheduled.
const rescueAfter = 50 * time.Millisecond

// readable reports whether events wait.
func (p *poller) readable() bool {
	fds := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0
}
