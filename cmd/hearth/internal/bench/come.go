package bench

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// arrivals is the scenario Connect.
func (r *run) arrivals(ctx context.Context) error {
	start := now()
	r.setRecorded(start, never)
	var at func(i int) int64
	if r.cfg.Rate > 0 {
		at = func(i int) int64 { return start + int64(float64(i)*float64(time.Second)/r.cfg.Rate) }
	}
	_, err := r.connect(ctx, r.idlers(), at)
	return err
}

// idle is the scenario of that name.
func (r *run) idle(ctx context.Context) error {
	before := r.usage()
	if _, err := r.connect(ctx, r.idlers(), nil); err != nil {
		return err
	}
	if err := r.measure(ctx, nil); err != nil {
		return err
	}
	r.result.resting(before, r.usage())
	return nil
}

// churn is the scenario of that name: while messages flow into a room, and its
// members miss none, others come, wait for their first message, and go.
func (r *run) churn(ctx context.Context) error {
	clients, publishers := r.cast()
	open, err := r.connect(ctx, append(clients, publishers...), nil)
	if err != nil {
		return err
	}
	p := r.newPublishing(open, open[len(open)-len(publishers):])
	if err := r.gather(ctx, p, open); err != nil {
		return err
	}
	for _, w := range r.workers {
		w.mu.Lock()
	}
	r.publishing = p
	p.window = 0
	r.onDelivery = func(c *conn) {
		if c.first != nil {
			select {
			case c.first <- struct{}{}:
			default:
			}
		}
	}
	for _, w := range r.workers {
		w.mu.Unlock()
	}
	p.running.Store(true)
	r.workers[0].poller.arm(newSchedule(churnRate, p.at))

	stop := r.passers(ctx, len(open))
	err = r.measure(ctx, func() bool { return r.bad.Load() > maxBad })
	r.result.churned(stop())
	p.running.Store(false)
	if err != nil {
		return err
	}
	return r.conclude(ctx, p, open)
}

// churnRate is how many messages a second those who come may meet.
const churnRate = 100

// passers come and go, Window at a time or Rate a second, until the result is
// called. That waits for all who were meant to come before, since those who
// still hang then are the slowest, and says how many had lived to see a message
// until then, and for how long that went on.
func (r *run) passers(ctx context.Context, number int) (stop func() (int64, time.Duration)) {
	var next, lives, end atomic.Int64
	var lanes sync.WaitGroup
	start := now()
	end.Store(never)
	awake, wake := context.WithCancel(ctx)
	width := r.cfg.Window
	if r.cfg.Rate > 0 {
		width = 1024 // slow ones must not hold up others
	}
	for range width {
		lanes.Go(func() {
			for ctx.Err() == nil && r.bad.Load() <= maxBad {
				i, began := next.Add(1)-1, now()
				if r.cfg.Rate > 0 {
					began = start + int64(float64(i)*float64(time.Second)/r.cfg.Rate)
					sleepUntil(awake, began)
				}
				if began >= end.Load() {
					return
				}
				c := &conn{number: number + int(i), url: r.cfg.URLs[int(i)%len(r.cfg.URLs)], first: make(chan struct{}, 1)}
				for stream := range max(1, r.cfg.Publishers) {
					c.streams = append(c.streams, expect{stream: uint32(stream), open: true})
				}
				switch err := r.live(ctx, c, began); {
				case err == nil:
					lives.Add(1)
				case ctx.Err() == nil:
					r.bad.Add(1)
					r.notOpened(c, err)
				}
			}
		})
	}
	return func() (int64, time.Duration) {
		at, lived := now(), lives.Load()
		end.Store(at)
		wake()
		defer r.progress.every(func() string { return "waiting for the last to come" })()
		lanes.Wait()
		return lived, time.Duration(at - start)
	}
}

// live is one that comes, receives a message, and goes.
func (r *run) live(ctx context.Context, c *conn, began int64) error {
	if err := r.open(ctx, c, began); err != nil {
		return err
	}
	defer c.w.drop(c)
	select {
	case <-c.first:
		return nil
	case <-time.After(r.cfg.Patience):
		return errors.New("nothing was received from the room that was joined")
	case <-ctx.Done():
		return ctx.Err()
	}
}
