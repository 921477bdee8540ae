package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// servers are processes of `hearth serve --demo`, so that a run needs nothing
// but this binary.
type servers []*exec.Cmd

// startServers starts as many as the scenario needs.
func startServers(ctx context.Context, cfg *Config) (servers, error) {
	n := 1
	if cfg.Scenario == Cluster {
		n = 2
	}
	var all servers
	var pids []int
	for range n {
		cmd, url, err := startServer(ctx, cfg)
		if err != nil {
			all.stop()
			return nil, err
		}
		all = append(all, cmd)
		cfg.URLs = append(cfg.URLs, url)
		pids = append(pids, cmd.Process.Pid)
	}
	if cfg.PIDs == nil && CheckPID(pids[0]) == nil {
		cfg.PIDs = pids
	}
	return all, nil
}

// serverPatience is how long a server may take to start.
const serverPatience = 20 * time.Second

func startServer(ctx context.Context, cfg *Config) (cmd *exec.Cmd, url string, err error) {
	program, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	cmd = exec.Command(program, serverArgs(cfg)...)
	cmd.Env = append(os.Environ(), "HEARTH_REDIS="+cfg.Redis) // no argument: it may have a password
	cmd.SysProcAttr = dieWithParent()
	log, err := cmd.StderrPipe()
	if err != nil {
		return nil, "", err
	}
	if err := cmd.Start(); err != nil {
		return nil, "", err
	}
	listening := make(chan string, 1)
	ended := make(chan string, 1)
	go readLog(log, listening, ended)
	select {
	case url := <-listening:
		return cmd, url, nil
	case text := <-ended:
		err = fmt.Errorf("a server of one's own does not start: %s%s", text, hint(text))
	case <-time.After(serverPatience):
		err = errors.New("a server of one's own does not start in time")
	case <-ctx.Done():
		err = ctx.Err()
	}
	servers{cmd}.stop()
	return nil, "", err
}

// serverArgs are those of a server whose limits for a client are out of the way:
// one that publishes as fast as it can is not to measure them.
func serverArgs(cfg *Config) []string {
	args := []string{
		"serve", "--demo", "--addr", "127.0.0.1:0", "--log-format", "json", "--drain-for", "0s",
		"--message-rate", "1000000", "--byte-rate", "1GiB",
	}
	if cfg.Deflate {
		args = append(args, "--deflate")
	}
	return args
}

// readLog finds the address, and the last line when the log ends.
func readLog(log io.Reader, listening, ended chan<- string) {
	last := ""
	for lines := bufio.NewScanner(log); lines.Scan(); {
		last = lines.Text()
		var line struct{ Msg, URL string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			listening <- line.URL
		}
	}
	_, _ = io.Copy(io.Discard, log)
	ended <- strings.TrimPrefix(last, "hearth: ")
}

func (all servers) stop() {
	for _, cmd := range all {
		if runtime.GOOS == "windows" || cmd.Process.Signal(syscall.SIGTERM) != nil {
			_ = cmd.Process.Kill()
		}
	}
	for _, cmd := range all {
		timer := time.AfterFunc(serverPatience, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // how it ends says nothing about the run
		timer.Stop()
	}
}
