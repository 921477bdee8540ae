package serve

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// spreading is a call of spread with clients that are numbers.
type spreading struct {
	start time.Time
	acted []time.Duration  // when, after start
	gone  func(i int) bool // nil: none
}

func (s *spreading) spread(ctx context.Context, over time.Duration, n int) {
	s.start = time.Now()
	items := make([]int, n)
	for i := range items {
		items[i] = i
	}
	spread(ctx, over, items,
		func(i int) bool { return s.gone != nil && s.gone(i) },
		func(int) { s.acted = append(s.acted, time.Since(s.start).Round(pace)) })
}

func TestSpread(t *testing.T) {
	seconds := func(s ...int) (all []time.Duration) {
		for _, n := range s {
			all = append(all, time.Duration(n)*time.Second)
		}
		return all
	}
	for _, test := range []struct {
		name string
		over time.Duration
		n    int
		want []time.Duration
	}{
		{"nobody", time.Hour, 0, nil},
		{"one", time.Hour, 1, seconds(0)},
		{"few", 10 * time.Second, 5, seconds(0, 2, 4, 6, 8)},
		{"at once", 0, 3, seconds(0, 0, 0)},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s spreading
				s.spread(t.Context(), test.over, test.n)
				if diff := cmp.Diff(test.want, s.acted); diff != "" {
					t.Errorf("times (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// Many are as even as few, and the last is in time.
func TestSpreadMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, over = 100_000, 10 * time.Second
		var s spreading
		s.spread(t.Context(), over, n)
		if len(s.acted) != n {
			t.Fatalf("acted on %d of %d", len(s.acted), n)
		}
		var bySecond [10]int
		for _, at := range s.acted {
			bySecond[min(int(at/time.Second), 9)]++
		}
		for second, got := range bySecond {
			if got < n/10-n/100 || got > n/10+n/100 {
				t.Errorf("%d of %d in second %d", got, n, second)
			}
		}
		if last := s.acted[n-1]; last > over {
			t.Errorf("the last after %s", last)
		}
	})
}

// Those that are left get the time of those that have gone by themselves.
func TestSpreadGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s spreading
		s.gone = func(i int) bool { return i < 9 && time.Since(s.start) > time.Minute }
		s.spread(t.Context(), time.Hour, 10)
		if len(s.acted) != 2 || s.acted[1] > time.Hour {
			t.Errorf("acted at %v", s.acted)
		}
		if took := time.Since(s.start); took > 30*time.Minute {
			t.Errorf("took %s for one that was left", took)
		}
	})
}

func TestSpreadCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		var s spreading
		s.spread(ctx, 10*time.Second, 10)
		if took := time.Since(s.start); took != 5*time.Second || len(s.acted) < 5 || len(s.acted) > 6 {
			t.Errorf("ended after %s with %d of 10", took, len(s.acted))
		}
	})
}
