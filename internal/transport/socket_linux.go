package transport

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// socket is a descriptor on its way to a loop.
type socket struct {
	fd       int
	buffered []byte
	stream   *stream // instead, for the other transport
}

// notSentLowat bounds what the kernel takes for a peer that does not read,
// which without it is almost 4 MiB.
const notSentLowat = batchSize

// takeSocket moves link's descriptor to the loop. Nothing has happened to
// link.Conn when it fails.
func (l *Loop) takeSocket(c *Conn, link Link) error {
	raw, err := socketOf(link.Conn)
	if err != nil {
		return err
	}
	if err := l.startPolling(); err != nil {
		return err
	}
	fd, err := l.duplicate(raw)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotEpoll, err)
	}
	if !l.engine.admit(l) {
		unix.Close(fd)
		return ErrClosed
	}
	link.Conn.Close() // Go's poller forgets the connection; fd keeps it open
	link.decided()
	l.Post(Op{kind: opTake, conn: c, arg: &socket{fd: fd, buffered: link.Buffered}})
	return nil
}

// socketOf returns the bare kernel socket that conn is, if it is nothing more.
func socketOf(conn net.Conn) (syscall.RawConn, error) {
	var source syscall.Conn
	switch conn := conn.(type) {
	case *net.TCPConn:
		source = conn
	case *net.UnixConn:
		source = conn
	default:
		return nil, fmt.Errorf("%w: it is a %T", ErrNotEpoll, conn)
	}
	raw, err := source.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotEpoll, err)
	}
	return raw, nil
}

func (l *Loop) duplicate(raw syscall.RawConn) (fd int, err error) {
	if f := l.engine.cfg.Faults; f != nil && f.Dup != nil {
		if err := f.Dup(); err != nil {
			return 0, err
		}
	}
	cerr := raw.Control(func(p uintptr) {
		s := int(p)
		domain, derr := unix.GetsockoptInt(s, unix.SOL_SOCKET, unix.SO_DOMAIN)
		protocol, perr := unix.GetsockoptInt(s, unix.SOL_SOCKET, unix.SO_PROTOCOL)
		if err = errors.Join(derr, perr); err != nil {
			return
		}
		if domain != unix.AF_UNIX {
			if protocol != unix.IPPROTO_TCP {
				err = fmt.Errorf("protocol %d is not TCP", protocol) // Go listens with MPTCP
				return
			}
			_ = unix.SetsockoptInt(s, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, notSentLowat)
		}
		fd, err = unix.FcntlInt(p, unix.F_DUPFD_CLOEXEC, 0)
	})
	return fd, errors.Join(cerr, err)
}

// take serves a connection; on the loop.
func (l *Loop) take(c *Conn, s *socket) {
	l.adopt(c)
	if s.stream != nil {
		s.stream.start(s.buffered)
		return
	}
	c.fd = int32(s.fd)
	if err := l.watch(c, unix.EPOLL_CTL_ADD, unix.EPOLLIN); err != nil {
		l.end(c, abnormal(err))
		return
	}
	if len(s.buffered) > 0 {
		l.feed(c, s.buffered)
	}
}

// watch tells epoll what to look for. The event carries slot and generation,
// never the descriptor: numbers of descriptors are used again at once.
func (l *Loop) watch(c *Conn, how int, events uint32) error {
	call := func() error {
		return os.NewSyscallError("epoll_ctl", unix.EpollCtl(l.polling.fd, how, int(c.fd), &unix.EpollEvent{
			Events: events, Fd: c.slot, Pad: int32(c.gen),
		}))
	}
	if f := l.engine.cfg.Faults; f != nil && f.Watch != nil {
		return f.Watch(int(c.fd), call)
	}
	return call()
}

// arm brings what epoll looks for in line with the state of c. A socket that
// is neither read nor written is taken out, since a hang-up would be reported
// again and again.
func (l *Loop) arm(c *Conn) {
	if c.stream != nil {
		return
	}
	var events uint32
	if c.flags&paused == 0 {
		events |= unix.EPOLLIN
	}
	if c.flags&blocked != 0 {
		events |= unix.EPOLLOUT
	}
	how := unix.EPOLL_CTL_MOD
	switch {
	case events == 0 && c.flags&resting != 0:
		return
	case events == 0:
		how = unix.EPOLL_CTL_DEL
		c.flags |= resting
	case c.flags&resting != 0:
		how = unix.EPOLL_CTL_ADD
		c.flags &^= resting
	}
	if err := l.watch(c, how, events); err != nil {
		l.end(c, abnormal(err))
	}
}

// readReady handles the events that epoll has reported, and returns how many.
func (l *Loop) readReady(now time.Time) int {
	p := l.polling
	if p == nil || p.n == 0 {
		return 0
	}
	n := p.n
	p.n = 0
	for i := range p.events[:n] {
		e := &p.events[i]
		c := l.conns[e.Fd]
		if c == nil || c.gen != uint32(e.Pad) || c.flags&open == 0 {
			continue
		}
		if e.Events&unix.EPOLLOUT != 0 && c.flags&blocked != 0 {
			c.flags &^= blocked
			l.arm(c)
			l.markDirect(c)
			if len(c.out) == 0 {
				l.emptied(c)
			}
		}
		if e.Events&(unix.EPOLLIN|unix.EPOLLHUP|unix.EPOLLERR) != 0 && c.flags&(open|paused) == open {
			l.readFrom(c, now)
		}
	}
	return n
}

// readFrom reads once. What is left is reported again.
func (l *Loop) readFrom(c *Conn, now time.Time) {
	buf := l.readBuffer()
	n, err := l.readSocket(c, buf)
	switch {
	case err != nil && retry(err):
	case err != nil:
		l.end(c, abnormal(err))
	case n == 0:
		l.end(c, abnormal(io.EOF))
	default:
		c.heard(now)
		c.flags &^= pinged
		l.feed(c, buf[:n])
	}
}

// closeDead closes the descriptors of connections that ended in this turn.
func (l *Loop) closeDead() {
	for i, c := range l.dead {
		if c.stream == nil {
			if c.flags&resting == 0 {
				_ = unix.EpollCtl(l.polling.fd, unix.EPOLL_CTL_DEL, int(c.fd), nil)
			}
			unix.Close(int(c.fd))
		}
		l.dead[i] = nil
		l.engine.release(l)
	}
	l.dead = l.dead[:0]
}

// shutdownWrite sends FIN.
func (l *Loop) shutdownWrite(c *Conn) { _ = unix.Shutdown(int(c.fd), unix.SHUT_WR) }
