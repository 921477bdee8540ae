package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// run is one measurement.
type run struct {
	// Static before connections are made.
	cfg           Config
	dialect       *Dialect
	bodies        bodies
	targets       map[string]target
	workers       []*worker
	progress      *progress
	timesConnects bool // latencies are those of connecting, not of deliveries
	roomName      func(room int) string

	// Set while nothing is delivered yet.
	publishing *publishing
	onDelivery func(c *conn) // with the worker's lock

	dialed, opened, joined atomic.Int64
	bad                    atomic.Int64 // connections that failed
	compressed             atomic.Bool
	ending                 atomic.Bool // connections may end
	ended                  atomic.Bool // pollers stop
	goroutines             sync.WaitGroup
	answers                chan []byte // messages that are no deliveries, if there is room
	beats                  chan beat   // in the order in which they are due; has room for all connections

	result *Result
}

func newRun(cfg Config) (*run, error) {
	if cfg.Auth == nil {
		cfg.Auth = json.RawMessage(defaultAuth)
	}
	r := &run{
		cfg: cfg, dialect: cfg.Dialect, bodies: newBodies(cfg.Size), targets: map[string]target{},
		progress:      &progress{out: cfg.Progress, live: cfg.Live},
		timesConnects: cfg.Scenario == Connect || cfg.Scenario == Churn,
		roomName:      func(int) string { return "" }, answers: make(chan []byte, 1),
		beats:  make(chan beat, cfg.Clients+cfg.Publishers),
		result: newResult(&cfg),
	}
	for _, url := range cfg.URLs {
		t, err := newTarget(url, cfg.Deflate)
		if err != nil {
			return nil, err
		}
		r.targets[url] = t
	}
	for range workers(cfg.Workers) {
		w, err := newWorker(r)
		if err != nil {
			r.close()
			return nil, advice(err)
		}
		if cfg.Warmup == 0 && !r.timesConnects { // nothing is left out then
			w.until = never
		}
		r.workers = append(r.workers, w)
	}
	return r, nil
}

// close ends everything that the run has started.
func (r *run) close() {
	r.ending.Store(true)
	r.progress.done()
	for _, w := range r.workers {
		w.closeAll()
	}
	r.ended.Store(true)
	r.goroutines.Wait()
}

func (r *run) delivered() int64 {
	var n int64
	for _, w := range r.workers {
		n += w.total.Load()
	}
	return n
}

// advance lets publishers go on; the caller holds a worker's lock.
func (r *run) advance() {
	if r.publishing != nil {
		r.publishing.advance()
	}
}

// notOpened counts a connection that could not be made.
func (r *run) notOpened(c *conn, err error) {
	w := r.workers[c.number%len(r.workers)]
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults.NotOpened++
	w.faults.say("cannot connect: " + err.Error())
}

// detect finds out which dialect the server speaks: one of them has an echo.
func (r *run) detect(ctx context.Context) error {
	if r.dialect != nil {
		return nil
	}
	dialects := Dialects()
	r.dialect = dialects[0]
	c := &conn{number: 0, room: noRoom, url: r.cfg.URLs[0]}
	if err := r.open(ctx, c, now()); err != nil {
		return fmt.Errorf("%s: %w", c.url, err)
	}
	defer c.w.drop(c)
	c.say(`{"event":"echo","data":"bench"}`)
	var answer []byte
	select {
	case answer = <-r.answers:
	case <-time.After(r.cfg.Patience):
	case <-ctx.Done():
		return ctx.Err()
	}
	var m struct{ Event, Data any }
	_ = json.Unmarshal(answer, &m)
	switch {
	case m.Event == "echo" && m.Data == "bench":
		r.dialect = dialects[1]
	case m.Event == "error":
	default:
		return errors.New("the server does not tell how to publish on it: say so by --dialect")
	}
	return nil
}

// noRoom is the room of a connection that joins none.
const noRoom = -1

// answered takes a message that is no delivery; the caller holds the worker's
// lock.
func (r *run) answered(payload []byte) {
	select {
	case r.answers <- append([]byte(nil), payload...):
	default:
	}
}

// refused takes an error message; the caller holds the worker's lock.
func (r *run) refused(c *conn, payload []byte) {
	if r.result.Dialect == "" { // detect's question
		r.answered(payload)
		return
	}
	c.w.faults.Refused++
	c.w.faults.say("the server says: " + shortened(payload))
}

// connect makes the clients' connections and reports how that went.
func (r *run) connect(ctx context.Context, conns []*conn, at func(i int) int64) ([]*conn, error) {
	r.result.Dialect = r.dialect.Name
	before, start := r.usage(), now()
	r.opened.Store(0)
	stop := r.progress.every(func() string { return fmt.Sprintf("connecting %d of %d", r.opened.Load(), len(conns)) })
	open := r.openAll(ctx, conns, at)
	stop()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if len(open) == 0 && len(conns) > 0 {
		return nil, errors.New(r.faults().First)
	}
	r.result.connections(len(conns), len(open), now()-start, before, r.usage())
	r.progress.say("connected %d clients in %s", len(open), short(time.Duration(now()-start)))
	return open, nil
}

// faults are those of all workers.
func (r *run) faults() Faults {
	var all Faults
	for _, w := range r.workers {
		w.mu.Lock()
		all.add(w.faults)
		w.mu.Unlock()
	}
	return all
}

// finish completes the result.
func (r *run) finish() error {
	r.progress.done()
	hist := newHistogram()
	for _, w := range r.workers {
		w.mu.Lock()
		hist.Merge(w.hist)
		w.mu.Unlock()
	}
	r.result.latencies(hist)
	r.result.Compressed = r.compressed.Load()
	r.result.Faults.add(r.faults())
	r.result.OK = !r.result.Faults.any()
	if !r.result.OK {
		return ErrFaults
	}
	return nil
}
