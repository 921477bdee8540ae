//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hearthws/hearth/internal/redistest"
)

// patience is how long a script waits for something.
const patience = 20 * time.Second

// command is one of the scripts' own.
type command = func(ts *testscript.TestScript, neg bool, args []string)

// commands are those of the scripts:
//
//	code N COMMAND…       runs it, and wants that exit code; then stdout and stderr
//	start NAME COMMAND…   runs it in the background, with output in NAME.out and NAME.err
//	url NAME              waits until that server listens; sets $NAME, $NAME_http,
//	                      $NAME_port and, with --metrics-addr, $NAME_metrics
//	gone NAME             waits until nothing listens at the URL that NAME.err has
//	type NAME TEXT        a line of its input
//	eof NAME              the end of its input
//	signal NAME SIGNAL    TERM, INT, HUP or KILL, if it still runs
//	exits NAME N          waits until it ends with that exit code
//	await FILE REGEXP     waits until the file has it
//	http STATUS URL [REGEXP [CA]]  waits until a GET is answered like this;
//	                      with ! it looks once, and wants another answer
//	lines FILE N REGEXP   wants exactly N lines like this
//	json FILE             wants a JSON object in every line
//	clientid FILE VAR     sets $VAR to the id in the `connected` of a --json output
//	proxy NAME PORT PORT  nginx or haproxy as in docs/operations.md, before two
//	                      servers; sets $proxy and $proxy_port
//	upgrades              sends malformed and good ones to the proxy; sets $accepted
//	redis [kill|restart]  a Redis of the script's own; sets $REDIS
func commands(t *testing.T) map[string]command {
	s := &scripts{t: t, processes: map[string]*process{}, redis: map[string]*redistest.Server{}}
	return map[string]command{
		"code": code, "start": s.start, "url": url, "gone": gone, "type": s.typeLine, "eof": s.eof, "signal": s.signal,
		"exits": s.exits, "await": await, "http": httpGet, "lines": lines, "json": jsonLines, "redis": s.startRedis,
		"clientid": clientID, "proxy": s.proxy, "upgrades": upgrades,
	}
}

// scripts are the processes of all scripts.
type scripts struct {
	t *testing.T

	mu        sync.Mutex
	processes map[string]*process // by the script's directory and the name
	redis     map[string]*redistest.Server
}

type process struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	done  chan struct{}
}

func (s *scripts) process(ts *testscript.TestScript, name string) *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.processes[ts.MkAbs(name)]
	if p == nil {
		ts.Fatalf("nothing was started as %s", name)
	}
	return p
}

func (s *scripts) start(ts *testscript.TestScript, _ bool, args []string) {
	file := func(suffix string) *os.File {
		f, err := os.Create(ts.MkAbs(args[0] + suffix))
		ts.Check(err)
		return f
	}
	cmd := exec.Command(args[1], args[2:]...)
	cmd.Dir = ts.Getenv("WORK")
	cmd.Env = append(os.Environ(), "HEARTH_REDIS="+ts.Getenv("HEARTH_REDIS"), "HEARTH_TOKEN="+ts.Getenv("HEARTH_TOKEN"))
	stdout, stderr := file(".out"), file(".err")
	defer stdout.Close()
	defer stderr.Close()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	stdin, err := cmd.StdinPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	p := &process{cmd: cmd, stdin: stdin, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(p.done)
	}()
	s.mu.Lock()
	s.processes[ts.MkAbs(args[0])] = p
	s.mu.Unlock()
	ts.Defer(func() {
		_ = cmd.Process.Kill()
		<-p.done
		ts.Logf("%s said on standard error:\n%s", args[0], ts.ReadFile(args[0]+".err"))
	})
}

func (s *scripts) typeLine(ts *testscript.TestScript, _ bool, args []string) {
	_, err := fmt.Fprintln(s.process(ts, args[0]).stdin, strings.Join(args[1:], " "))
	ts.Check(err)
}

func (s *scripts) eof(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(s.process(ts, args[0]).stdin.Close())
}

func (s *scripts) signal(ts *testscript.TestScript, _ bool, args []string) {
	number, ok := map[string]syscall.Signal{"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "HUP": syscall.SIGHUP, "KILL": syscall.SIGKILL}[args[1]]
	if !ok {
		ts.Fatalf("no signal %s here", args[1])
	}
	if err := s.process(ts, args[0]).cmd.Process.Signal(number); !errors.Is(err, os.ErrProcessDone) {
		ts.Check(err)
	}
}

func (s *scripts) exits(ts *testscript.TestScript, _ bool, args []string) {
	p := s.process(ts, args[0])
	select {
	case <-p.done:
	case <-time.After(patience):
		ts.Fatalf("%s still runs after %s", args[0], patience)
	}
	if got := p.cmd.ProcessState.ExitCode(); strconv.Itoa(got) != args[1] {
		ts.Fatalf("%s ended with %s, want exit code %s", args[0], p.cmd.ProcessState, args[1])
	}
}

func (s *scripts) startRedis(ts *testscript.TestScript, _ bool, args []string) {
	s.mu.Lock()
	server := s.redis[ts.Getenv("WORK")]
	s.mu.Unlock()
	switch {
	case len(args) == 0:
		server = redistest.Start(s.t)
		ts.Setenv("REDIS", server.URL())
		s.mu.Lock()
		s.redis[ts.Getenv("WORK")] = server
		s.mu.Unlock()
	case args[0] == "kill":
		server.Kill()
	case args[0] == "restart":
		server.Restart()
	}
}

func code(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("%s ends with exit code %d, want %s", strings.Join(args[1:], " "), got, args[0])
	}
}

