package main

import (
	"fmt"
	"math"
	"strings"
)

// Sizes of the plot, in pixels.
const (
	barHeight  = 14
	groupSpace = 18
	labelWidth = 230
	barWidth   = 480
)

// plot draws the processor time of a delivery in the room of 1,000, with a
// logarithmic axis, since it spans two orders of magnitude.
func plot(all []record) string {
	type bar struct {
		label string
		value float64
		mine  bool
	}
	var groups [][]bar
	var titles []string
	least, most := math.Inf(1), 0.0
	for _, c := range tables[0].columns[:3] {
		var group []bar
		for _, s := range servers {
			v, n := median(all, c.scenario, c.measurement, s.name, c.value)
			if n == 0 || v <= 0 {
				continue
			}
			least, most = min(least, v), max(most, v)
			group = append(group, bar{strings.ReplaceAll(s.title, "`", ""), v, s.name == "hearth"})
		}
		groups, titles = append(groups, group), append(titles, c.measurement)
	}
	var b strings.Builder
	y := 34
	from := math.Floor(math.Log10(least))
	scale := barWidth / (math.Log10(most) - from)
	for i, group := range groups {
		fmt.Fprintf(&b, `<text x="4" y="%d" font-weight="bold">%s</text>`+"\n", y, titles[i])
		y += 6
		for _, bar := range group {
			color := "#9aa5b1"
			if bar.mine {
				color = "#d9480f"
			}
			width := max(1, scale*(math.Log10(bar.value)-from))
			fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text><rect x="%d" y="%d" width="%.0f" height="%d" fill="%s"/><text x="%.0f" y="%d">%.3g</text>`+"\n",
				labelWidth-6, y+11, bar.label, labelWidth, y+1, width, barHeight-2, color, labelWidth+width+5, y+11, bar.value)
			y += barHeight
		}
		y += groupSpace
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="11">
<rect width="100%%" height="100%%" fill="white"/>
<text x="4" y="14">Processor time of the server for one delivery, µs, logarithmic; less is better</text>
%s</svg>
`, labelWidth+barWidth+60, y, b.String())
}
