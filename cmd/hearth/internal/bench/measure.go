package bench

import (
	"context"
	"fmt"
	"math"
	"time"
)

// measure lets things go on for the warm-up and the measured time, or until
// over says so, and reports what was delivered meanwhile.
func (r *run) measure(ctx context.Context, over func() bool) error {
	if err := r.pass(ctx, "warming up", r.cfg.Warmup, over); err != nil {
		return err
	}
	before, start, delivered := r.usage(), now(), r.delivered()
	d, until := r.cfg.Duration, start+int64(r.cfg.Duration)
	if r.cfg.Messages > 0 { // they are the end, and may have another process's clock
		until = never
		if d == 0 {
			d = endless
		}
	}
	r.setRecorded(start, until)
	err := r.pass(ctx, "measuring", d, over)
	r.result.measured(now()-start, r.delivered()-delivered, before, r.usage())
	return err
}

// setRecorded says what counts, by when it was meant to be.
func (r *run) setRecorded(from, until int64) {
	if r.cfg.Warmup == 0 && !r.timesConnects {
		from = 0
	}
	for _, w := range r.workers {
		w.setRecorded(from, until)
	}
}

// endless is the time of what ends by itself.
const endless time.Duration = math.MaxInt64

// pass waits, and shows progress.
func (r *run) pass(ctx context.Context, what string, d time.Duration, over func() bool) error {
	start, last, at := now(), r.delivered(), now()
	stop := r.progress.every(func() string {
		n, t := r.delivered(), now()
		text := what
		if d < endless {
			text += fmt.Sprintf(", %s left", short(max(0, d-time.Duration(t-start)).Round(time.Second)))
		}
		if n > last {
			text += fmt.Sprintf(", %s deliveries/s", count(float64(n-last)/time.Duration(t-at).Seconds()))
		}
		last, at = n, t
		return text
	})
	defer stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return nil
		case <-tick.C:
			if over != nil && over() {
				return nil
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// settled waits until ok, or until nothing has been delivered for the run's
// patience.
func (r *run) settled(ctx context.Context, what string, ok func() bool) error {
	stop := r.progress.every(func() string { return what })
	defer stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	lost := r.lost(ok)
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if lost() {
			return nil
		}
	}
	return nil
}

// lost tells whoever asks again and again whether nothing has been delivered for
// the run's patience, though it was not ok for all that time.
func (r *run) lost(ok func() bool) func() bool {
	last, at := r.delivered(), now()
	return func() bool {
		if n := r.delivered(); n != last || ok() {
			last, at = n, now()
		}
		return now()-at > int64(r.cfg.Patience)
	}
}
