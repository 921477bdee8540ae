package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// write writes the report, and its plot beside it. What stands between the
// marks of the report's own part is replaced, and the rest kept.
func write(out string, all []record) error {
	text, err := os.ReadFile(out)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	if err := os.WriteFile(out, []byte(replaced(string(text), report(all))), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(filepath.Dir(out), "fanout.svg"), []byte(plot(all)), 0o644)
}

const (
	begin = "<!-- written by ./compare from here -->\n"
	end   = "<!-- to here -->\n"
)

func replaced(text, own string) string {
	before, rest, found := strings.Cut(text, begin)
	if !found {
		return text + begin + own + end
	}
	_, after, _ := strings.Cut(rest, end)
	return before + begin + own + end + after
}

// column is one figure of a table.
type column struct {
	title                 string
	scenario, measurement string
	format                string
	value                 func(*result) float64
}

func cpu(r *result) float64  { return r.Measured.ServerMicros }
func rate(r *result) float64 { return r.Measured.PerSecond / 1000 }
func p50(r *result) float64  { return r.Latency.P50 }
func p99(r *result) float64  { return r.Latency.P99 }

// table is a part of the report.
type table struct {
	title, text string
	columns     []column
}

var tables = []table{
	{
		"One room of 1,000, one core for the server",
		"Processor time of the server for one delivery in µs, with so many publishes in flight; what it delivered a second (thousands); and, at 20 publishes a second, the latency over all receivers in ms.",
		[]column{
			{"w1 µs", "room", "w1", "%.2f", cpu},
			{"w4 µs", "room", "w4", "%.2f", cpu},
			{"w64 µs", "room", "w64", "%.3f", cpu},
			{"w1 k/s", "room", "w1", "%.0f", rate},
			{"w4 k/s", "room", "w4", "%.0f", rate},
			{"w64 k/s", "room", "w64", "%.0f", rate},
			{"20/s p50", "room", "20/s", "%.2f", p50},
			{"p99", "room", "20/s", "%.2f", p99},
		},
	},
	{
		"Echo, 100 clients",
		"Each has one message in flight: processor time of the server for one echo in µs, echoes a second (thousands), latency in ms.",
		[]column{
			{"µs", "echo", "echo", "%.2f", cpu},
			{"k/s", "echo", "echo", "%.1f", rate},
			{"p50", "echo", "echo", "%.2f", p50},
			{"p99", "echo", "echo", "%.2f", p99},
		},
	},
	{
		"9,000 authenticated clients",
		"Processor time of the server to connect and authenticate one, in µs; how many a second; resident memory of the server for each, in KiB, 6 s after the last has come.",
		[]column{
			{"connect µs", "idle", "idle", "%.0f", func(r *result) float64 { return r.Connections.ServerMicros }},
			{"connects/s", "idle", "idle", "%.0f", func(r *result) float64 { return r.Connections.PerSecond }},
			{"KiB", "idle", "idle", "%.2f", func(r *result) float64 { return r.Idle.ServerKiB }},
		},
	},
	{
		"One room of 2,000, server and load unpinned on two cores",
		"Deliveries a second (thousands). The load takes its share of both cores, so this is a check and no limit.",
		[]column{
			{"w1 k/s", "unpinned", "w1", "%.0f", rate},
			{"w4 k/s", "unpinned", "w4", "%.0f", rate},
			{"w64 k/s", "unpinned", "w64", "%.0f", rate},
		},
	},
	{
		"One room of 1,000, every message sealed for each receiver",
		"Processor time of the server for one delivery in µs. The load opens and checks every message.",
		[]column{
			{"w1 µs", "sealed", "w1", "%.2f", cpu},
			{"w4 µs", "sealed", "w4", "%.2f", cpu},
		},
	},
	{
		"Two nodes joined by Redis: published on one, received on the other",
		"Processor time of both nodes for one delivery in µs, with so many members and publishes in flight; latency in ms.",
		[]column{
			{"1, w1 µs", "cluster", "1 w1", "%.1f", cpu},
			{"p50", "cluster", "1 w1", "%.2f", p50},
			{"1, w64 µs", "cluster", "1 w64", "%.2f", cpu},
			{"100, w64 µs", "cluster", "100 w64", "%.2f", cpu},
			{"1000, w1 µs", "cluster", "1000 w1", "%.2f", cpu},
			{"1000, w64 µs", "cluster", "1000 w64", "%.3f", cpu},
		},
	},
}

func report(all []record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", machine(all))
	for _, t := range tables {
		if rows := t.rows(all); rows != "" {
			fmt.Fprintf(&b, "## %s\n\n%s\n\n%s\n", t.title, t.text, rows)
		}
	}
	b.WriteString("![processor time of a delivery](fanout.svg)\n\n" + faults(all))
	return b.String()
}

// rows are the servers that were measured.
func (t *table) rows(all []record) string {
	var b strings.Builder
	b.WriteString("| server |")
	for _, c := range t.columns {
		fmt.Fprintf(&b, " %s |", c.title)
	}
	b.WriteString(" rounds |\n|---|" + strings.Repeat("---|", len(t.columns)+1) + "\n")
	found := false
	for _, s := range servers {
		row, rounds := "", 0
		for _, c := range t.columns {
			v, n := median(all, c.scenario, c.measurement, s.name, c.value)
			if n == 0 {
				row += " – |"
				continue
			}
			rounds = max(rounds, n)
			row += fmt.Sprintf(" "+c.format+" |", v)
		}
		if rounds > 0 {
			found = true
			fmt.Fprintf(&b, "| %s |%s %d |\n", s.title, row, rounds)
		}
	}
	if !found {
		return ""
	}
	return b.String()
}

// machine says where and with what it was measured.
func machine(all []record) string {
	var commits []string
	for _, r := range all {
		if !slices.Contains(commits, r.Commit) {
			commits = append(commits, r.Commit)
		}
	}
	return fmt.Sprintf("%d virtual cores (%s), %s, %s, Bun %s; Hearth at %s.\n",
		runtime.NumCPU(), processor(), kernel(), runtime.Version(), bunVersion(), strings.Join(commits, ", "))
}

func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// kernel has no more than its version: the rest names who built it.
func kernel() string {
	text, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	version, _, _ := strings.Cut(strings.TrimSpace(string(text)), "-")
	return "Linux " + version
}

func bunVersion() string {
	out, err := exec.Command(filepath.Join("..", "interop", "peer", "node_modules", ".bin", "bun"), "--version").Output()
	if err != nil {
		return "?"
	}
	return strings.TrimSpace(string(out))
}

// faults lists the runs in which messages were not as they should be.
func faults(all []record) string {
	var b strings.Builder
	for _, r := range all {
		if f := r.Result.Faults; !r.Result.OK {
			fmt.Fprintf(&b, "- %s, %s, round %d, %s: %d missing, %d twice, %d out of order, %d altered; %s\n", r.Scenario, r.Measurement, r.Round+1, r.Server,
				f.Missing, f.Duplicate, f.OutOfOrder, f.Altered, f.First)
		}
	}
	if b.Len() == 0 {
		return fmt.Sprintf("In all %d runs every message arrived once, in order, as it was published.\n", len(all))
	}
	return fmt.Sprintf("Of %d runs, these were not without faults:\n\n%s", len(all), b.String())
}
