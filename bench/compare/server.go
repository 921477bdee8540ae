package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is one of those that are compared.
type server struct {
	name    string // in results
	title   string // in tables
	dialect string // of hearth bench: a name, or a file
	sealed  bool   // a scenario of its own: everything is encrypted
	redis   bool   // it needs one even alone

	// command starts n nodes that know each other by Redis.
	command func(b *built, redis string, n int) [][]string
	env     func(redis string, n int) []string
}

// nodeCommands are those of a server that is a Go binary on its own.
func peerCommand(name string) func(*built, string, int) [][]string {
	return func(b *built, _ string, _ int) [][]string { return [][]string{{b.peer, "-addr", "127.0.0.1:0", name}} }
}

func labCommand(flags ...string) func(*built, string, int) [][]string {
	return func(b *built, redis string, n int) (all [][]string) {
		args := append([]string{b.lab, "-addr", "127.0.0.1:0"}, flags...)
		if n > 1 {
			args = append(args, "-redis", "redis://"+redis)
		}
		for range n {
			all = append(all, args)
		}
		return all
	}
}

func originalCommand(b *built, _ string, n int) (all [][]string) {
	for range n {
		all = append(all, []string{b.bun, b.original})
	}
	return all
}

func originalEnv(seal bool) func(string, int) []string {
	return func(redis string, _ int) []string {
		return []string{"NODE_ENV=production", fmt.Sprintf(`SERVERS=[{"redis":%q,"seal":%t}]`, redis, seal)}
	}
}

// servers are all, the reference points first.
var servers = []server{
	{name: "hearth", title: "Hearth (lab server)", dialect: "lab", command: labCommand()},
	{name: "bun", title: "raw Bun `publish`", dialect: "lab", command: func(b *built, _ string, _ int) [][]string {
		return [][]string{{b.bun, b.rawBun}}
	}},
	{name: "original", title: "the original on Bun", dialect: "lab", redis: true, command: originalCommand, env: originalEnv(false)},
	{name: "gws", title: "gws, Broadcaster", dialect: "lab", command: peerCommand("gws")},
	{name: "gorilla", title: "gorilla, hub, prepared messages", dialect: "lab", command: peerCommand("gorilla")},
	{name: "coder", title: "coder/websocket, hub", dialect: "lab", command: peerCommand("coder")},
	{name: "centrifuge", title: "centrifuge library", dialect: "centrifuge.json", command: peerCommand("centrifuge")},
	{name: "hearth-sealed", title: "Hearth, encrypted", dialect: "lab", sealed: true, command: labCommand("-require-encryption")},
	{name: "original-sealed", title: "the original, encrypted", dialect: "lab", sealed: true, redis: true, command: originalCommand, env: originalEnv(true)},
}

// nodes are running servers.
type nodes struct {
	commands []*exec.Cmd
	urls     []string
	pids     []string
}

// start starts n nodes, on these processors if pinned.
func (s *server) start(b *built, redis string, n int, cpu string) (*nodes, error) {
	all := &nodes{}
	for _, args := range s.command(b, redis, n) {
		cmd := pinned(cpu, args)
		cmd.Env = os.Environ()
		if cpu != "" {
			cmd.Env = append(cmd.Env, "GOMAXPROCS=1")
		}
		if s.env != nil {
			cmd.Env = append(cmd.Env, s.env(redis, n)...)
		}
		cmd.Dir = b.dir // the original writes its log there
		addr, err := ready(cmd)
		all.commands = append(all.commands, cmd)
		if err != nil {
			all.stop()
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		path := "/ws"
		if s.name == "centrifuge" {
			path = "/connection/websocket"
		}
		all.urls = append(all.urls, "ws://"+addr+path)
		all.pids = append(all.pids, strconv.Itoa(cmd.Process.Pid))
	}
	return all, nil
}

// pinned is a command on certain processors; taskset replaces itself by it, so
// the process is the command's.
func pinned(cpu string, args []string) *exec.Cmd {
	if cpu != "" {
		args = append([]string{"taskset", "-c", cpu}, args...)
	}
	return exec.Command(args[0], args[1:]...)
}

const patience = 30 * time.Second

// ready starts a command and waits for its line "READY ADDR PID".
func ready(cmd *exec.Cmd) (addr string, err error) {
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	found := make(chan string, 1)
	go func() {
		defer close(found)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if fields := strings.Fields(lines.Text()); len(fields) == 3 && fields[0] == "READY" {
				found <- fields[1]
			}
		}
	}()
	select {
	case addr, ok := <-found:
		if !ok {
			return "", errors.New("ends before it is ready")
		}
		return addr, nil
	case <-time.After(patience):
		return "", errors.New("is not ready in time")
	}
}

func (n *nodes) stop() {
	for _, cmd := range n.commands {
		stop(cmd)
	}
}

// stop ends a process that this one has started.
func stop(cmd *exec.Cmd) {
	if cmd.Process == nil {
		return
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait() // it was told to end
	timer.Stop()
}
