package client

import (
	"context"
	"runtime"
	"sync"
)

// calls runs what handlers are to be told, one after the other and in the order
// of put, whichever goroutine that happens on.
type calls struct {
	mu      sync.Mutex
	waiting []func()
	busy    bool
	idle    chan struct{} // closed when not busy any more; nil: nobody waits
}

// put may be called under a lock; one of the methods below has to follow
// without it.
func (c *calls) put(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.waiting, f)
}

// start runs what waits on another goroutine.
func (c *calls) start() {
	if c.begin() {
		go c.drain()
	}
}

// run runs what waits, unless another goroutine does already.
func (c *calls) run() {
	if c.begin() {
		c.drain()
	}
}

// finish is run, and waits for the other goroutine, or the end of ctx.
func (c *calls) finish(ctx context.Context) {
	c.run()
	select {
	case <-c.quiet():
	case <-ctx.Done():
	}
}

func (c *calls) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy || len(c.waiting) == 0 {
		return false
	}
	c.busy = true
	return true
}

// drain leaves no trace of a handler that panics, or ends the goroutine as a
// test's FailNow does.
func (c *calls) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.idleLocked()
	for len(c.waiting) > 0 {
		f := c.waiting[0]
		c.waiting[0] = nil
		if c.waiting = c.waiting[1:]; len(c.waiting) == 0 {
			c.waiting = nil
		}
		func() {
			c.mu.Unlock()
			defer c.mu.Lock()
			f()
		}()
	}
}

func (c *calls) idleLocked() {
	c.busy = false
	if c.idle != nil {
		close(c.idle)
		c.idle = nil
	}
}

// calledByHandler reports whether a handler, of any client, is among the
// callers: whoever waits for handlers then would wait for itself.
func calledByHandler() bool {
	const drain = "github.com/hearthws/hearth/client.(*calls).drain"
	var pcs [64]uintptr
	for skip := 2; ; skip += len(pcs) {
		n := runtime.Callers(skip, pcs[:])
		if n == 0 {
			return false
		}
		frames := runtime.CallersFrames(pcs[:n])
		for more := true; more; {
			var f runtime.Frame
			if f, more = frames.Next(); f.Function == drain {
				return true
			}
		}
	}
}

var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// quiet is closed when no handler is running.
func (c *calls) quiet() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.busy {
		return closed
	}
	if c.idle == nil {
		c.idle = make(chan struct{})
	}
	return c.idle
}
