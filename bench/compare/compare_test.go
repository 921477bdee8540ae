package main

import (
	"encoding/xml"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// some are two rounds of two servers.
func some() (all []record) {
	for round, us := range []float64{3, 1, 2} {
		for name, factor := range map[string]float64{"hearth": 1, "bun": 2} {
			for _, m := range []string{"w1", "w4", "w64"} {
				r := record{Scenario: "room", Measurement: m, Server: name, Round: round, Commit: "abc"}
				r.Result.Measured.ServerMicros = us * factor
				r.Result.OK = true
				all = append(all, r)
			}
		}
	}
	return all
}

func TestRecords(t *testing.T) {
	file := filepath.Join(t.TempDir(), "results")
	for _, r := range some() {
		if err := appendRecords(file, []record{r}); err != nil {
			t.Fatal(err)
		}
	}
	all, err := readRecords(file)
	if err != nil || len(all) != 18 {
		t.Fatal(len(all), err)
	}
	if m, n := median(all, "room", "w4", "bun", cpu); m != 4 || n != 3 {
		t.Errorf("the median of %d is %v", n, m)
	}
	if m, n := median(all[:12], "room", "w4", "hearth", cpu); m != 2 || n != 2 {
		t.Errorf("the median of %d is %v", n, m)
	}
	if _, n := median(all, "echo", "echo", "hearth", cpu); n != 0 {
		t.Errorf("%d echoes", n)
	}
	if none, err := readRecords(file + "x"); none != nil || err != nil {
		t.Error(none, err)
	}
}

func TestReport(t *testing.T) {
	all := some()
	text := report(all)
	for _, want := range []string{
		"| Hearth (lab server) | 2.00 | 2.00 | 2.000 |",
		"| raw Bun `publish` | 4.00 | 4.00 | 4.000 |",
		"Hearth at abc.", "In all 18 runs every message arrived",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report has no %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "Echo") || strings.Contains(text, "gws") {
		t.Errorf("the report has what was not measured:\n%s", text)
	}
	all[3].Result.OK, all[3].Result.Faults.Missing = false, 7
	if text := report(all); !strings.Contains(text, ": 7 missing, ") {
		t.Errorf("the report is silent about faults:\n%s", text)
	}
}

func TestReplaced(t *testing.T) {
	first := replaced("# Title\n\n", "one\n")
	if second := replaced(first+"\nafter\n", "two\n"); second != "# Title\n\n"+begin+"two\n"+end+"\nafter\n" {
		t.Errorf("the text is %q", second)
	}
}

func TestPlot(t *testing.T) {
	text := plot(some())
	if strings.Count(text, "<rect") != 7 {
		t.Error("there are not six bars")
	}
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// Every server has its turn in every round, and not always in the same place.
func TestSteps(t *testing.T) {
	all := steps(2, "echo", "")
	if len(all) != 2*len(echoing) || all[0].server.name != "hearth" || all[len(echoing)].server.name != "bun" {
		t.Errorf("%d steps", len(all))
	}
	if n := len(steps(3, "room,echo", "hearth,gws")); n != 12 {
		t.Errorf("%d steps of two servers", n)
	}
	if n := len(steps(1, "", "")); n != 7+6+7+3+2+2 {
		t.Errorf("%d steps in all", n)
	}
	if all := steps(1, "room", ""); !has([]record{{Scenario: "room", Server: "gws"}}, all[3]) || has(nil, all[3]) {
		t.Error("what was measured is not told from what was not")
	}
}
