//go:build (amd64 || arm64) && !race

// The race detector's builds make no raw system calls, which are what could
// keep the garbage collector waiting.

package transport

import (
	"math"
	"net"
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"testing"

	"github.com/hearthws/hearth/internal/frame"
)

// Stopping the world does not wait for a fan-out to end. With sendto inlined
// into the loop over the receivers (no go:noinline, nosplit) a pause lasted as
// long as a slice, and for a room of 10,000 without slices 50 ms.
//
// What is asserted is the median: on a busy machine the operating system, too,
// keeps a thread from stopping. The 99th percentile is logged.
func TestPausesDuringFanOut(t *testing.T) {
	const members, most = 10_000, 2e-3 // seconds
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

	before := stopping()
	f := FrameOf(frame.Text, false, make([]byte, 128))
	const collections = 40
	for range collections {
		target := written.Load() + members/2
		for range 2 {
			c.loop.Post(ToGroup(c.group, f, nil))
		}
		for written.Load() < target { // it is at work
			runtime.Gosched()
		}
		runtime.GC() // stops the world more than once
	}
	c.settle(t)
	p50, p99 := quantiles(before, stopping())
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
