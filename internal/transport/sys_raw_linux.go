//go:build linux && (amd64 || arm64) && !race

package transport

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Raw system calls skip the runtime's bookkeeping for calls that may block,
// which these never do: at 64 KiB into a socket buffer it costs a tenth of a
// delivery. They stay functions of their own, with a prologue in which the
// scheduler can stop the goroutine: inlined into the loop over the receivers,
// they made the garbage collector wait for the whole fan-out.

//go:noinline
func sendto(fd int, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

//go:noinline
func recvfrom(fd int, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

//go:noinline
func ringEnter(fd, submit, wait int) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_IO_URING_ENTER, uintptr(fd), uintptr(submit), uintptr(wait), ringWait, 0, 0)
	return int(n), errno
}

//go:noinline
func epollWait(fd int, events []unix.EpollEvent) (int, error) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), 0, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
