// Package metrics shows the counters of a [hearth.Server] to Prometheus:
//
//	registry.MustRegister(metrics.NewCollector(server))
//
// Every metric begins with hearth_ and has one label from outside: server, which
// is Options.Identifier. Nothing that a client or user sends becomes a label.
package metrics

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hearthws/hearth"
)

// Collector is a [prometheus.Collector] of one server. It may be used
// concurrently.
type Collector struct {
	server *hearth.Server

	clients, transports, turns *prometheus.Desc
	broker, refused, drops     *prometheus.Desc
	totals                     []metric[hearth.Stats]
	loops                      []metric[hearth.LoopStats]
}

// metric is one number of a snapshot of type S.
type metric[S any] struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(*S) float64
}

// NewCollector makes a collector. Each of several servers in one registry
// needs an Identifier of its own. Collecting looks at every client once.
func NewCollector(server *hearth.Server) *Collector {
	labels := prometheus.Labels{"server": server.Identifier()}
	describe := func(name, help string, variable ...string) *prometheus.Desc {
		return prometheus.NewDesc("hearth_"+name, help, variable, labels)
	}
	return &Collector{
		server:     server,
		clients:    describe("clients", "Clients by where they are in their life.", "state"),
		transports: describe("transport_clients", "Clients by what serves their sockets: event loops or a goroutine each.", "transport"),
		turns:      describe("loop_turns_total", "Turns of an event loop by how long they took, in seconds.", "loop", "up_to"),
		broker:     describe("broker_info", "The kind of broker and its state; always 1.", "kind", "state"),
		refused:    describe("refused_total", "What was refused to clients, at a limit or for its form.", "reason"),
		drops:      describe("loop_drops_total", "Messages that an event loop refused: the client was at its limit, all were, or the loop was behind.", "loop", "reason"),
		totals:     describeAll(describe, serverMetrics),
		loops:      describeAll(describe, loopMetrics, "loop"),
	}
}

func describeAll[S any](describe func(name, help string, variable ...string) *prometheus.Desc, all []definition[S], labels ...string) []metric[S] {
	var metrics []metric[S]
	for _, d := range all {
		metrics = append(metrics, metric[S]{describe(d.name, d.help, labels...), d.kind, d.read})
	}
	return metrics
}

// Describe implements [prometheus.Collector].
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.clients, c.transports, c.turns, c.broker, c.refused, c.drops} {
		ch <- d
	}
	for _, m := range c.totals {
		ch <- m.desc
	}
	for _, m := range c.loops {
		ch <- m.desc
	}
}

// Collect implements [prometheus.Collector].
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	stats := c.server.Stats()
	send := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, value, labels...)
	}
	const gauge = prometheus.GaugeValue
	send(c.clients, gauge, float64(stats.Unauthorized), string(hearth.StateUnauthorized))
	send(c.clients, gauge, float64(stats.Authenticating), string(hearth.StateAuthenticating))
	send(c.clients, gauge, float64(stats.Authenticated), string(hearth.StateAuthenticated))
	send(c.transports, gauge, float64(stats.OnLoops), string(hearth.TransportLoop))
	send(c.transports, gauge, float64(stats.OnStreams), string(hearth.TransportStream))
	send(c.broker, gauge, 1, stats.Broker.Kind, string(stats.Broker.State))
	for reason, n := range stats.Refused {
		send(c.refused, prometheus.CounterValue, float64(n), reason)
	}
	for _, m := range c.totals {
		send(m.desc, m.kind, m.read(&stats))
	}
	for i := range stats.Loops {
		loop := strconv.Itoa(i)
		for _, m := range c.loops {
			send(m.desc, m.kind, m.read(&stats.Loops[i]), loop)
		}
		drops := stats.Loops[i].Drops
		send(c.drops, prometheus.CounterValue, float64(drops.Slow), loop, "slow")
		send(c.drops, prometheus.CounterValue, float64(drops.Shed), loop, "shed")
		send(c.drops, prometheus.CounterValue, float64(drops.Behind), loop, "behind")
		for j, n := range stats.Loops[i].Turns {
			send(c.turns, prometheus.CounterValue, float64(n), loop, turnBounds[j])
		}
	}
}

// turnBounds are those of LoopStats.Turns.
var turnBounds = [...]string{"0.0001", "0.001", "0.005", "0.02", "+Inf"}
