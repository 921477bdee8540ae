//go:build unix

package bench

import "syscall"

// descriptors is how many this process may have: Go has raised the soft limit
// to the hard one when it started.
func descriptors() (n uint64, known bool) {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 0, false
	}
	return uint64(limit.Cur), true //nolint:unconvert // signed on FreeBSD
}
