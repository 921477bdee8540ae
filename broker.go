package hearth

import (
	"context"
	"log/slog"
	"time"
)

// Broker carries envelopes between servers and emitters. [NewMemoryBroker]
// is the one built in; package redisbroker has the one over Redis. Package
// brokertest has the suite that every implementation must pass.
//
// A Broker may be shared by several servers and emitters of one process.
type Broker interface {
	// Open joins one server or emitter to the broker. It returns when the
	// node can publish and subscribe, or an error when ctx ends before that.
	Open(ctx context.Context, node BrokerNode) (BrokerSession, error)
}

// BrokerNode is what a broker needs to know of a server or an emitter.
type BrokerNode struct {
	// ServerID is the id of the server, or [EmitterID].
	ServerID string

	// Deliver receives the envelopes of the subscribed channels, and may
	// receive others: the server looks for itself whom an envelope concerns,
	// and skips its own. Envelopes of one channel arrive one after the other,
	// in the order in which they were published. Deliver does not block and
	// does not publish; it may subscribe. The envelope's data may be kept:
	// nobody changes it. Nil for an emitter.
	Deliver func(Envelope)

	// Notify receives changes of state, and ReportGap what may have been
	// missed: one call after the other, possibly before Open has returned. A gap
	// is reported before the state that ends it. They do not block. Nil: nobody
	// is interested.
	Notify    func(BrokerEvent)
	ReportGap func(Gap)

	// Logger is never nil.
	Logger *slog.Logger
}

// BrokerSession is one node's use of a [Broker]. Its methods may be called
// concurrently and never block, except Close. Calls that one goroutine makes
// one after the other take effect in that order.
type BrokerSession interface {
	// Publish sends env to everybody who subscribed to its channel. done is
	// called once, from any goroutine and possibly before Publish returns:
	// with nil when the broker has taken the envelope, else with the reason
	// for which it may be lost. It is never kept in an unbounded buffer: a
	// broker that is away or slow is an error, [ErrBrokerUnavailable] or
	// [ErrBrokerOverloaded]. done does not block.
	Publish(env Envelope, done func(error))

	// Unfiltered reports that everything anybody publishes is delivered to
	// every node, so that servers subscribe to nothing but ChannelBroadcast.
	// It never changes.
	Unfiltered() bool

	// Subscribe asks for the envelopes of channels (see [ForRoom], [ForUser],
	// [ForClient] and [ChannelBroadcast]), one reference each. done is called
	// once, when all of them are live: what is published from then on
	// arrives. It is called with an error when that cannot be said now; the
	// subscriptions stay wanted, and become live when the broker is back.
	Subscribe(channels []string, done func(error))

	// Unsubscribe gives back one reference to each of channels.
	Unsubscribe(channels []string)

	// Stats is a snapshot.
	Stats() BrokerStats

	// Close ends the session. When it returns, Deliver and Notify are not
	// called any more, pending calls of done have been made with
	// [ErrClosed], and nothing of the session is left running. It may be
	// called again. When ctx ends first, its error is returned.
	Close(ctx context.Context) error
}

// BrokerState says whether a session reaches its broker.
type BrokerState string

// The states of a broker session.
const (
	BrokerConnected     BrokerState = "connected"     // publishing works and every wanted subscription is live
	BrokerResubscribing BrokerState = "resubscribing" // publishing works, subscriptions are being restored
	BrokerDisconnected  BrokerState = "disconnected"  // publishing fails, nothing arrives
)

// BrokerEvent is one change of a broker session's state.
type BrokerEvent struct {
	State BrokerState
	Err   error // why, for BrokerDisconnected
}

// Gap is an interval in which envelopes of a broker's subscriptions may have
// been missed: the connection was away, a queue ran over, or numbers are
// missing among those that a publisher counts up. What was published in the
// interval, on the channel, by the server, may not have arrived; everything
// else has.
type Gap struct {
	Channel string    // as ws:room:lobby; "" for every channel of the connection
	From    time.Time // the last moment from before which everything is known to have arrived
	To      time.Time // from when on it arrives again
	Missed  int64     // how many envelopes, or -1 when nobody knows
	Server  string    // id of the server that published them, or EmitterID; "" for any
}

// BrokerStats is a snapshot of a broker session.
type BrokerStats struct {
	Kind        string      `json:"kind"` // "memory", "redis", …
	State       BrokerState `json:"state"`
	Since       time.Time   `json:"since"`       // of State
	Channels    int         `json:"channels"`    // wanted by the session
	Live        int         `json:"live"`        // of those, confirmed by the broker
	QueuedBytes int64       `json:"queuedBytes"` // waiting to be published
	Published   int64       `json:"published"`   // envelopes the broker has taken
	Failed      int64       `json:"failed"`      // envelopes whose publisher got an error
	Received    int64       `json:"received"`    // envelopes delivered to the node
	Malformed   int64       `json:"malformed"`   // payloads that were no envelope
	Overflowed  int64       `json:"overflowed"`  // envelopes dropped because the node was too slow
	Reconnects  int64       `json:"reconnects"`
	Gaps        int64       `json:"gaps"`
	Missed      int64       `json:"missed"`   // envelopes known to be missing, those overflowed among them
	Repeated    int64       `json:"repeated"` // envelopes that came again or late, by their numbers, and were not delivered
}
