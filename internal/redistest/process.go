//go:build unix

package redistest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// startTimeout is how long a server may take until it answers.
const startTimeout = 20 * time.Second

// process is one redis-server on a port of its own, which it keeps when it is
// restarted.
type process struct {
	dir    string
	port   int
	config string // a file, or ""
	args   []string
	auth   []string // of redis-cli

	mu     sync.Mutex
	cmd    *exec.Cmd // nil while it does not run
	exited chan struct{}
}

// Goroutine is the function whose goroutine looks after a server while it
// runs, for tests that look for goroutines that were left.
const Goroutine = "github.com/hearthws/hearth/internal/redistest.(*process).run"

// binary finds a program of Redis.
func binary(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("redistest: %s is not installed; these tests need a real one, version 7 or newer (Debian: apt-get install redis-server redis-tools; macOS: brew install redis): %w", name, err)
	}
	return path, nil
}

// launch starts a redis-server with a configuration file, or "", and args, on
// a free port.
func launch(config string, args ...string) (*process, error) {
	dir, err := os.MkdirTemp("", "redistest-")
	if err != nil {
		return nil, err
	}
	for range 5 { // another process may take the port before the server does
		var port int
		if port, err = FreePort(); err != nil {
			break
		}
		p := &process{dir: dir, port: port, config: config, args: args}
		if err = p.start(); err == nil {
			return p, nil
		}
		if !strings.Contains(err.Error(), "Address already in use") {
			break
		}
	}
	_ = os.RemoveAll(dir)
	return nil, err
}

// Ports of servers are below those that systems give to outgoing connections:
// one that is stopped finds its own free when it is started again. A Cluster's
// bus has the port 10,000 above.
const firstPort, lastPort, busPort = 10_000, 22_000, 10_000

// FreePort is a port of 127.0.0.1 that nobody listens on, and that no outgoing
// connection will take, for a server that is to be started again there. Nobody else
// who asks here gets it while this process lives.
func FreePort() (int, error) {
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if claim(port) && unused(port) && unused(port+busPort) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("redistest: no free port from %d to %d", firstPort, lastPort)
}

// claims are what this process holds so that others see which ports are its own.
var claims struct {
	sync.Mutex
	held []net.Listener
}

// claim reports whether nobody has claimed a port, and claims it: by a name of
// Linux's that goes with the process. Elsewhere everybody is lucky.
func claim(port int) bool {
	if runtime.GOOS != "linux" {
		return true
	}
	l, err := net.Listen("unix", fmt.Sprintf("@hearth test port %d", port))
	if err != nil {
		return false
	}
	claims.Lock()
	defer claims.Unlock()
	claims.held = append(claims.held, l)
	return true
}

func unused(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}

// start runs the server and returns when it answers.
func (p *process) start() error {
	path, err := binary("redis-server")
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		return nil
	}
	output, err := os.OpenFile(p.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = output.Close() }()
	var args []string
	if p.config != "" {
		args = append(args, p.config)
	}
	args = append(args, "--port", strconv.Itoa(p.port), "--bind", "127.0.0.1", "--dir", p.dir)
	cmd := exec.Command(path, append(args, p.args...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = p.dir, output, output, dieWithParent()
	started, exited := make(chan error), make(chan struct{})
	go p.run(cmd, started, exited)
	if err := <-started; err != nil {
		return fmt.Errorf("redistest: %w", err)
	}
	for deadline := time.Now().Add(startTimeout); ; time.Sleep(5 * time.Millisecond) {
		if p.answers() {
			p.cmd, p.exited = cmd, exited
			return nil
		}
		select {
		case <-exited:
			return fmt.Errorf("redistest: redis-server ended: %s", p.printed())
		default:
		}
		if time.Now().After(deadline) {
			_ = cmd.Process.Kill()
			<-exited
			return fmt.Errorf("redistest: redis-server does not answer after %s: %s", startTimeout, p.printed())
		}
	}
}

// run starts cmd and waits for its end.
func (p *process) run(cmd *exec.Cmd, started chan<- error, exited chan<- struct{}) {
	// A child dies with the thread that started it, so the thread is kept.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(exited)
	err := cmd.Start()
	started <- err
	if err == nil {
		_ = cmd.Wait()
	}
}

// log is the file that the server prints to.
func (p *process) log() string { return filepath.Join(p.dir, "redis.log") }

func (p *process) printed() string {
	text, err := os.ReadFile(p.log())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// answers reports whether somebody speaks RESP on the port.
func (p *process) answers() bool {
	conn, err := net.DialTimeout("tcp", p.addr(), time.Second)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	answer := make([]byte, 1)
	n, _ := conn.Read(answer)
	return n == 1 && (answer[0] == '+' || answer[0] == '-') // -NOAUTH is an answer
}

func (p *process) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)) }

// signal sends sig, if the server runs.
func (p *process) signal(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(sig)
	}
}

// end ends the server with sig and returns when it is gone.
func (p *process) end(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(sig)
	_ = p.cmd.Process.Signal(syscall.SIGCONT) // a frozen one would not hear SIGTERM
	<-p.exited
	p.cmd = nil
}

// remove ends the server and what it wrote.
func (p *process) remove() {
	p.end(syscall.SIGKILL)
	_ = os.RemoveAll(p.dir)
}

// cli runs redis-cli with args, or else with the lines of commands, and
// returns what it prints.
func (p *process) cli(commands string, args ...string) (string, error) {
	path, err := binary("redis-cli")
	if err != nil {
		return "", err
	}
	base := append([]string{"-p", strconv.Itoa(p.port), "--no-auth-warning"}, p.auth...)
	cmd := exec.Command(path, append(base, args...)...)
	cmd.Stdin = strings.NewReader(commands)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("redistest: redis-cli %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}