// until waits for ok, and tells what it waited for in vain.
func until(ts *testscript.TestScript, ok func() bool, what func() string) {
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("after %s: %s", patience, what())
		}
	}
}

func compile(ts *testscript.TestScript, pattern string) *regexp.Regexp {
	re, err := regexp.Compile("(?m)" + pattern)
	ts.Check(err)
	return re
}

func await(ts *testscript.TestScript, _ bool, args []string) {
	re := compile(ts, args[1])
	until(ts,
		func() bool { return re.MatchString(ts.ReadFile(args[0])) },
		func() string { return fmt.Sprintf("%s has no %q:\n%s", args[0], args[1], ts.ReadFile(args[0])) })
}

func url(ts *testscript.TestScript, _ bool, args []string) {
	name := args[0]
	await(ts, false, []string{name + ".err", `"msg":"listening".*"url":"[^"]+"`})
	var listening struct{ Addr, URL, Metrics string }
	for line := range strings.Lines(ts.ReadFile(name + ".err")) {
		if strings.Contains(line, `"listening"`) {
			ts.Check(json.Unmarshal([]byte(line), &listening))
		}
	}
	_, port, err := net.SplitHostPort(listening.Addr)
	ts.Check(err)
	ts.Setenv(name, listening.URL)
	ts.Setenv(name+"_http", "http"+strings.TrimPrefix(listening.URL[:strings.LastIndex(listening.URL, "/")], "ws"))
	ts.Setenv(name+"_port", port)
	ts.Setenv(name+"_metrics", listening.Metrics)
}

// gone is for servers that another process has started.
func gone(ts *testscript.TestScript, _ bool, args []string) {
	found := regexp.MustCompile(`ws://([^/]+)/`).FindStringSubmatch(ts.ReadFile(args[0] + ".err"))
	if found == nil {
		ts.Fatalf("%s.err has no URL", args[0])
	}
	until(ts, func() bool {
		c, err := net.Dial("tcp", found[1])
		if err == nil {
			c.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	}, func() string { return "something listens at " + found[1] })
}

func clientID(ts *testscript.TestScript, _ bool, args []string) {
	found := regexp.MustCompile(`"connected","data":\{"id":"([^"]+)"`).FindStringSubmatch(ts.ReadFile(args[0]))
	if found == nil {
		ts.Fatalf("%s has no id:\n%s", args[0], ts.ReadFile(args[0]))
	}
	ts.Setenv(args[1], found[1])
}

func httpGet(ts *testscript.TestScript, neg bool, args []string) {
	pattern := ""
	if len(args) > 2 {
		pattern = args[2]
	}
	re := compile(ts, pattern)
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	if len(args) > 3 {
		client.Transport = &http.Transport{TLSClientConfig: trust(ts, args[3]), DisableKeepAlives: true}
	}
	var got string
	fits := func() bool {
		answer, err := client.Get(args[1])
		if err != nil {
			got = err.Error()
			return false
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		got = fmt.Sprintf("%d, %v\n%s", answer.StatusCode, err, body)
		return err == nil && strconv.Itoa(answer.StatusCode) == args[0] && re.Match(body)
	}
	if neg {
		if fits() {
			ts.Fatalf("GET %s is %s", args[1], got)
		}
		return
	}
	until(ts, fits, func() string { return fmt.Sprintf("GET %s is not %s with %q, but %s", args[1], args[0], pattern, got) })
}

func lines(ts *testscript.TestScript, _ bool, args []string) {
	re := compile(ts, args[2])
	n := 0
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		if re.MatchString(strings.TrimSuffix(line, "\n")) {
			n++
		}
	}
	if strconv.Itoa(n) != args[1] {
		ts.Fatalf("%s has %d lines with %q, want %s:\n%s", args[0], n, args[2], args[1], ts.ReadFile(args[0]))
	}
}

func jsonLines(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	if text == "" {
		ts.Fatalf("%s is empty", args[0])
	}
	for line := range bytes.Lines([]byte(text)) {
		var object map[string]any
		if err := json.Unmarshal(line, &object); err != nil {
			ts.Fatalf("%s has a line that is no JSON object: %v: %s", args[0], err, line)
		}
	}
}
