//go:build (amd64 || arm64) && !race

// The race detector's builds make no raw system calls, which are what could
// keep the garbage collector waiting.

package transport

import (
	"context"
	"flag"
	"log/slog"
	"math"
	"net"
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hearthws/hearth/internal/frame"
)

var quiet = flag.Bool("transport.quiet", false, "nothing else is at work on this machine")

// Stopping the world does not wait for a fan-out to end. With sendto inlined
// into the loop over the receivers (no go:noinline, nosplit) a pause lasted as
// long as a slice, and for a room of 10,000 without slices 50 ms.
//
// What is asserted is the median: on a busy machine the operating system, too,
// keeps a thread from stopping. The 99th percentile is logged, and asserted by
// make pauses.
func TestPausesDuringFanOut(t *testing.T) {
	const members = 10_000
	sink, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	out, err := net.DialUDP("udp", nil, sink.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	file, err := out.File() // one socket for all, that never says EAGAIN
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	fd := int(file.Fd())
	var written atomic.Int64
	c := gather(t, members, plenty, func(p []byte) (int, error) {
		written.Add(1)
		_, _ = sendto(fd, p)
		return len(p), nil
	})

	c.collect(t, members, func() {
		for target := written.Load() + members/2; written.Load() < target; {
			runtime.Gosched()
		}
	})
}

// The same with real sockets, to which many writes are one system call.
func TestPausesDuringFanOutByRing(t *testing.T) {
	const members = 2500
	e := New(Config{
		Loops: 1, Frame: frame.Config{MaxMessage: 1 << 20}, BackpressureLimit: 1 << 20, MaxQueuedBytes: plenty,
		IdleTimeout: time.Hour, Logger: slog.New(slog.DiscardHandler),
	})
	c := &crowd{Engine: e, loop: e.loops[0], group: NewGroup(e.loops[0])}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = e.Shutdown(ctx)
	})
	for range members {
		m := &member{drops: &c.drops}
		m.Init(c.loop, m)
		near, _ := plainPair(t)
		if err := e.Serve(&m.Conn, Link{Conn: near}); err != nil {
			t.Fatal(err)
		}
		c.loop.Post(Join(&m.Conn, c.group))
	}
	c.settle(t)
	c.collect(t, members, func() { // it has queued everything, and goes on to write
		queued := make(chan struct{})
		c.loop.Post(Call(func() { close(queued) }))
		<-queued
	})
}

// collect collects garbage again and again while a fan-out is under way.
func (c *crowd) collect(t *testing.T, members int, atWork func()) {
	t.Helper()
	const most, collections = 2e-3, 40 // seconds, times
	before := stopping()
	f := FrameOf(frame.Text, false, make([]byte, 128))
	for range collections {
		for range 2 {
			c.loop.Post(ToGroup(c.group, f, nil))
		}
		atWork()
		runtime.GC() // stops the world more than once
	}
	c.settle(t)
	p50, p99 := quantiles(before, stopping())
	if *quiet && p99 > most {
		t.Errorf("in one of a hundred times it took longer than %.3g ms to stop the world, want at most %.3g ms", p99*1e3, most*1e3)
	}
	if p50 > most {
		t.Errorf("half of the times it took longer than %.3g ms to stop the world, want at most %.3g ms", p50*1e3, most*1e3)
	}
	t.Logf("stopping the world during a fan-out to %d: median %.3g ms, p99 %.3g ms, in %d collections", members, p50*1e3, p99*1e3, collections)
}

const stoppingMetric = "/sched/pauses/stopping/gc:seconds"

func stopping() *metrics.Float64Histogram {
	s := []metrics.Sample{{Name: stoppingMetric}}
	metrics.Read(s)
	h := s[0].Value.Float64Histogram()
	return &metrics.Float64Histogram{Counts: append([]uint64(nil), h.Counts...), Buckets: h.Buckets}
}

// quantiles are those of what has come between two histograms, upper bounds.
func quantiles(before, after *metrics.Float64Histogram) (p50, p99 float64) {
	var total, sum uint64
	for i := range after.Counts {
		total += after.Counts[i] - before.Counts[i]
	}
	p50, p99 = math.NaN(), math.NaN()
	for i := range after.Counts {
		sum += after.Counts[i] - before.Counts[i]
		bound := after.Buckets[i+1]
		if math.IsNaN(p50) && sum*2 >= total {
			p50 = bound
		}
		if math.IsNaN(p99) && sum*100 >= total*99 {
			p99 = bound
		}
	}
	return p50, p99
}
