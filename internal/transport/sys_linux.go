package transport

import "syscall"

// Faults stands between a loop and its system calls. A nil function means the
// real call. For tests.
type Faults struct {
	// Write and Read get the real call, and may change what it is given and
	// what it returns.
	Write func(fd int, p []byte, real func(p []byte) (int, error)) (int, error)
	Read  func(fd int, p []byte, real func(p []byte) (int, error)) (int, error)

	// Enter gets io_uring_enter, with how many writes it is to begin and to
	// wait for. It is not used with Write.
	Enter func(submit, wait int, real func(submit, wait int) (int, syscall.Errno)) (int, syscall.Errno)

	// Watch gets the real call that tells epoll of a socket.
	Watch func(fd int, real func() error) error

	// Dup fails the taking over of a descriptor.
	Dup func() error
}

// write does writes: with one system call if there is a ring and more than one,
// else with one each.
func (l *Loop) write(writes []writing) {
	f := l.engine.cfg.Faults
	if f != nil && f.Write != nil {
		for i := range writes {
			w := &writes[i]
			fd := int(w.conn.fd)
			w.n, w.err = f.Write(fd, w.p, func(p []byte) (int, error) { return errnoErr(sendto(fd, p)) })
		}
		return
	}
	done := 0
	if ring := l.polling.ring; ring != nil && len(writes) > 1 {
		enter := ringEnter
		if f != nil && f.Enter != nil {
			enter = func(fd, submit, wait int) (int, syscall.Errno) {
				return f.Enter(submit, wait, func(submit, wait int) (int, syscall.Errno) { return ringEnter(fd, submit, wait) })
			}
		}
		done = ring.write(writes, enter)
	}
	for i := range writes[done:] {
		w := &writes[done+i]
		w.n, w.err = errnoErr(sendto(int(w.conn.fd), w.p))
	}
}

func (l *Loop) readSocket(c *Conn, p []byte) (int, error) {
	if f := l.engine.cfg.Faults; f != nil && f.Read != nil {
		return f.Read(int(c.fd), p, func(p []byte) (int, error) { return errnoErr(recvfrom(int(c.fd), p)) })
	}
	return errnoErr(recvfrom(int(c.fd), p))
}

// errnoErr avoids the allocation of an interface value for the errors that
// are no news.
func errnoErr(n int, errno syscall.Errno) (int, error) {
	switch errno {
	case 0:
		return n, nil
	case syscall.EAGAIN:
		return 0, errAgain
	case syscall.EINTR:
		return 0, errInterrupted
	}
	return 0, errno
}

var (
	errAgain       error = syscall.EAGAIN
	errInterrupted error = syscall.EINTR
)

// retry reports whether a failed call may succeed later.
func retry(err error) bool { return err == errAgain || err == errInterrupted } //nolint:errorlint // these very values, on the hottest path
