package sim

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"
)

var (
	first = flag.Uint64("sim.first", 1, "the first seed")
	seeds = flag.Int("sim.seeds", 25, "how many seeds")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// play is one run in a bubble of its own.
func play(t *testing.T, seed uint64, f fault) (w *world, err error) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		w = newWorld(seed, f)
		err = w.run()
	})
	return w, err
}

// Whatever happens, nothing is lost without a word, delivered twice, out of
// order or to the wrong one; every index agrees; and nothing is left.
func TestSeeds(t *testing.T) {
	const shards = 4
	for shard := range shards {
		t.Run(fmt.Sprint("shard ", shard), func(t *testing.T) {
			t.Parallel()
			for seed := *first + uint64(shard); seed < *first+uint64(*seeds); seed += shards {
				t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
					w, err := play(t, seed, faultless)
					if err != nil {
						t.Errorf("%v\n%+v\nreplay: go test ./internal/sim -run TestSeeds -sim.first=%d -sim.seeds=1 -v", err, w.set, seed)
					}
					if err != nil || testing.Verbose() && *seeds == 1 {
						t.Logf("what happened:\n%s", strings.Join(w.trace, "\n"))
					}
				})
			}
		})
	}
}
