//go:build linux

package chaos_test

import (
	"flag"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/hearthws/hearth/internal/chaos"
	"github.com/hearthws/hearth/internal/transcript/servers"
)

var (
	rounds = flag.Int("chaos.rounds", 1, "how often each scenario runs")
	long   = flag.Bool("chaos.long", false, "faults last as long, and crowds are as large, as docs/reliability.md says")
	seed   = flag.Uint64("chaos.seed", 0, "of the first round; 0: another one each time")
)

func TestMain(m *testing.M) {
	flag.Parse()
	// Scenarios wait most of the time.
	_ = flag.Set("test.parallel", strconv.Itoa(4*runtime.GOMAXPROCS(0)))
	os.Exit(servers.Main(m))
}

// each runs a scenario as often as wanted, beside others.
func each(t *testing.T, run func(t *testing.T, seed uint64)) {
	t.Helper()
	t.Parallel()
	first := *seed
	if first == 0 {
		first = rand.Uint64()
	}
	for round := range *rounds {
		if s := first + uint64(round); *rounds == 1 {
			run(t, s)
		} else {
			t.Run(strconv.FormatUint(s, 10), func(t *testing.T) { run(t, s) })
		}
	}
}

// lasting is a duration of the short version, or of the long one.
func lasting(short, full time.Duration) time.Duration {
	if *long {
		return full
	}
	return short
}

// crowd is a number of the short version, or of the long one.
func crowd(short, full int) int {
	if *long {
		return full
	}
	return short
}

// nobodyLeaves demands at the end of a scenario that all connections are those of
// its beginning: what is wrong between servers is no client's affair.
func nobodyLeaves(t *testing.T, w *chaos.World) (check func()) {
	t.Helper()
	w.Recover() // all are there, publishers too
	before := w.Lives()
	return func() {
		t.Helper()
		if n := w.Lives() - before; n != 0 {
			t.Errorf("seed %d: clients had to connect again, %d times", w.Seed, n)
		}
	}
}

// world is a cluster on a Redis of its own, as most scenarios need it.
func world(t *testing.T, seed uint64, redis string, change func(*chaos.Options)) *chaos.World {
	t.Helper()
	opts := chaos.Options{Redis: redis}
	if change != nil {
		change(&opts)
	}
	return chaos.NewWorld(t, seed, opts)
}
