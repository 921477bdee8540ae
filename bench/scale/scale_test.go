package main

import (
	"math"
	"strings"
	"testing"
)

func TestLine(t *testing.T) {
	slope, offset, worst := line([]usage{{clients: 1000, memory: 11000}, {clients: 2000, memory: 21000}, {clients: 3000, memory: 31000}})
	if math.Abs(slope-10) > 1e-9 || math.Abs(offset-1000) > 1e-6 || worst > 1e-9 {
		t.Errorf("the line is %v, %v, %v", slope, offset, worst)
	}
	if _, _, worst := line([]usage{{clients: 1, memory: 10}, {clients: 2, memory: 30}, {clients: 3, memory: 30}}); worst < 0.1 {
		t.Errorf("a bent line is off by %v only", worst)
	}
}

// A machine of 20,000 descriptors is enough for 150,000 clients in 8 processes
// on either side, and not for a million.
func TestLacks(t *testing.T) {
	machine := limits{descriptors: 20000, files: 2_000_000, ports: 28232, memory: 20 << 30}
	if lacks := (&plan{clients: 150_000, servers: 8, loads: 8}).lacks(machine); len(lacks) > 0 {
		t.Error(lacks)
	}
	lacks := strings.Join((&plan{clients: 1_000_000, servers: 8, loads: 16}).lacks(machine), "\n")
	if !strings.Contains(lacks, "ulimit -Hn; with it fs.nr_open): is 20000, must be 125128") || !strings.Contains(lacks, "fs.file-max): is 2000000, must be ") {
		t.Error(lacks)
	}
	if lacks := (&plan{clients: 1_000_000, servers: 8, loads: 16}).lacks(limits{}); len(lacks) > 0 {
		t.Error("what is unknown is too low:", lacks)
	}
}
