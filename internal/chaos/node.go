//go:build unix

package chaos

import (
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"syscall"

	"github.com/hearthws/hearth/internal/transcript/servers"
)

// Node is one lab server in a process of its own. It keeps its address when it
// is started again.
type Node struct {
	world *World
	Name  string
	addr  string
	via   atomic.Pointer[string] // address that clients use instead
	up    atomic.Bool            // clients choose it
	*servers.Process
}

// Start runs the node.
func (n *Node) Start() {
	n.world.t.Helper()
	o := &n.world.opts
	// A client that is too slow is closed, of which the ledger hears; it would not
	// of messages that are dropped.
	flags := append([]string{"-default-rooms", "", "-close-on-backpressure"}, o.Flags...)
	if o.Redis != "" {
		flags = append(flags, "-redis", o.Redis)
	}
	cmd := servers.Lab(n.world.t, n.addr, flags...)
	script := `exec "$0" "$@"`
	if o.Limit > 0 {
		script = "ulimit -n " + strconv.Itoa(o.Limit) + "; " + script
	}
	if o.Log != nil {
		script += " 2>&3"
	}
	cmd = exec.Command("sh", append([]string{"-c", script, cmd.Path}, cmd.Args[1:]...)...)
	if o.Log != nil {
		cmd.ExtraFiles = []*os.File{o.Log}
	}
	cmd.Env = append(os.Environ(), o.Env...)
	n.Process = servers.Start(n.world.t, cmd, 1)
	n.up.Store(true)
}

// dial connects a client.
func (n *Node) dial() (*conn, error) {
	if via := n.via.Load(); via != nil {
		return dial(*via)
	}
	return dial(n.addr)
}

// Kill is kill -9.
func (n *Node) Kill() {
	n.up.Store(false)
	n.Process.Kill()
}

// Stop is SIGTERM, and must end well.
func (n *Node) Stop() {
	n.up.Store(false)
	n.Process.Stop()
}

// Freeze stops the node's process, which keeps its connections.
func (n *Node) Freeze() {
	n.up.Store(false)
	n.Signal(syscall.SIGSTOP)
}

// Thaw lets a frozen node go on.
func (n *Node) Thaw() {
	n.Signal(syscall.SIGCONT)
	n.up.Store(true)
}
