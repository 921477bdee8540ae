// Package servers starts servers in processes of their own, for tests.
package servers

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// startTimeout bounds how long a process may take until it is ready, and
// stopTimeout until it has ended: just less than the lab server gives itself,
// so that it is caught waiting.
const (
	startTimeout = 30 * time.Second
	stopTimeout  = 9 * time.Second
)

// Process is a process with one server, or several.
type Process struct {
	Addrs []string // host:port of each server

	cmd    *exec.Cmd
	log    *logBuffer
	stop   func()
	killed atomic.Bool
}

// Start starts a command and waits until it has printed `READY ADDR
// PID` n times. The process is stopped at the end of the test at the latest,
// and what it has written is part of the test's output if that fails.
func Start(t testing.TB, cmd *exec.Cmd, n int) *Process {
	t.Helper()
	p := &Process{cmd: cmd, log: &logBuffer{}}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr, cmd.SysProcAttr = p.log, dieWithParent()
	started := make(chan error)
	ready := make(chan string, n)
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(ready)
		// A child dies with the thread that started it, so the thread is kept.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		lines := bufio.NewScanner(io.TeeReader(out, p.log))
		lines.Buffer(nil, 64<<20)
		for lines.Scan() {
			if words := strings.Fields(lines.Text()); len(words) == 3 && words[0] == "READY" {
				select {
				case ready <- words[1]:
				default:
				}
			}
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	p.stop = sync.OnceFunc(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		late := time.AfterFunc(stopTimeout, func() { cmd.Process.Signal(syscall.SIGQUIT) }) // what it waits for
		defer late.Stop()
		<-read
		if err := cmd.Wait(); err != nil && !p.killed.Load() {
			t.Errorf("%s did not end well on SIGTERM within %s: %v\n%s", filepath.Base(cmd.Path), stopTimeout, err, p.log.tail(2000))
		}
	})
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("%s %s:\n%s", filepath.Base(cmd.Path), p.Addrs, p.log.tail(40))
		}
	})
	timeout := time.After(startTimeout)
	for range n {
		select {
		case addr, ok := <-ready:
			if !ok {
				t.Fatalf("%s ended before it was ready:\n%s", cmd, p.log.tail(40))
			}
			p.Addrs = append(p.Addrs, addr)
		case <-timeout:
			t.Fatalf("%s was not ready within %s:\n%s", cmd, startTimeout, p.log.tail(40))
		}
	}
	return p
}

// Addr is host:port of the first server.
func (p *Process) Addr() string { return p.Addrs[0] }

// Stop ends the process by SIGTERM and waits for it. It may be called again.
func (p *Process) Stop() { p.stop() }

// Kill ends the process by SIGKILL and waits for it.
func (p *Process) Kill() {
	p.killed.Store(true)
	p.cmd.Process.Kill()
	p.stop()
}

// Signal sends a signal, such as SIGSTOP.
func (p *Process) Signal(sig syscall.Signal) { _ = p.cmd.Process.Signal(sig) }

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Log is the end of what the process has written to its standard error.
func (p *Process) Log() string { return string(p.log.tail(2000)) }

// Lab is a command that runs a lab server on an address, with flags of its own.
func Lab(t testing.TB, addr string, flags ...string) *exec.Cmd {
	t.Helper()
	bin, err := lab()
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(bin, append([]string{"-addr", addr}, flags...)...)
}

// logBuffer keeps the end of what a process writes.
type logBuffer struct {
	mu  sync.Mutex
	buf []byte
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = append(l.buf, b...)
	if len(l.buf) > 1<<20 {
		l.buf = append([]byte(nil), l.buf[len(l.buf)-1<<19:]...)
	}
	return len(b), nil
}

// tail is the last n lines.
func (l *logBuffer) tail(n int) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := bytes.Split(l.buf, []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-n):], []byte("\n"))
}

// binaries is where programs are built, see [Main].
var binaries string

// Main runs the tests of a package that uses [Hearth] or [Command], for
// TestMain. Tests must leave no goroutine behind.
func Main(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", "hearth-programs-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	binaries = dir
	goleak.VerifyTestMain(m, goleak.Cleanup(func(c int) { code = c }))
	return code
}

// program is a program of this module, built at the first call.
func program(pkg string) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		bin := filepath.Join(binaries, filepath.Base(pkg))
		if out, err := exec.Command("go", "build", "-o", bin, "github.com/hearthws/hearth/"+pkg).CombinedOutput(); err != nil {
			return "", fmt.Errorf("building %s: %w\n%s", pkg, err, out)
		}
		return bin, nil
	})
}

var (
	lab    = program("internal/lab")
	hearth = program("cmd/hearth")
)

// Hearth starts one lab server (internal/lab) with flags of its own.
func Hearth(t testing.TB, flags ...string) *Process {
	t.Helper()
	return Start(t, Lab(t, "127.0.0.1:0", flags...), 1)
}

// Command is the program hearth (cmd/hearth) with arguments.
func Command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	bin, err := hearth()
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(bin, args...)
}
