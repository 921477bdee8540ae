package redisbroker

import (
	"context"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// A node can be dead without a word, and so can be the way from one node to
// another: after a failover the subscriber's connection may stay with a server
// that nobody publishes to any more. So, besides asking both connections for a
// sign of life, every node publishes a probe in turn, on a channel that only
// this process subscribes to, and the subscriber misses it when it does not
// come.

// probeChannel is what the names of probe channels begin with.
const probeChannel = "ws:probe:"

// probes are those of one node. Numbers are of all nodes: one that was lost and
// found again has no probes of before.
type probes struct {
	published atomic.Pointer[probed] // the last one that the node has taken
	arrived   atomic.Uint64          // the last one that came back
	old       atomic.Uint64          // those up to here were sent before the subscriber listened
}

// begin expects probes with numbers above this one.
func (p *probes) begin(number uint64) {
	p.old.Store(number)
	p.arrived.Store(number)
}

type probed struct {
	number uint64
	sentAt time.Time
}

// watch looks at one node in turn, and at all of them when told to.
func (t *topology) watch(probe string) {
	ticker := time.NewTicker(t.options.ProbeInterval)
	defer ticker.Stop()
	for turn := 0; ; turn++ {
		all := false
		select {
		case <-ticker.C:
		case <-t.suspect:
			all = true
		case <-t.ctx.Done():
			return
		}
		nodes := t.table.Load().nodes
		if len(nodes) > 0 && !all {
			nodes = nodes[turn%len(nodes):][:1]
		}
		for _, n := range nodes {
			if err := t.probe(n, probe); err != nil && t.ctx.Err() == nil {
				t.fail(n, err)
			}
		}
	}
}

// suspectAll has all nodes looked at now.
func (t *topology) suspectAll() { signal(t.suspect) }

// probe has a node publish. The error tells that it does not answer.
func (t *topology) probe(n *node, channel string) error {
	ctx, cancel := context.WithTimeout(t.ctx, t.options.WriteTimeout)
	defer cancel()
	p := &probed{number: t.probes.Add(1), sentAt: time.Now()}
	message := strconv.FormatUint(p.number, 10) + " " + n.addr
	result := n.client.Do(ctx, n.client.B().Publish().Channel(channel).Message(message).Build())
	switch err := result.Error(); {
	case err == nil:
		n.probes.published.Store(p)
	case forbidden(err):
		t.noProbes.Store(true)
	}
	return result.NonRedisError()
}

// proven reports whether what any node publishes arrives: since the
// subscription began, a probe of each came.
func (t *topology) proven() bool {
	if t.noProbes.Load() {
		return true
	}
	nodes := t.table.Load().nodes
	for _, n := range nodes {
		if n.probes.arrived.Load() <= n.probes.old.Load() {
			return false
		}
	}
	return len(nodes) > 0
}

// startProbe subscribes to the probes and begins to miss them.
func (c *subscription) startProbe(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, c.link.options.WriteTimeout)
	defer cancel()
	err := c.conn.Do(asking, c.conn.B().Subscribe().Channel(c.probe).Build()).Error()
	switch {
	case forbidden(err):
		c.link.topology.noProbes.Store(true)
		c.link.warn(logNoProbe, "channel", c.probe, "err", err)
	case err != nil:
		return err
	}
	for _, n := range c.link.topology.table.Load().nodes {
		n.probes.begin(c.link.topology.probes.Load())
	}
	c.link.topology.suspectAll()
	c.tasks.Go(func() { c.watch(ctx, !forbidden(err)) })
	return nil
}

// watch breaks the connection when it does not answer, or when a probe that was
// published at the last look has not come at this one. expected: probes come.
func (c *subscription) watch(ctx context.Context, expected bool) {
	ticker := time.NewTicker(c.link.options.ProbeInterval)
	defer ticker.Stop()
	due := make(map[*node]*probed)
	all := false // nodes have one in due
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		began := time.Now()
		if err := ping(ctx, c.conn, c.link.options.WriteTimeout); err != nil {
			c.fail(err)
			return
		}
		if !expected {
			c.aliveAt(began)
			continue
		}
		for n, p := range due {
			if n.probes.arrived.Load() < p.number {
				c.fail(errProbeLost)
				return
			}
			began = minTime(began, p.sentAt)
		}
		if all && c.link.momentOf(began) > c.lastAlive() {
			c.aliveAt(began)
		}
		clear(due)
		nodes := c.link.topology.table.Load().nodes
		for _, n := range nodes {
			if p := n.probes.published.Load(); p != nil {
				due[n] = p
			}
		}
		all = len(due) > 0 && len(due) == len(nodes)
	}
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// probeArrived notes the number and the node of a probe.
func (c *subscription) probeArrived(message string) {
	number, addr, _ := strings.Cut(message, " ")
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return
	}
	for _, node := range c.link.topology.table.Load().nodes {
		if node.addr == addr && n > node.probes.arrived.Load() {
			node.probes.arrived.Store(n)
			c.link.interest.work.signal()
		}
	}
}
