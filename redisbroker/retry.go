package redisbroker

import (
	"context"
	"math/rand/v2"
	"time"
)

// Bounds of backoff, before jitter.
const (
	minBackoff = 20 * time.Millisecond
	maxBackoff = 400 * time.Millisecond
)

// backoff is how long to wait before an attempt; the first begins at once.
func backoff(attempt int) time.Duration {
	if attempt == 0 {
		return 0
	}
	d := min(minBackoff<<min(attempt-1, 8), maxBackoff)
	return d/2 + rand.N(d)
}

// sleep reports whether ctx still lives after d.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
