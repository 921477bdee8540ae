// Compare measures Hearth and other servers side by side and writes RESULTS.md:
//
//	go run ./compare
//
// One processor has the server, another the load, which is `hearth bench`. In
// each round every server has its turn; medians of all rounds are quoted. Results
// are kept in a file, so that a run can be stopped, and goes on where it was.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

func main() {
	rounds := flag.Int("rounds", 5, "how often each server has its turn")
	only := flag.String("only", "", "scenarios, a,b; empty: all")
	among := flag.String("servers", "", "servers, a,b; empty: all")
	file := flag.String("results", ".cache/results.jsonl", "file of results, which are not measured again")
	budget := flag.Duration("budget", 0, "end after this time, with exit code 3 if there is more to do; 0: when all is done")
	out := flag.String("out", "RESULTS.md", "file to write")
	render := flag.Bool("render", false, "only write, do not measure")
	flag.Parse()
	err := run(*rounds, *only, *among, *file, *out, *budget, *render)
	switch {
	case errors.Is(err, errMore):
		os.Exit(3)
	case err != nil:
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

var errMore = errors.New("there is more to do")

func run(rounds int, only, among, file, out string, budget time.Duration, render bool) error {
	if !render {
		if err := measure(rounds, only, among, file, budget); err != nil {
			return err
		}
	}
	records, err := readRecords(file)
	if err != nil {
		return err
	}
	return write(out, records)
}

func measure(rounds int, only, among, file string, budget time.Duration) error {
	if runtime.NumCPU() < 2 {
		return errors.New("needs two processors: one for the server, one for the load")
	}
	b, err := build()
	if err != nil {
		return err
	}
	known, err := readRecords(file)
	if err != nil {
		return err
	}
	redis, stopRedis, err := startRedis(b.dir)
	if err != nil {
		return err
	}
	defer stopRedis()
	start := time.Now()
	for _, s := range steps(rounds, only, among) {
		if has(known, s) {
			continue
		}
		if budget > 0 && time.Since(start) > budget {
			return errMore
		}
		fmt.Fprintf(os.Stderr, "%s  round %d  %s\n", s.scenario.name, s.Round+1, s.server.name)
		records, err := s.run(b, redis)
		if err != nil {
			return err
		}
		if err := appendRecords(file, records); err != nil {
			return err
		}
	}
	return nil
}

func has(known []record, s step) bool {
	for _, r := range known {
		if r.Scenario == s.scenario.name && r.Server == s.server.name && r.Round == s.Round {
			return true
		}
	}
	return false
}

// built is everything that is started.
type built struct {
	dir                                      string // of the programs
	hearth, lab, peer, bun, original, rawBun string
	commit                                   string
}

// build compiles what is compared. Bun and the original come from the folder
// of the interop tests, whose package lock says which.
func build() (*built, error) {
	bench, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	root := filepath.Dir(bench)
	if _, err := os.Stat(filepath.Join(root, "internal", "lab")); err != nil {
		return nil, errors.New("run it in the folder bench")
	}
	original := filepath.Join(root, "interop", "peer")
	b := &built{
		dir:      filepath.Join(bench, ".cache"),
		bun:      filepath.Join(original, "node_modules", ".bin", "bun"),
		original: filepath.Join(original, "server.ts"),
		rawBun:   filepath.Join(bench, "peer", "bun.ts"),
	}
	b.hearth, b.lab, b.peer = filepath.Join(b.dir, "hearth"), filepath.Join(b.dir, "lab"), filepath.Join(b.dir, "peer")
	for _, c := range []struct {
		dir  string
		args []string
	}{
		{root, []string{"go", "build", "-buildvcs=false", "-o", b.hearth, "./cmd/hearth"}},
		{root, []string{"go", "build", "-buildvcs=false", "-o", b.lab, "./internal/lab"}},
		{bench, []string{"go", "build", "-buildvcs=false", "-o", b.peer, "./peer"}},
		{root, []string{"make", "--no-print-directory", "interop-deps"}},
	} {
		cmd := exec.Command(c.args[0], c.args[1:]...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = c.dir, os.Stderr, os.Stderr
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("%s: %w", strings.Join(c.args, " "), err)
		}
	}
	// The last commit that has changed the library or the lab server.
	git := exec.Command("git", "log", "-1", "--format=%h", "--", "*.go", ":!bench", ":!cmd", ":!*_test.go")
	git.Dir = root
	commit, err := git.Output()
	b.commit = strings.TrimSpace(string(commit))
	return b, err
}

// dialect is the argument for hearth bench.
func (b *built) dialect(name string) string {
	if strings.HasSuffix(name, ".json") {
		return filepath.Join(filepath.Dir(b.rawBun), name)
	}
	return name
}
