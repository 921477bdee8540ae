package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// measurement is one call of hearth bench.
type measurement struct {
	name string // key of its result
	args []string
}

// scenario is what is measured at one start of a server.
type scenario struct {
	name     string
	of       []string // servers
	nodes    int
	unpinned bool
	all      []measurement
}

const duration = "2s"

// fanout is a closed loop.
func fanout(room, window int, size ...string) measurement {
	return measurement{fmt.Sprintf("w%d", window), append([]string{
		"fanout", "--clients", fmt.Sprint(room), "--window", fmt.Sprint(window), "--size", dataSize, "--duration", duration,
	}, size...)}
}

// dataSize is that of a body of 128 bytes with a time beside it.
const dataSize = "162"

var (
	everybody = []string{"hearth", "bun", "original", "gws", "gorilla", "coder", "centrifuge"}
	echoing   = []string{"hearth", "bun", "original", "gws", "gorilla", "coder"}
)

var scenarios = []scenario{
	{name: "room", of: everybody, nodes: 1, all: []measurement{
		fanout(1000, 1), fanout(1000, 4), fanout(1000, 64),
		{"20/s", []string{"fanout", "--clients", "1000", "--rate", "20", "--size", dataSize, "--duration", "5s"}},
	}},
	{name: "echo", of: echoing, nodes: 1, all: []measurement{
		{"echo", []string{"echo", "--clients", "100", "--window", "1", "--size", dataSize, "--duration", duration}},
	}},
	{name: "idle", of: everybody, nodes: 1, all: []measurement{
		{"idle", []string{"idle", "--clients", "9000", "--duration", "5s"}},
	}},
	{name: "unpinned", of: []string{"hearth", "bun", "original"}, nodes: 1, unpinned: true, all: []measurement{
		fanout(2000, 1), fanout(2000, 4), fanout(2000, 64),
	}},
	{name: "sealed", of: []string{"hearth-sealed", "original-sealed"}, nodes: 1, all: []measurement{
		fanout(1000, 1, "--encrypt"), fanout(1000, 4, "--encrypt"),
	}},
	{name: "cluster", of: []string{"hearth", "original"}, nodes: 2, all: []measurement{
		across(1, 1), across(1, 64), across(100, 64), across(1000, 1), across(1000, 64),
	}},
}

func across(members, window int) measurement {
	return measurement{fmt.Sprintf("%d w%d", members, window), []string{
		"cluster", "--clients", fmt.Sprint(members), "--window", fmt.Sprint(window), "--size", dataSize, "--duration", duration,
	}}
}

// step is one scenario with one server in one round.
type step struct {
	Round    int
	scenario *scenario
	server   *server
}

// steps are interleaved: a round has every server once.
func steps(rounds int, only, among string) (all []step) {
	for i := range scenarios {
		sc := &scenarios[i]
		if !listed(only, sc.name) {
			continue
		}
		for round := range rounds {
			for k := range sc.of { // each round begins with another one
				if name := sc.of[(k+round)%len(sc.of)]; listed(among, name) {
					all = append(all, step{round, sc, find(name)})
				}
			}
		}
	}
	return all
}

// listed reports whether a name is in a,b; empty has all.
func listed(names, name string) bool {
	return names == "" || slices.Contains(strings.Split(names, ","), name)
}

func find(name string) *server {
	for i := range servers {
		if servers[i].name == name {
			return &servers[i]
		}
	}
	panic("no server " + name)
}

// run measures a step.
func (s step) run(b *built, redis string) ([]record, error) {
	serverCPU, loadCPU := "0", "1"
	if s.scenario.unpinned {
		serverCPU, loadCPU = "", ""
	}
	n, err := s.server.start(b, redis, s.scenario.nodes, serverCPU)
	if err != nil {
		return nil, err
	}
	defer n.stop()
	var all []record
	for _, m := range s.scenario.all {
		args := append([]string{b.hearth, "bench"}, m.args...)
		args = append(args, n.urls...)
		args = append(args, "--dialect", b.dialect(s.server.dialect), "--pid", strings.Join(n.pids, ","), "--json")
		out, err := pinned(loadCPU, args).Output()
		if err != nil {
			var exit *exec.ExitError
			if e, ok := err.(*exec.ExitError); ok { //nolint:errorlint // Output returns it as it is
				exit = e
			}
			if exit == nil || len(out) == 0 {
				return nil, fmt.Errorf("%s, %s, %s: %w: %s", s.scenario.name, m.name, s.server.name, err, stderr(exit))
			}
		}
		r := record{Scenario: s.scenario.name, Measurement: m.name, Server: s.server.name, Round: s.Round, Commit: b.commit}
		if err := json.Unmarshal(out, &r.Result); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

func stderr(e *exec.ExitError) string {
	if e == nil {
		return ""
	}
	return string(e.Stderr)
}
