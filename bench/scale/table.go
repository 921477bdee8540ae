package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// usage is what is used at a moment.
type usage struct {
	clients int
	memory  int64         // resident, of all servers, in bytes
	cpu     time.Duration // of all servers
	kernel  int64         // memory that is not available any more, less that of processes, in bytes
	loads   int64         // resident, of all load processes
}

func (c *cluster) usage(clients int) usage {
	u := usage{clients: clients}
	for _, pid := range c.servers {
		memory, cpu := ofProcess(pid)
		u.memory += memory
		u.cpu += cpu
	}
	for _, l := range c.loads {
		memory, _ := ofProcess(l.cmd.Process.Pid)
		u.loads += memory
	}
	u.kernel = meminfo("MemTotal") - meminfo("MemAvailable") - u.memory - u.loads
	return u
}

// ofProcess reads proc_pid_stat(5).
func ofProcess(pid int) (memory int64, cpu time.Duration) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	field := func(i int) int64 {
		n, _ := strconv.ParseInt(fields[i-3], 10, 64) // the kernel writes numbers
		return n
	}
	return field(24) * int64(os.Getpagesize()), time.Duration(field(14)+field(15)) * 10 * time.Millisecond
}

// table shows how memory and time grow with the clients.
type table struct {
	start, last usage
	rows        []usage
}

func (t *table) header() {
	fmt.Println("| clients | servers' memory, MiB | KiB each | of the last step | connect µs | connects/s | kernel, KiB each |")
	fmt.Println("|---|---|---|---|---|---|---|")
	t.last = t.start
}

func (t *table) row(u usage, took time.Duration) {
	n := float64(u.clients)
	step := float64(u.clients - t.last.clients)
	kib := func(bytes int64, n float64) float64 { return float64(bytes) / 1024 / n }
	fmt.Printf("| %d | %.0f | %.2f | %.2f | %.0f | %.0f | %.2f |\n", u.clients, float64(u.memory)/(1<<20),
		kib(u.memory-t.start.memory, n), kib(u.memory-t.last.memory, step),
		float64((u.cpu-t.last.cpu).Microseconds())/step, step/took.Seconds(), kib(u.kernel-t.start.kernel, n))
	t.last = u
	t.rows = append(t.rows, u)
}

// rest is what the clients cost while they are just there, and what the line
// through the steps says about a million.
func (t *table) rest(before, after usage, took time.Duration) {
	percent := 100 * (after.cpu - before.cpu).Seconds() / took.Seconds()
	fmt.Printf("\nAt rest: %.1f %% of a core for all, heartbeats included: %.2f %% for 10,000.\n", percent, percent*10_000/float64(after.clients))
	slope, offset, worst := line(t.rows)
	fmt.Printf("Least squares: %.0f bytes a client and %.0f MiB; no step is farther from that line than %.1f %%. Extrapolated, 1,000,000 clients take %.2f GiB.\n",
		slope, offset/(1<<20), 100*worst, (slope*1e6+offset)/(1<<30))
}

// line is the one through the memory of the steps, with the largest relative
// distance from it.
func line(rows []usage) (slope, offset, worst float64) {
	var n, x, y, xx, xy float64
	for _, r := range rows {
		cx, cy := float64(r.clients), float64(r.memory)
		n, x, y, xx, xy = n+1, x+cx, y+cy, xx+cx*cx, xy+cx*cy
	}
	if n < 2 {
		return 0, y, 0
	}
	slope = (n*xy - x*y) / (n*xx - x*x)
	offset = (y - slope*x) / n
	for _, r := range rows {
		expected := offset + slope*float64(r.clients)
		worst = max(worst, max(expected-float64(r.memory), float64(r.memory)-expected)/float64(r.memory))
	}
	return slope, offset, worst
}
