package hearth

import (
	"sync/atomic"

	"github.com/hearthws/hearth/internal/hub"
	"github.com/hearthws/hearth/internal/transport"
)

// counters count what has happened since New.
type counters struct {
	connections, disconnects, refusals      atomic.Int64
	authenticated, authRejected, authFailed atomic.Int64
	authTimeouts, heartbeatTimeouts         atomic.Int64
	messagesIn, envelopesIn, errors         atomic.Int64
	drops, congested, pauses, gaps          atomic.Int64
	hookFailures, transformFailures         atomic.Int64
	sealRefused                             atomic.Int64
	subscribeTimeouts, missed               atomic.Int64
}

// Stats is a snapshot of a server. Counts are since New.
type Stats struct {
	ServerID   string `json:"serverId"`
	Identifier string `json:"identifier"`
	Ready      bool   `json:"ready"` // accepts connections, and its broker is connected

	Connections    int64 `json:"connections"` // open, with those that are being closed
	Unauthorized   int64 `json:"unauthorized"`
	Authenticating int64 `json:"authenticating"`
	Authenticated  int64 `json:"authenticated"`
	OnLoops        int64 `json:"onLoops"`   // clients served by event loops
	OnStreams      int64 `json:"onStreams"` // clients served by goroutines
	Rooms          int64 `json:"rooms"`     // with members here, own-id rooms left out
	QueuedBytes    int64 `json:"queuedBytes"`
	Backpressured  int64 `json:"backpressured"` // clients that read too slowly now

	Accepted          int64 `json:"accepted"` // connections
	Disconnected      int64 `json:"disconnected"`
	UpgradesRefused   int64 `json:"upgradesRefused"`
	AuthAccepted      int64 `json:"authAccepted"`
	AuthRejected      int64 `json:"authRejected"`
	AuthFailed        int64 `json:"authFailed"`
	AuthTimeouts      int64 `json:"authTimeouts"`
	HeartbeatTimeouts int64 `json:"heartbeatTimeouts"`
	MessagesIn        int64 `json:"messagesIn"`
	EnvelopesIn       int64 `json:"envelopesIn"` // of other nodes and emitters
	ErrorsSent        int64 `json:"errorsSent"`  // error events
	Dropped           int64 `json:"dropped"`     // messages to clients at their backpressure limit
	ReadPauses        int64 `json:"readPauses"`  // sockets not read, as OnMessage did not keep up
	HookFailures      int64 `json:"hookFailures"`
	TransformFailures int64 `json:"transformFailures"`
	SealRefused       int64 `json:"sealRefused"`       // sealed messages of clients that did not open
	SubscribeTimeouts int64 `json:"subscribeTimeouts"` // clients that went on before their subscriptions were live
	Gaps              int64 `json:"gaps"`              // intervals in which envelopes may have been missed
	Missed            int64 `json:"missed"`            // envelopes known to be missing

	// Refused counts by reason what was refused to clients, at a limit or for
	// its form. The reasons are in docs/operations.md; all are always there.
	Refused map[string]int64 `json:"refused"`

	Loops  []LoopStats `json:"loops"`
	Broker BrokerStats `json:"broker"`
}

// LoopStats is a snapshot of one event loop.
type LoopStats struct {
	Connections   int64   `json:"connections"`
	QueuedBytes   int64   `json:"queuedBytes"`
	Turns         []int64 `json:"turns"`         // that took up to 100 µs, 1 ms, 5 ms, 20 ms, and longer
	LongestTurnUS int64   `json:"longestTurnUs"` // microseconds
	DeepestTurn   int64   `json:"deepestTurn"`   // operations carried out in one turn
	ShortWrites   int64   `json:"shortWrites"`   // a socket took less than it was given
	Drops         Drops   `json:"drops"`         // messages that were refused
	Rescued       int64   `json:"rescued"`       // missed wake-ups; always 0
	IOUring       bool    `json:"ioUring"`       // writes to many sockets are one system call
}

// Drops are messages to clients that were refused, by reason.
type Drops struct {
	Slow   int64 `json:"slow"`   // the client was at Options.BackpressureLimit
	Shed   int64 `json:"shed"`   // the server was at Options.MaxQueuedBytes, and the client had one of the longest queues
	Behind int64 `json:"behind"` // sent to a room faster than the loop could hand out; counts once for all its members
}

// Stats returns a snapshot.
func (s *Server) Stats() Stats {
	n := &s.counters
	st := Stats{
		ServerID: s.id, Identifier: s.opts.Identifier, Ready: s.serving.Load() && s.brokerUp.Load(),
		Connections: s.engine.Count(), Rooms: int64(s.hub.RoomCount()),
		QueuedBytes: s.engine.Queued(), Backpressured: n.congested.Load(),
		Accepted: n.connections.Load(), Disconnected: n.disconnects.Load(), UpgradesRefused: n.refusals.Load(),
		AuthAccepted: n.authenticated.Load(), AuthRejected: n.authRejected.Load(), AuthFailed: n.authFailed.Load(),
		AuthTimeouts: n.authTimeouts.Load(), HeartbeatTimeouts: n.heartbeatTimeouts.Load(),
		MessagesIn: n.messagesIn.Load(), EnvelopesIn: n.envelopesIn.Load(), ErrorsSent: n.errors.Load(),
		Dropped: n.drops.Load(), ReadPauses: n.pauses.Load(), HookFailures: n.hookFailures.Load(),
		TransformFailures: n.transformFailures.Load(), SealRefused: n.sealRefused.Load(), SubscribeTimeouts: n.subscribeTimeouts.Load(),
		Gaps: n.gaps.Load(), Missed: n.missed.Load(), Refused: s.refusals.snapshot(), Broker: s.session.Stats(),
	}
	s.hub.Each(func(hc *hub.Client) {
		c := clientOf(hc)
		switch c.state() {
		case stateUpgrading:
			return
		case stateUnauthorized:
			st.Unauthorized++
		case stateAuthenticating:
			st.Authenticating++
		case stateAuthenticated:
			st.Authenticated++
		}
		if c.hub.OnEpoll() {
			st.OnLoops++
		} else {
			st.OnStreams++
		}
	})
	for _, l := range s.engine.Loops() {
		st.Loops = append(st.Loops, loopStats(l.Stats()))
	}
	return st
}

func loopStats(l transport.LoopStats) LoopStats {
	return LoopStats{
		Connections: l.Connections, QueuedBytes: l.QueuedBytes, Turns: l.Turns,
		LongestTurnUS: l.LongestTurn.Microseconds(), DeepestTurn: l.DeepestTurn,
		ShortWrites: l.ShortWrites, Drops: Drops(l.Drops), Rescued: l.Rescued, IOUring: l.Ring,
	}
}
