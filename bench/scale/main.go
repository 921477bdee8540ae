// Scale connects very many clients to one server or several, which a Redis
// joins, sends broadcasts to all of them, and prints what that takes:
//
//	go run ./scale -clients 19000 -loads 2
//	go run ./scale -clients 150000 -servers 8 -loads 8
//	go run ./scale -clients 1000000 -servers 8 -loads 20
//
// Load processes are `hearth bench fanout`, and check every message. It looks at
// the limits of the machine first, and says which are too low.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
)

// plan is what was asked for.
type plan struct {
	clients, servers, loads int
	messages                int
	force                   bool
}

func main() {
	var p plan
	flag.IntVar(&p.clients, "clients", 19000, "how many, in all")
	flag.IntVar(&p.servers, "servers", 1, "server processes; more than one are joined by a Redis")
	flag.IntVar(&p.loads, "loads", 2, "load processes; a multiple of servers")
	flag.IntVar(&p.messages, "messages", 10, "broadcasts, one a second")
	flag.BoolVar(&p.force, "force", false, "try although limits are too low")
	flag.Parse()
	if err := p.run(); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

func (p *plan) run() error {
	if p.servers < 1 || p.loads < p.servers || p.loads%p.servers != 0 || p.clients < p.loads {
		return errors.New("-loads must be a multiple of -servers, and -clients more than both")
	}
	if lacks := p.lacks(read()); len(lacks) > 0 {
		for _, lack := range lacks {
			fmt.Fprintln(os.Stderr, "too low:", lack)
		}
		if !p.force {
			return errors.New("the limits of this machine do not allow it; -force tries nevertheless")
		}
	}
	dir, err := build()
	if err != nil {
		return err
	}
	c := &cluster{plan: p, dir: dir}
	defer c.stop()
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		c.stop()
		os.Exit(130)
	}()
	return c.run()
}

// build compiles what is started.
func build() (dir string, err error) {
	bench, err := os.Getwd()
	if err != nil {
		return "", err
	}
	dir = filepath.Join(bench, ".cache")
	for name, from := range map[string]string{"hearth": "./cmd/hearth", "lab": "./internal/lab"} {
		cmd := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(dir, name), from)
		cmd.Dir, cmd.Stderr = filepath.Dir(bench), os.Stderr
		if err := cmd.Run(); err != nil {
			return "", fmt.Errorf("%s: %w; run it in the folder bench", from, err)
		}
	}
	return dir, nil
}

func perProcess(clients, processes int) int { return (clients + processes - 1) / processes }

func itoa(n int) string { return strconv.Itoa(n) }
