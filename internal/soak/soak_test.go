package soak

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hearthws/hearth"
)

var (
	duration = flag.Duration("soak.duration", 4*time.Second, "how long, all transports together")
	cycles   = flag.Int64("soak.cycles", 0, "how many clients at least, all transports together")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func transports() []hearth.Transport {
	if runtime.GOOS == "linux" {
		return []hearth.Transport{hearth.TransportLoop, hearth.TransportStream}
	}
	return []hearth.Transport{hearth.TransportStream}
}

// usage is what must be back where it was.
type usage struct {
	heap        int64 // live, bytes
	goroutines  int
	descriptors int
}

func (u usage) String() string {
	return fmt.Sprintf("%d KiB live, %d goroutines, %d descriptors", u.heap>>10, u.goroutines, u.descriptors)
}

func measure() usage {
	debug.FreeOSMemory() // empties pools, too, the second time
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u := usage{heap: int64(m.HeapAlloc), goroutines: runtime.NumGoroutine()}
	if entries, err := os.ReadDir("/proc/self/fd"); err == nil {
		u.descriptors = len(entries)
	}
	return u
}

// maxGrowth is what the live heap may grow, in bytes.
const maxGrowth = 2 << 20

// shortRun is how long a run may be that is part of go test.
const shortRun = 10 * time.Second

// within reports whether u is no more than before.
func (u usage) within(before usage) bool {
	return u.goroutines <= before.goroutines && u.descriptors <= before.descriptors && u.heap <= before.heap+maxGrowth
}

// Every state, every way of dying, stuck and slow readers beside: afterwards
// nothing is left.
func TestSoak(t *testing.T) {
	all := transports()
	for _, transport := range all {
		t.Run(string(transport), func(t *testing.T) {
			s := open(t, transport)
			s.churn(t, 500*time.Millisecond, 0) // pools fill, maps grow
			s.empty(t)
			if *duration > shortRun {
				time.Sleep(3*authTimeout + time.Second) // also what is known of the gone is forgotten
			}
			before := measure()
			n := s.churn(t, *duration/time.Duration(len(all)), *cycles/int64(len(all)))
			s.empty(t)
			after := measure()
			for end := time.Now().Add(4 * authTimeout); !after.within(before) && time.Now().Before(end); after = measure() {
				time.Sleep(100 * time.Millisecond)
			}
			t.Logf("%d clients; before: %s; after: %s", n, before, after)
			if err := s.ConsistencyCheck(); err != nil {
				t.Error(err)
			}
			if !after.within(before) {
				t.Errorf("something is left of %d clients: before: %s; after: %s", n, before, after)
			}
			for i, l := range s.Stats().Loops {
				if l.Rescued != 0 {
					t.Errorf("loop %d missed %d wake-ups", i, l.Rescued)
				}
			}
		})
	}
}

// churn lets clients come and go for a time, and at least so many, and returns
// how many did.
func (s *site) churn(t *testing.T, d time.Duration, atLeast int64) int64 {
	t.Helper()
	const workers = 32
	var n atomic.Int64
	var running sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	s.residents(ctx, &running)
	began := time.Now()
	var working sync.WaitGroup
	for range workers {
		working.Go(func() {
			all := states()
			for time.Since(began) < d || n.Load() < atLeast {
				if err := s.live(&all[rand.N(len(all))], &deaths[rand.N(len(deaths))]); err != nil {
					t.Errorf("a client: %v", err)
					return
				}
				if k := n.Add(1); k%100_000 == 0 {
					t.Logf("%s: %d clients after %s", s.Identifier(), k, time.Since(began).Round(time.Second))
				}
			}
		})
	}
	working.Wait()
	cancel()
	running.Wait()
	return n.Load()
}

// residents are clients that stay, as long as they are let: some read nothing,
// some slowly. Somebody sends to all of them.
func (s *site) residents(ctx context.Context, running *sync.WaitGroup) {
	stay := func(pause time.Duration) {
		for ctx.Err() == nil {
			conn, err := s.dial()
			if err != nil {
				return
			}
			stop := context.AfterFunc(ctx, func() { conn.Close() })
			for _, p := range [][]byte{request, authenticate("ok"), join()} {
				_, _ = conn.Write(p)
			}
			if pause == 0 {
				select {
				case <-ctx.Done():
				case <-time.After(time.Second):
				}
			}
			buf := make([]byte, 512)
			for err == nil && pause > 0 {
				_, err = conn.Read(buf)
				time.Sleep(pause)
			}
			stop()
			conn.Close()
		}
	}
	for range 4 {
		running.Go(func() { stay(0) })
		running.Go(func() { stay(time.Millisecond) })
	}
	running.Go(func() {
		data := make([]byte, 2000)
		for ctx.Err() == nil {
			_ = s.Broadcast(ctx, "news", data)
			_ = s.ToRoom(ctx, fmt.Sprint("r", rand.N(20)), "news", data)
			_ = s.ToUser(ctx, fmt.Sprint("u", rand.N(50)), "news", data)
			time.Sleep(5 * time.Millisecond)
		}
	})
}
