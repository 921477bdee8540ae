package interop

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// startTimeout bounds how long a process may take until it is ready.
const startTimeout = 30 * time.Second

// process is a server in a process of its own.
type process struct {
	addrs []string // host:port of each server in it
	cmd   *exec.Cmd
	log   *logBuffer
	stop  func() // SIGTERM, and waits; may be called again
}

// startProcess starts a command and waits until it has printed `READY ADDR
// PID` n times. The process is stopped at the end of the test at the latest,
// and what it has written is part of the test's output if that fails.
func startProcess(t testing.TB, cmd *exec.Cmd, n int) *process {
	t.Helper()
	p := &process{cmd: cmd, log: &logBuffer{}}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = p.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan string, n)
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(ready)
		lines := bufio.NewScanner(io.TeeReader(out, p.log))
		lines.Buffer(nil, 64<<20)
		for lines.Scan() {
			if words := strings.Fields(lines.Text()); len(words) == 3 && words[0] == "READY" {
				ready <- words[1]
			}
		}
	}()
	p.stop = sync.OnceFunc(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(startTimeout, func() { cmd.Process.Kill() })
		<-read
		cmd.Wait()
		if !kill.Stop() {
			t.Errorf("%s did not stop within %s", filepath.Base(cmd.Path), startTimeout)
		}
	})
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("%s %s:\n%s", filepath.Base(cmd.Path), p.addrs, p.log.tail())
		}
	})
	timeout := time.After(startTimeout)
	for range n {
		select {
		case addr, ok := <-ready:
			if !ok {
				t.Fatalf("%s ended before it was ready:\n%s", cmd, p.log.tail())
			}
			p.addrs = append(p.addrs, addr)
		case <-timeout:
			t.Fatalf("%s was not ready within %s:\n%s", cmd, startTimeout, p.log.tail())
		}
	}
	return p
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

// tail is the last 40 lines.
func (l *logBuffer) tail() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := bytes.Split(l.buf, []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-40):], []byte("\n"))
}

// peer is a setting of the original server; see peer/server.ts.
type peer struct {
	Redis             string `json:"redis"`                 // host:port
	AuthTimeout       int    `json:"authTimeout,omitempty"` // ms, as the next two
	HeartbeatInterval int    `json:"heartbeatInterval,omitempty"`
	HeartbeatTimeout  int    `json:"heartbeatTimeout,omitempty"`
	IdleTimeout       int    `json:"idleTimeout,omitempty"` // s
	Seal              bool   `json:"seal,omitempty"`
}

// startOriginal starts original servers in one process.
func startOriginal(t testing.TB, peers ...peer) *process {
	t.Helper()
	settings, err := json.Marshal(peers)
	if err != nil {
		t.Fatal(err)
	}
	cmd := bun(t, "server.ts")
	cmd.Env = append(cmd.Env, "SERVERS="+string(settings))
	return startProcess(t, cmd, len(peers))
}

// bun is a command that runs a script of peer/. The original writes its log
// files where it is started: a directory that goes away.
func bun(t testing.TB, script string, args ...string) *exec.Cmd {
	t.Helper()
	dir, err := filepath.Abs("peer")
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "node_modules", ".bin", "bun")
	if _, err := os.Stat(bin); err != nil {
		t.Fatalf("the original server is not installed: run `make interop-deps` (npm ci in interop/peer): %v", err)
	}
	cmd := exec.Command(bin, append([]string{filepath.Join(dir, script)}, args...)...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "NODE_ENV=production")
	return cmd
}

// hearth is the lab server's binary, built once.
var hearth = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "hearth-interop")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "lab")
	if out, err := exec.Command("go", "build", "-o", bin, "github.com/hearthws/hearth/internal/lab").CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the lab server: %w\n%s", err, out)
	}
	return bin, nil
})

// startHearth starts one Hearth server with flags of the lab server.
func startHearth(t testing.TB, flags ...string) *process {
	t.Helper()
	bin, err := hearth()
	if err != nil {
		t.Fatal(err)
	}
	return startProcess(t, exec.Command(bin, append([]string{"-addr", "127.0.0.1:0"}, flags...)...), 1)
}
