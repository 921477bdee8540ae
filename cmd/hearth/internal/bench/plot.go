package bench

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// plotWidth is the longest bar, in characters.
const plotWidth = 48

// plot draws the distribution of latencies: a bar for each step of half a
// power of 2, from the first that has any to the last.
func plot(h *hdrhistogram.Histogram) string {
	counts := map[int]int64{}
	first, last, most := math.MaxInt, math.MinInt, int64(0)
	for _, bar := range h.Distribution() {
		if bar.Count == 0 {
			continue
		}
		step := stepOf(bar.From)
		counts[step] += bar.Count
		first, last = min(first, step), max(last, step)
		most = max(most, counts[step])
	}
	var b strings.Builder
	for step := first; step <= last; step++ {
		share := float64(counts[step]) / float64(h.TotalCount())
		fmt.Fprintf(&b, "  ≥ %8s ms  %6.2f %%  %s\n",
			number(math.Exp2(float64(step)/2)/float64(time.Millisecond)), 100*share, bar(counts[step], most))
	}
	return b.String()
}

func stepOf(ns int64) int { return int(math.Floor(2 * math.Log2(float64(max(ns, 1))))) }

// bar has a mark for whatever is more than nothing.
func bar(n, most int64) string {
	eighths := int(math.Round(8 * plotWidth * float64(n) / float64(most)))
	if n > 0 {
		eighths = max(1, eighths)
	}
	return strings.Repeat("█", eighths/8) + []string{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"}[eighths%8]
}
