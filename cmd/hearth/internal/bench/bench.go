// Package bench is what `hearth bench` runs: clients by the thousand, which
// measure a server and check everything that it sends them.
//
// A run has workers, each of which owns connections: on Linux it polls them, so
// that a connection costs no goroutine and a delivery little more than its read.
// Elsewhere, and for TLS, each connection has a goroutine that reads. What a
// connection does with its bytes is the same.
package bench

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"strings"
	"time"
)

// The scenarios.
const (
	Connect = "connect" // clients connect, authenticate, and go
	Idle    = "idle"    // clients are there
	Echo    = "echo"    // each gets back what it sends
	Fanout  = "fanout"  // one room, everybody in it
	Rooms   = "rooms"   // many rooms, a few in each
	Churn   = "churn"   // a room whose members come and go
	Cluster = "cluster" // published on one server, received on the others
)

// Config says what to measure, and where.
type Config struct {
	Scenario string
	URLs     []string // none: servers of Run's own
	Redis    string   // of servers of Run's own; "": none
	TLS      *tls.Config
	Dialect  *Dialect // nil: found out
	Auth     json.RawMessage
	PIDs     []int // of the servers, whose processor time and memory are read; nil: those of own servers

	Clients     int     // connections that receive
	Publishers  int     // connections that publish
	Rooms       int     // of Rooms
	Room        string  // of all others; "": all clients, in dialects that can
	Rate        float64 // intended operations a second; 0: closed loop
	Window      int     // closed loop: how much may be in flight
	Size        int     // of a message's data in bytes
	Messages    int     // of Fanout, Rooms and Cluster, to publish; 0: until Duration has passed
	Concurrency int     // connections that are being made at once
	Workers     int     // threads; 0: one per processor
	Deflate     bool    // offer compression
	Encrypt     bool    // demand encryption

	Duration  time.Duration // that is measured; 0: until all Messages have arrived
	Warmup    time.Duration // before that
	Patience  time.Duration // without any progress, before a run is given up
	Heartbeat time.Duration // between two signs of life of a client

	Progress io.Writer // what happens, for people
	Live     bool      // Progress is a terminal
}

// ErrFaults is Run's error, beside a complete result, when something was
// missing, came twice or out of order, or a connection failed.
var ErrFaults = errors.New("the run has failed")

// Run measures. The result is nil if there is nothing to report.
func Run(ctx context.Context, cfg Config) (*Result, error) {
	if err := raiseLimit(cfg); err != nil {
		return nil, err
	}
	if len(cfg.URLs) == 0 {
		runtime.LockOSThread() // a child dies with the thread that started it
		defer runtime.UnlockOSThread()
		own, err := startServers(ctx, &cfg)
		if err != nil {
			return nil, err
		}
		defer own.stop()
		(&progress{out: cfg.Progress}).say("started %s", strings.Join(cfg.URLs, ", "))
	}
	r, err := newRun(cfg)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err := r.detect(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // before r.close waits for the heartbeats
	r.goroutines.Go(func() { r.heartbeats(ctx) })
	scenario := map[string]func(context.Context) error{
		Connect: r.arrivals, Idle: r.idle, Echo: r.echo, Churn: r.churn,
		Fanout: r.publishes, Rooms: r.publishes, Cluster: r.publishes,
	}[cfg.Scenario]
	if err := scenario(ctx); err != nil {
		return nil, err
	}
	return r.result, r.finish()
}
