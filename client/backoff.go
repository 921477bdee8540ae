package client

import (
	"math/rand/v2"
	"time"
)

// Backoff is how long to wait between attempts.
type Backoff struct {
	// Base is the longest wait before the first new attempt; it doubles with
	// each. Default: 1 s.
	Base time.Duration
	// Cap is the longest wait of all. Default: 30 s.
	Cap time.Duration
}

// wait is the n-th wait, counted from 0: full jitter, uniform between 0 and
// min(Cap, Base·2ⁿ). It spreads the clients that a restarted server has lost at
// the same instant.
func (b Backoff) wait(n int) time.Duration {
	longest := b.Cap
	if n < 62 && b.Base < b.Cap>>n {
		longest = b.Base << n
	}
	return rand.N(longest + 1)
}

// maxRetryAfter is the longest wait that a server may ask for.
const maxRetryAfter = 10 * time.Minute
