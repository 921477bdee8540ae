package hearth

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"
)

// guard calls a hook. Its failure or panic is logged, and returned.
func (c *Client) guard(hook string, f func(ctx context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = c.panicked(hook, p)
		}
	}()
	err = f((*hookContext)(c))
	if err != nil {
		c.server.counters.hookFailures.Add(1)
		c.server.opts.Logger.Warn("hook failed", "hook", hook, "client", c.ID(), "error", err)
	}
	return err
}

// panicked counts and logs the panic of a hook, and makes an error of it.
func (c *Client) panicked(hook string, p any) error {
	c.server.counters.hookFailures.Add(1)
	c.server.opts.Logger.Error("hook panicked", "hook", hook, "client", c.ID(), "panic", p, "stack", string(debug.Stack()))
	return fmt.Errorf("panic: %v", p)
}

// guard calls a hook that belongs to no client. Its panic is logged.
func (s *Server) guard(hook string, f func()) {
	defer func() {
		if p := recover(); p != nil {
			s.counters.hookFailures.Add(1)
			s.opts.Logger.Error("hook panicked", "hook", hook, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	f()
}

// hookContext is the context of a client's hooks: it ends with the connection,
// and costs nothing until somebody waits for that.
type hookContext Client

func (h *hookContext) Deadline() (time.Time, bool) { return time.Time{}, false }

func (h *hookContext) Done() <-chan struct{} { return (*Client)(h).ended(true) }

// ended is a channel that is closed when the connection ends. lend says that it
// is a hook that gets it.
func (c *Client) ended(lend bool) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state() == stateDisconnected {
		return closedChan
	}
	if c.done == nil {
		c.done = make(chan struct{})
	}
	c.lent = c.lent || lend
	return c.done
}

func (h *hookContext) Err() error {
	if (*Client)(h).state() == stateDisconnected {
		return context.Canceled
	}
	return nil
}

func (h *hookContext) Value(key any) any { return (*Client)(h).server.base.Value(key) }

// closedChan is made before any bubble of testing/synctest can own it.
var closedChan = func() chan struct{} {
	ch := make(chan struct{})
	close(ch)
	return ch
}()

// debugging reports whether debug lines are wanted, so that others need not be
// put together.
func debugging(l *slog.Logger) bool { return l.Enabled(context.Background(), slog.LevelDebug) }
