package transport

import "syscall"

// Faults stands between a loop and its system calls. A nil function means the
// real call. For tests.
type Faults struct {
	// Write and Read get the real call, and may change what it is given and
	// what it returns.
	Write func(fd int, p []byte, real func(p []byte) (int, error)) (int, error)
	Read  func(fd int, p []byte, real func(p []byte) (int, error)) (int, error)

	// Watch gets the real call that tells epoll of a socket.
	Watch func(fd int, real func() error) error

	// Dup fails the taking over of a descriptor.
	Dup func() error
}

// write hands p to the socket of c.
func (l *Loop) write(c *Conn, p []byte) (int, error) {
	if f := l.engine.cfg.Faults; f != nil && f.Write != nil {
		return f.Write(int(c.fd), p, func(p []byte) (int, error) { return errnoErr(sendto(int(c.fd), p)) })
	}
	return errnoErr(sendto(int(c.fd), p))
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
