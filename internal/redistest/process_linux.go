package redistest

import "syscall"

// dieWithParent makes a child end when the test's process does.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
