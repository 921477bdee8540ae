//go:build linux && ((!amd64 && !arm64) || race)

package transport

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// The ordinary wrappers, which the race detector sees.

func sendto(fd int, p []byte) (int, syscall.Errno) {
	n, err := unix.SendmsgN(fd, p, nil, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
	return n, errnoOf(err)
}

func recvfrom(fd int, p []byte) (int, syscall.Errno) {
	n, _, err := unix.Recvfrom(fd, p, unix.MSG_DONTWAIT)
	return n, errnoOf(err)
}

func ringEnter(fd, submit, wait int) (int, syscall.Errno) {
	n, _, errno := syscall.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(fd), uintptr(submit), uintptr(wait), ringWait, 0, 0)
	return int(n), errno
}

func epollWait(fd int, events []unix.EpollEvent) (int, error) {
	return unix.EpollWait(fd, events, 0)
}

func errnoOf(err error) syscall.Errno {
	var errno syscall.Errno
	if err != nil && !errors.As(err, &errno) {
		return syscall.EIO
	}
	return errno
}
