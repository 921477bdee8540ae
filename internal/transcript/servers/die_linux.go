package servers

import "syscall"

// dieWithParent makes a child end when the test's process does, however that
// ends.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
