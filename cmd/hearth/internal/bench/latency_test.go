package bench

import (
	"sync/atomic"
	"testing"
	"time"
)

// A server that stalls delays everything that was meant to be sent meanwhile,
// and an open loop counts that, though it could not send.
func TestNoCoordinatedOmission(t *testing.T) {
	t.Parallel()
	const stall = 500 * time.Millisecond
	k := 0
	s := &room{tamper: func(n int, m string) []string {
		if k++; k == 4*20 {
			time.Sleep(stall)
		}
		return []string{m}
	}}
	cfg := config(t, s)
	cfg.Rate, cfg.Messages, cfg.Patience = 200, 200, 10*time.Second
	result, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	// Of the 100 messages that were meant for the stall, the first half waited
	// for longer than half of it.
	if late := result.slower(stall / 2); late < 40*cfg.Clients {
		t.Errorf("%d deliveries took more than %v, want 200 or so", late, stall/2)
	}
	if result.Latency.Count != 200*int64(cfg.Clients) {
		t.Errorf("%d latencies", result.Latency.Count)
	}
}

// slower is how many latencies are at least so long.
func (r *Result) slower(d time.Duration) (n int) {
	for _, bar := range r.hist.Distribution() {
		if bar.From >= int64(d) {
			n += int(bar.Count)
		}
	}
	return n
}

// What is on its way when the time is up has waited longest, and counts.
func TestNoOmissionAtTheEnd(t *testing.T) {
	t.Parallel()
	k := 0
	s := &room{tamper: func(n int, m string) []string {
		if k++; k == 4*20 {
			time.Sleep(2 * time.Second)
		}
		return []string{m}
	}}
	cfg := config(t, s)
	cfg.Rate, cfg.Messages, cfg.Patience = 200, 0, 10*time.Second
	cfg.Duration = time.Second
	result, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	// Meant for the first second, of which nine tenths are in the stall.
	if late := result.slower(time.Second); late < 100*cfg.Clients {
		t.Errorf("%d deliveries took more than a second, want 700 or so", late)
	}
}

// Comers who hang when the time is up count as well.
func TestLastComersCount(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	s := &room{
		tamper: func(_ int, m string) []string { return []string{m} },
		arrive: func() {
			if n.Add(1) > 9 { // four clients, a publisher, and the first who came
				time.Sleep(2 * time.Second)
			}
		},
	}
	cfg := config(t, s)
	cfg.Scenario, cfg.Messages, cfg.Patience = Churn, 0, 10*time.Second
	cfg.Duration = time.Second
	result, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if late := result.slower(time.Second); late == 0 {
		t.Errorf("nobody of %d took a second to be admitted, want %d", result.Latency.Count, cfg.Window)
	}
}
