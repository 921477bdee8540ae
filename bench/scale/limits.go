package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// limits are those of the machine that end such a run. 0 is unknown.
type limits struct {
	descriptors int64 // of a process
	files       int64 // of the system
	ports       int64 // for one pair of addresses
	tracked     int64 // connections that the packet filter keeps
	memory      int64 // that is available, in bytes
	tcpMemory   int64 // for buffers of TCP, in bytes
}

func read() (l limits) {
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) == nil {
		l.descriptors = int64(min(r.Max, 1<<62))
	}
	l.files = number("/proc/sys/fs/file-max", 0)
	l.ports = number("/proc/sys/net/ipv4/ip_local_port_range", 1) - number("/proc/sys/net/ipv4/ip_local_port_range", 0) + 1
	l.tracked = number("/proc/sys/net/netfilter/nf_conntrack_max", 0)
	l.memory = meminfo("MemAvailable")
	l.tcpMemory = number("/proc/sys/net/ipv4/tcp_mem", 2) * int64(os.Getpagesize())
	return l
}

// number is the i-th of a file.
func number(file string, i int) (n int64) {
	text, err := os.ReadFile(file)
	if fields := strings.Fields(string(text)); err == nil && i < len(fields) {
		_, _ = fmt.Sscan(fields[i], &n) // stays 0: unknown
	}
	return n
}

// meminfo is a line of /proc/meminfo in bytes.
func meminfo(name string) (n int64) {
	text, _ := os.ReadFile("/proc/meminfo") // empty: unknown
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			_, _ = fmt.Sscan(rest, &n)
		}
	}
	return n * 1024
}

// What one client takes, both ends on one machine, as seen in a run of 150,000:
// see RESULTS.md.
const (
	bytesPerClient = 11 << 10 // server, load and kernel together
	spare          = 128      // descriptors besides connections
)

// lacks says which limits are too low, and what they must be.
func (p *plan) lacks(l limits) (all []string) {
	need := func(have, want int64, format string, args ...any) {
		if have > 0 && have < want {
			all = append(all, fmt.Sprintf(format, args...)+fmt.Sprintf(": is %d, must be %d", have, want))
		}
	}
	most := max(perProcess(p.clients, p.servers), perProcess(p.clients, p.loads))
	need(l.descriptors, int64(most+spare), "descriptors of a process (ulimit -Hn; with it fs.nr_open)")
	need(l.files, int64(2*p.clients+spare*(p.servers+p.loads)), "descriptors of the system (sysctl fs.file-max)")
	need(l.ports, int64(min(perProcess(p.clients, p.loads), 20_000)), "ports (sysctl net.ipv4.ip_local_port_range)")
	need(l.tracked, int64(p.clients), "tracked connections (sysctl net.netfilter.nf_conntrack_max, or no conntrack for lo)")
	need(l.memory, int64(p.clients)*bytesPerClient, "available memory in bytes")
	return all
}
