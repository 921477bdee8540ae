package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// cluster is everything that runs.
type cluster struct {
	plan *plan
	dir  string

	mu        sync.Mutex
	processes []*exec.Cmd
	stopped   bool

	urls    []string // of the servers, by load
	servers []int
	loads   []*load
}

// load is a process of clients.
type load struct {
	cmd *exec.Cmd
	out io.Reader
}

func (c *cluster) run() error {
	redis := ""
	if c.plan.servers > 1 {
		var err error
		if redis, err = c.startRedis(); err != nil {
			return err
		}
	}
	for range c.plan.servers {
		if err := c.startServer(redis); err != nil {
			return err
		}
	}
	t := &table{start: c.usage(0)}
	t.header()
	connected, per := 0, perProcess(c.plan.clients, c.plan.loads)
	for i := range c.plan.loads {
		n := min(per, c.plan.clients-connected)
		took, err := c.startLoad(i, n)
		if err != nil {
			return err
		}
		connected += n
		t.row(c.usage(connected), took)
	}
	before, began := c.usage(connected), time.Now()
	time.Sleep(10 * time.Second)
	t.rest(before, c.usage(connected), time.Since(began))
	return c.broadcast()
}

// start keeps the process, to stop it.
func (c *cluster) start(cmd *exec.Cmd) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return errors.New("interrupted")
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	c.processes = append(c.processes, cmd)
	return nil
}

// stop ends what still runs, the last first.
func (c *cluster) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	for i := len(c.processes) - 1; i >= 0; i-- {
		_ = c.processes[i].Process.Signal(syscall.SIGTERM)
	}
	for _, cmd := range c.processes {
		timer := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // it was told to end
		timer.Stop()
	}
	c.processes = nil
}

const patience = 30 * time.Second

func (c *cluster) startRedis() (url string, err error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	addr := free.Addr().String()
	free.Close()
	_, port, _ := net.SplitHostPort(addr)
	if err := c.start(exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", c.dir)); err != nil {
		return "", fmt.Errorf("redis-server: %w", err)
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return "redis://" + addr, nil
		}
	}
	return "", errors.New("redis-server does not answer")
}

// startServer starts one. Where several loads share it, each has a destination
// address of its own, since a pair of addresses has about 28,000 ports.
func (c *cluster) startServer(redis string) error {
	host := "127.0.0.1"
	if c.plan.loads > c.plan.servers {
		host = "0.0.0.0"
	}
	cmd := exec.Command(filepath.Join(c.dir, "lab"), "-addr", host+":0", "-redis", redis)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.start(cmd); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	fields := strings.Fields(line)
	if err != nil || len(fields) != 3 {
		return fmt.Errorf("a server does not start: %w", err)
	}
	_, port, err := net.SplitHostPort(fields[1])
	if err != nil {
		return err
	}
	each := c.plan.loads / c.plan.servers
	for k := range each {
		c.urls = append(c.urls, fmt.Sprintf("ws://127.0.0.%d:%s/ws", 1+k, port))
	}
	c.servers = append(c.servers, cmd.Process.Pid)
	return nil
}

// startLoad returns when its clients are connected, and how long that took.
func (c *cluster) startLoad(i, clients int) (time.Duration, error) {
	cmd := exec.Command(filepath.Join(c.dir, "hearth"), "bench", "fanout", c.urls[i], "--clients", itoa(clients), "--publishers", "0",
		"--room", "", "--messages", itoa(c.plan.messages), "--dialect", "lab", "--duration", "1h", "--patience", "1m", "--concurrency", "64", "--json")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	talk, err := cmd.StderrPipe()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := c.start(cmd); err != nil {
		return 0, err
	}
	var said strings.Builder
	for lines := bufio.NewScanner(talk); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "waiting for ") {
			go func() { _, _ = io.Copy(os.Stderr, talk) }()
			c.loads = append(c.loads, &load{cmd, out})
			return time.Since(began), nil
		}
		fmt.Fprintln(&said, lines.Text())
	}
	return 0, fmt.Errorf("a load process has ended: %s", said.String())
}

// broadcast sends messages to all, and reports what each load process has seen.
func (c *cluster) broadcast() error {
	before := c.usage(0)
	publisher := exec.Command(filepath.Join(c.dir, "hearth"), "bench", "fanout", c.urls[0], "--clients", "0", "--rate", "1",
		"--room", "", "--messages", itoa(c.plan.messages), "--dialect", "lab", "--duration", "1h", "--json")
	publisher.Stderr = os.Stderr
	if err := publisher.Run(); err != nil {
		return fmt.Errorf("the publisher has failed: %w", err)
	}
	received, worst := int64(0), 0.0
	ok := true
	for _, l := range c.loads {
		var r struct {
			Published, Receivers int64
			Latency              struct {
				Max float64 `json:"max_ms"`
			}
			Faults struct{ Missing, Duplicate int64 }
			OK     bool
		}
		if err := json.NewDecoder(l.out).Decode(&r); err != nil {
			return fmt.Errorf("a load process has no result: %w", err)
		}
		ok = ok && r.OK
		received += r.Published*r.Receivers - r.Faults.Missing
		worst = max(worst, r.Latency.Max)
	}
	after := c.usage(0)
	expected := int64(c.plan.clients) * int64(c.plan.messages)
	fmt.Printf("\n%d broadcasts, one a second: %d of %d deliveries, the last %.0f ms after it was meant to be sent; %.2f µs of the servers' processor time for each, heartbeats included.\n",
		c.plan.messages, received, expected, worst, float64((after.cpu-before.cpu).Microseconds())/float64(expected))
	if !ok || received != expected {
		return errors.New("not every message has arrived as it should")
	}
	return nil
}
