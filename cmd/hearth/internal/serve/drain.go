package serve

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/hearthws/hearth"
)

// drain tells clients to go, spread over a time, so that they do not all come
// back at another server in the same moment. Those that are left when ctx ends
// are the Shutdown's.
func (n *node) drain(ctx context.Context, over time.Duration) {
	clients := slices.Collect(n.server.Clients(hearth.Filter{}))
	n.log.Info("draining", "clients", len(clients), "for", over)
	rand.Shuffle(len(clients), func(i, j int) { clients[i], clients[j] = clients[j], clients[i] })
	spread(ctx, over, clients, hasGone, func(c *hearth.Client) {
		c.Close(hearth.CloseGoingAway, "Server shutting down")
	})
}

func hasGone(c *hearth.Client) bool { return c.State() == hearth.StateDisconnected }

// pace is the time between two steps of spread.
const pace = 20 * time.Millisecond

// spread calls act for each of items, evenly over the time that is left for
// those that have not gone by themselves. It returns early when there are none
// left, or when ctx ends. It changes items.
func spread[T any](ctx context.Context, over time.Duration, items []T, gone func(T) bool, act func(T)) {
	next := time.Now()
	end := next.Add(over)
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for items = slices.DeleteFunc(items, gone); len(items) > 0; items = slices.DeleteFunc(items, gone) {
		step := time.Until(end) / time.Duration(len(items))
		for len(items) > 0 && !time.Now().Before(next) {
			act(items[0])
			items = items[1:]
			next = next.Add(step)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}
