package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hearthws/hearth"
)

// definition is a metric without its server.
type definition[S any] struct {
	name, help string
	kind       prometheus.ValueType
	read       func(*S) float64
}

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

// serverMetrics are the numbers of a server, and of its broker.
var serverMetrics = []definition[hearth.Stats]{
	{
		"ready", "1 if the server accepts connections and its broker is connected.", gauge,
		func(s *hearth.Stats) float64 { return truth(s.Ready) },
	},
	{
		"connections", "Open connections, with those that are being closed.", gauge,
		func(s *hearth.Stats) float64 { return float64(s.Connections) },
	},
	{
		"rooms", "Rooms with members on this server, those of the clients' own ids left out.", gauge,
		func(s *hearth.Stats) float64 { return float64(s.Rooms) },
	},
	{
		"queued_bytes", "Bytes that wait for clients to read them.", gauge,
		func(s *hearth.Stats) float64 { return float64(s.QueuedBytes) },
	},
	{
		"backpressured_clients", "Clients that read more slowly than they are sent to.", gauge,
		func(s *hearth.Stats) float64 { return float64(s.Backpressured) },
	},

	{
		"connections_accepted_total", "Connections that were upgraded.", counter,
		func(s *hearth.Stats) float64 { return float64(s.Accepted) },
	},
	{
		"connections_closed_total", "Connections that have ended.", counter,
		func(s *hearth.Stats) float64 { return float64(s.Disconnected) },
	},
	{
		"upgrades_refused_total", "Requests that were not upgraded, because of their origin, their form or a limit.", counter,
		func(s *hearth.Stats) float64 { return float64(s.UpgradesRefused) },
	},
	{
		"authentications_accepted_total", "Clients that were authenticated.", counter,
		func(s *hearth.Stats) float64 { return float64(s.AuthAccepted) },
	},
	{
		"authentications_rejected_total", "Clients whose credentials were refused.", counter,
		func(s *hearth.Stats) float64 { return float64(s.AuthRejected) },
	},
	{
		"authentications_failed_total", "Clients whose credentials could not be checked.", counter,
		func(s *hearth.Stats) float64 { return float64(s.AuthFailed) },
	},
	{
		"authentication_timeouts_total", "Clients that took too long to authenticate.", counter,
		func(s *hearth.Stats) float64 { return float64(s.AuthTimeouts) },
	},
	{
		"heartbeat_timeouts_total", "Clients that were silent for too long.", counter,
		func(s *hearth.Stats) float64 { return float64(s.HeartbeatTimeouts) },
	},
	{
		"messages_received_total", "Messages of clients.", counter,
		func(s *hearth.Stats) float64 { return float64(s.MessagesIn) },
	},
	{
		"envelopes_received_total", "Messages of other servers and emitters.", counter,
		func(s *hearth.Stats) float64 { return float64(s.EnvelopesIn) },
	},
	{
		"errors_sent_total", "Error events sent to clients by the protocol.", counter,
		func(s *hearth.Stats) float64 { return float64(s.ErrorsSent) },
	},
	{
		"messages_dropped_total", "Messages that a client did not get, since its queue was full.", counter,
		func(s *hearth.Stats) float64 { return float64(s.Dropped) },
	},
	{
		"read_pauses_total", "Times that a socket was not read, since its client's messages were not handled fast enough.", counter,
		func(s *hearth.Stats) float64 { return float64(s.ReadPauses) },
	},
	{
		"hook_failures_total", "Hooks of the application that failed or panicked.", counter,
		func(s *hearth.Stats) float64 { return float64(s.HookFailures) },
	},
	{
		"transform_failures_total", "Messages that an encrypted client did not get, since Transform failed.", counter,
		func(s *hearth.Stats) float64 { return float64(s.TransformFailures) },
	},
	{
		"sealed_messages_refused_total", "Sealed messages of clients that did not open.", counter,
		func(s *hearth.Stats) float64 { return float64(s.SealRefused) },
	},
	{
		"subscribe_timeouts_total", "Clients that went on before the broker had confirmed their subscriptions.", counter,
		func(s *hearth.Stats) float64 { return float64(s.SubscribeTimeouts) },
	},
	{
		"gaps_total", "Intervals in which messages of other servers may have been missed.", counter,
		func(s *hearth.Stats) float64 { return float64(s.Gaps) },
	},
	{
		"missed_total", "Messages of other servers that are known to be missing.", counter,
		func(s *hearth.Stats) float64 { return float64(s.Missed) },
	},

	{
		"broker_connected", "1 if publishing works and every subscription is live.", gauge,
		func(s *hearth.Stats) float64 { return truth(s.Broker.State == hearth.BrokerConnected) },
	},
	{
		"broker_state_since_seconds", "When the broker's state has last changed, in Unix time.", gauge,
		func(s *hearth.Stats) float64 { return float64(s.Broker.Since.UnixMilli()) / 1000 },
	},
	{
		"broker_channels", "Channels that this server needs.", gauge,
		func(s *hearth.Stats) float64 { return float64(s.Broker.Channels) },
	},
	{
		"broker_channels_live", "Of those, the ones that the broker has confirmed.", gauge,
		func(s *hearth.Stats) float64 { return float64(s.Broker.Live) },
	},
	{
		"broker_queued_bytes", "Bytes that wait to be published.", gauge,
		func(s *hearth.Stats) float64 { return float64(s.Broker.QueuedBytes) },
	},
	{
		"broker_published_total", "Messages that the broker has taken.", counter,
		func(s *hearth.Stats) float64 { return float64(s.Broker.Published) },
	},
	{
		"broker_publish_errors_total", "Messages that may not have reached other servers.", counter,
		func(s *hearth.Stats) float64 { return float64(s.Broker.Failed) },
	},
	{
		"broker_received_total", "Messages that the broker has delivered.", counter,
		func(s *hearth.Stats) float64 { return float64(s.Broker.Received) },
	},
	{
		"broker_malformed_total", "What came from the broker and was no message.", counter,
		func(s *hearth.Stats) float64 { return float64(s.Broker.Malformed) },
	},
	{
		"broker_overflowed_total", "Messages of the broker that were dropped, since this server was too slow.", counter,
		func(s *hearth.Stats) float64 { return float64(s.Broker.Overflowed) },
	},
	{
		"broker_repeated_total", "Messages of the broker that came again, or after later ones, and were left out.", counter,
		func(s *hearth.Stats) float64 { return float64(s.Broker.Repeated) },
	},
	{
		"broker_reconnects_total", "Times that the connection to the broker was made again.", counter,
		func(s *hearth.Stats) float64 { return float64(s.Broker.Reconnects) },
	},
}

// loopMetrics are the numbers of one event loop.
var loopMetrics = []definition[hearth.LoopStats]{
	{
		"loop_connections", "Connections of an event loop.", gauge,
		func(l *hearth.LoopStats) float64 { return float64(l.Connections) },
	},
	{
		"loop_queued_bytes", "Bytes that wait for the clients of an event loop.", gauge,
		func(l *hearth.LoopStats) float64 { return float64(l.QueuedBytes) },
	},
	{
		"loop_longest_turn_seconds", "The longest turn of an event loop so far.", gauge,
		func(l *hearth.LoopStats) float64 { return float64(l.LongestTurnUS) / 1e6 },
	},
	{
		"loop_deepest_turn_operations", "The most operations in one turn of an event loop so far.", gauge,
		func(l *hearth.LoopStats) float64 { return float64(l.DeepestTurn) },
	},
	{
		"loop_short_writes_total", "Times that a socket took less than it was given.", counter,
		func(l *hearth.LoopStats) float64 { return float64(l.ShortWrites) },
	},
	{
		"loop_rescues_total", "Wake-ups that an event loop missed; always 0.", counter,
		func(l *hearth.LoopStats) float64 { return float64(l.Rescued) },
	},
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
