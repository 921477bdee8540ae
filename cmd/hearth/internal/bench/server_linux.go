package bench

import "syscall"

// dieWithParent makes a server end when this process does, even if that was
// killed.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
