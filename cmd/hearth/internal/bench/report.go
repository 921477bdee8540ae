package bench

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// Write writes the result for people.
func (r *Result) Write(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", r.title())
	table := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	for _, row := range r.rows() {
		fmt.Fprintf(table, "  %s\t%s\n", row[0], row[1])
	}
	_ = table.Flush() // to a strings.Builder
	if r.Latency != nil {
		fmt.Fprintf(&b, "\n%s", r.latencyTable())
		fmt.Fprintf(&b, "\n%s", plot(r.hist))
	}
	fmt.Fprintf(&b, "\n%s\n", r.verdict())
	_, err := io.WriteString(out, b.String())
	return err
}

func (r *Result) title() string {
	loop := ""
	switch {
	case r.Rate > 0 && r.Scenario == Connect:
		loop = fmt.Sprintf(", %s a second", number(r.Rate))
	case r.Rate > 0:
		loop = fmt.Sprintf(", open loop of %s a second", number(r.Rate))
	case r.Window > 0:
		loop = fmt.Sprintf(", closed loop with %d in flight", r.Window)
	}
	rooms := ""
	if r.Rooms > 0 {
		rooms = fmt.Sprintf(" in %d rooms", r.Rooms)
	}
	size := ""
	if r.Size > 0 {
		size = fmt.Sprintf(", %d bytes of data", r.Size)
	}
	return fmt.Sprintf("%s: %d clients%s%s%s (%s)", r.Scenario, r.Clients, rooms, loop, size, strings.Join(r.URLs, ", "))
}

// rows are names and values.
func (r *Result) rows() (rows [][2]string) {
	add := func(name, format string, args ...any) {
		rows = append(rows, [2]string{name, fmt.Sprintf(format, args...)})
	}
	if c := r.Connections; c != nil {
		add("connected", "%d of %d in %.2f s, %s a second", c.Opened, c.Asked, c.Seconds, count(c.PerSecond))
		if c.ServerMicros != nil && r.Scenario == Connect {
			add("server", "%.0f µs of processor time and %.1f KiB for a client, %.2f cores", *c.ServerMicros, *c.ServerKiB, *c.ServerCores)
		}
		if r.Scenario == Connect {
			add("load", "%.2f cores", c.LoadCores)
		}
	}
	if c := r.Churn; c != nil {
		add("replaced", "%d clients, %s a second", c.Lives, count(c.PerSecond))
	}
	if r.Compressed {
		add("compressed", "yes")
	}
	if r.Encrypted {
		add("encrypted", "yes")
	}
	m := r.Measured
	if m == nil {
		return rows
	}
	if r.Published > 0 {
		add("published", "%d messages in all, for %d receivers", r.Published, r.Receivers)
	}
	if m.Deliveries > 0 {
		add("delivered", "%d in %.2f s, %s a second", m.Deliveries, m.Seconds, count(m.PerSecond))
	}
	if m.ServerCores != nil {
		text := fmt.Sprintf("%.2f cores", *m.ServerCores)
		if m.ServerMicros != nil && r.Scenario != Churn {
			text += fmt.Sprintf(", %.3f µs of processor time for a delivery", *m.ServerMicros)
		}
		if r.Scenario == Idle {
			text = fmt.Sprintf("%.2f %% of a core", 100**m.ServerCores)
		}
		add("server", "%s", text)
		add("its memory", "%.1f MiB", *m.ServerMemoryKiB/1024)
	}
	if r.Idle != nil && r.Idle.ServerKiB != nil {
		add("for a client", "%.2f KiB", *r.Idle.ServerKiB)
	}
	add("load", "%.2f cores of %d", m.LoadCores, r.Workers)
	return rows
}

func (r *Result) latencyTable() string {
	l := r.Latency
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "  latency\tmin\tmean\tp50\tp90\tp99\tp99.9\tmax\t\n  ms")
	for _, v := range []float64{l.Min, l.Mean, l.P50, l.P90, l.P99, l.P999, l.Max} {
		fmt.Fprintf(table, "\t%s", number(v))
	}
	fmt.Fprint(table, "\t\n")
	_ = table.Flush() // to a strings.Builder
	return b.String()
}

// verdict says what was wrong, and whether the load was the bottleneck.
func (r *Result) verdict() string {
	f := r.Faults
	var parts []string
	for _, part := range []struct {
		n    int64
		what string
	}{
		{f.Unpublished, "messages not published in time"},
		{f.Missing, "messages missing"},
		{f.Duplicate, "received twice"},
		{f.OutOfOrder, "out of order"},
		{f.Altered, "altered"},
		{f.Stray, "received by the wrong client"},
		{f.Refused, "error messages"},
		{f.NotOpened, "connections not made"},
		{f.Lost, "connections lost"},
	} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	text := "ok: nothing missing, nothing twice, everything in order"
	if len(parts) > 0 {
		text = "FAILED: " + strings.Join(parts, ", ")
		if f.First != "" {
			text += "\n" + f.First
		}
	}
	if r.OK && r.Latency == nil && r.Published > 0 && r.Receivers > 0 {
		text += "\nNothing was measured: the warm-up has taken all messages."
	}
	if m := r.Measured; m != nil && m.LoadCores > 0.9*float64(r.Workers) {
		text += "\nThe load generator was busy all the time: latency and throughput may be its own."
	}
	return text
}

// number has three digits.
func number(v float64) string {
	if v == 0 {
		return "0"
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	return strconv.FormatFloat(v, 'f', max(0, digits), 64)
}

// count has three digits, and a unit.
func count(v float64) string {
	switch {
	case v >= 1e6:
		return number(v/1e6) + " M"
	case v >= 1e4:
		return number(v/1e3) + " k"
	}
	return number(v)
}

// short is a duration without what nobody reads.
func short(d time.Duration) string {
	if d >= time.Second {
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}
