// Package gate keeps calls from outlasting what they belong to: calls pass
// through a gate, and closing it refuses new ones and tells when those under
// way have returned.
package gate

import (
	"context"
	"sync"
	"sync/atomic"
)

// closed is a bit of Gate.state that no count of calls reaches.
const closed = 1 << 62

// Gate counts the calls that are under way. Its methods may be called
// concurrently. Make one with [New].
type Gate struct {
	state atomic.Int64 // calls under way, and the bit closed
	once  sync.Once
	idle  chan struct{} // closed once the gate is closed and nobody is inside
}

// New is an open gate.
func New() *Gate {
	return &Gate{idle: make(chan struct{})}
}

// Enter reports whether a call may begin. If so, [Gate.Leave] must follow.
func (g *Gate) Enter() bool {
	if g.state.Add(1)&closed != 0 {
		g.Leave()
		return false
	}
	return true
}

// Leave ends a call.
func (g *Gate) Leave() {
	if g.state.Add(-1) == closed {
		g.once.Do(func() { close(g.idle) })
	}
}

// Closed reports whether [Gate.Close] was called.
func (g *Gate) Closed() bool {
	return g.state.Load()&closed != 0
}

// Close refuses calls from now on. It reports whether this was the first time.
func (g *Gate) Close() bool {
	before := g.state.Or(closed)
	if before == 0 {
		g.once.Do(func() { close(g.idle) })
	}
	return before&closed == 0
}

// Wait returns when the gate is closed and every call has returned, or with
// the error of ctx when that ends first.
func (g *Gate) Wait(ctx context.Context) error {
	select {
	case <-g.idle:
		return nil
	default:
	}
	select {
	case <-g.idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
