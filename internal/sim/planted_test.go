//go:build !race

package sim

import (
	"strings"
	"testing"
)

// Planted bugs are found, each by the check that is to find it, and then by
// every replay: so silence means something.
func TestPlantedBugs(t *testing.T) {
	for f, sign := range map[fault]string{
		losing:     "missing",
		doubling:   "duplicate",
		swapping:   "disorder",
		misrouting: "foreign",
		accepting:  "missing",
		gapless:    "missing",
		leaking:    "channels",
	} {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			const enough, replays = 200, 20
			for seed := uint64(1); ; seed += 2 { // those that replay exactly
				w, err := play(t, seed, f)
				if err == nil || !strings.Contains(err.Error(), sign) {
					if seed > enough {
						t.Fatalf("not found by the seeds up to %d; the last says: %v", enough, err)
					}
					continue
				}
				t.Logf("found by seed %d", seed)
				found := 0
				for range replays {
					again, err := play(t, seed, f)
					if err != nil && strings.Contains(err.Error(), sign) {
						found++
					}
					if a, b := w.decisions(), again.decisions(); a != b {
						t.Fatalf("a replay of seed %d decides\n%s\nnot\n%s", seed, b, a)
					}
				}
				if found != replays {
					t.Errorf("%d of %d replays of seed %d find it", found, replays, seed)
				}
				return
			}
		})
	}
}

// decisions are what happened, and when, as far as the seed decides it.
func (w *world) decisions() string {
	var kept []string
	for _, line := range w.trace {
		if !strings.Contains(line, "published") && !strings.Contains(line, "was cut") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}
