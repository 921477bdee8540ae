package bench

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// poller reads from the sockets of a worker as they become ready, in one
// thread, and keeps the worker's schedule.
type poller struct {
	w     *worker
	epoll int
	timer int

	// Guarded by the worker's lock.
	table    []*polled // by descriptor
	schedule *schedule
}

// polled is the link of a connection that is polled.
type polled struct {
	p    *poller
	conn *conn

	mu  sync.Mutex
	fd  int    // -1: closed
	out []byte // what the socket did not take yet
}

const (
	turnEvents  = 256
	readBuffer  = 256 << 10
	pollTimeout = 100 // milliseconds, after which it is looked whether the run ends
)

func newPoller(w *worker) (*poller, error) {
	p := &poller{w: w}
	var err error
	if p.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if p.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK); err != nil {
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	if err := unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, p.timer, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(p.timer)}); err != nil {
		return nil, os.NewSyscallError("epoll_ctl", err)
	}
	w.run.goroutines.Go(p.loop)
	return p, nil
}

// take makes a plain TCP connection one that is polled. Others it leaves alone:
// the link is nil then.
func (p *poller) take(c *conn, raw net.Conn) (link, error) {
	tcp, ok := raw.(*net.TCPConn)
	if !ok {
		return nil, nil
	}
	access, err := tcp.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd := -1
	if cerr := access.Control(func(old uintptr) {
		fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0)
	}); cerr != nil || err != nil {
		return nil, errors.Join(cerr, err)
	}
	raw.Close() // the runtime's poller lets go of it
	for fd >= len(p.table) {
		p.table = append(p.table, nil)
	}
	l := &polled{p: p, conn: c, fd: fd}
	p.table[fd] = l
	if err := unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
		p.table[fd] = nil
		unix.Close(fd)
		return nil, os.NewSyscallError("epoll_ctl", err)
	}
	return l, nil
}

func (p *poller) loop() {
	defer func() {
		unix.Close(p.timer)
		unix.Close(p.epoll)
	}()
	events := make([]unix.EpollEvent, turnEvents)
	buffer := make([]byte, readBuffer)
	timeout := pollTimeout
	for !p.w.run.ended.Load() {
		n, err := unix.EpollWait(p.epoll, events, timeout)
		if err != nil && !errors.Is(err, unix.EINTR) {
			panic(fmt.Sprintf("epoll_wait: %v", err)) // its descriptor is ours
		}
		p.w.mu.Lock()
		for _, e := range events[:max(n, 0)] {
			p.event(int(e.Fd), e.Events, buffer)
		}
		p.w.settle()
		// What is there is read before more is asked for: a publisher in another
		// process could not react to single deliveries either.
		timeout = 0
		if n <= 0 {
			p.w.rest()
			timeout = pollTimeout
		}
		p.w.mu.Unlock()
	}
}

// event handles one; the caller holds the worker's lock.
func (p *poller) event(fd int, events uint32, buffer []byte) {
	if fd == p.timer {
		_, _ = unix.Read(fd, buffer[:8])
		p.keep(now())
		return
	}
	l := p.table[fd]
	if l == nil {
		return // closed in this turn
	}
	if events&unix.EPOLLOUT != 0 {
		l.flush()
	}
	if events&^unix.EPOLLOUT == 0 {
		return
	}
	n, errno := read(fd, buffer)
	at := now()
	switch {
	case n > 0:
		p.w.turn(l.conn, buffer[:n], at)
	case errno == unix.EAGAIN || errno == unix.EINTR:
	case errno != 0:
		p.w.now = at
		l.conn.fail(errno)
	default:
		l.conn.fail(io.EOF)
	}
	p.keep(at)
}

// read and write do not block, so they spare the runtime's bookkeeping for calls that
// may. They are functions of their own so that the goroutine can be stopped in
// their prologues.
//
//go:noinline
func read(fd int, b []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

//go:noinline
func write(fd int, b []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

func (l *polled) send(b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fd < 0 {
		return
	}
	if len(l.out) > 0 {
		l.out = append(l.out, b...)
		return
	}
	if rest := l.write(b); len(rest) > 0 {
		l.out = append(l.out, rest...)
		l.watch(unix.EPOLLIN | unix.EPOLLOUT)
	}
}

func (l *polled) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fd < 0 {
		return
	}
	l.out = l.out[:copy(l.out, l.write(l.out))]
	if len(l.out) == 0 {
		l.out = nil
		l.watch(unix.EPOLLIN)
	}
}

// write returns what the socket did not take. What fails is told by the next
// read, so nothing is left of it.
func (l *polled) write(b []byte) (rest []byte) {
	for len(b) > 0 {
		n, errno := write(l.fd, b)
		switch errno {
		case 0:
			b = b[n:]
		case unix.EINTR:
		case unix.EAGAIN:
			return b
		default:
			return nil
		}
	}
	return nil
}

func (l *polled) watch(events uint32) {
	_ = unix.EpollCtl(l.p.epoll, unix.EPOLL_CTL_MOD, l.fd, &unix.EpollEvent{Events: events, Fd: int32(l.fd)}) // it was added
}

// close is called with the worker's lock held.
func (l *polled) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fd < 0 {
		return
	}
	_ = unix.EpollCtl(l.p.epoll, unix.EPOLL_CTL_DEL, l.fd, nil) // it was added
	l.p.table[l.fd] = nil
	unix.Close(l.fd)
	l.fd, l.out = -1, nil
}

// arm makes the poller fire s from now on; nil: nothing.
func (p *poller) arm(s *schedule) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.schedule = s
	p.set(now())
}

// keep fires what is due. Looking between two reads is what keeps a schedule
// while thousands of sockets are ready.
func (p *poller) keep(at int64) {
	if p.schedule != nil && p.schedule.due() <= at {
		p.schedule.fire(at)
		p.set(at)
	}
}

func (p *poller) set(at int64) {
	var spec unix.ItimerSpec // zero: disarmed
	if p.schedule != nil && p.schedule.due() != never {
		spec.Value = unix.NsecToTimespec(max(1, p.schedule.due()-at))
	}
	_ = unix.TimerfdSettime(p.timer, 0, &spec, nil) // a positive time
}

// bindLate lets the system choose a port for the whole pair of addresses, and
// not one that the source address has never given away.
func bindLate(_, _ string, c syscall.RawConn) error {
	var err error
	if cerr := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	}); cerr != nil {
		return cerr
	}
	_ = err // an old kernel, or IPv6: fewer ports are left, which connecting will tell
	return nil
}
