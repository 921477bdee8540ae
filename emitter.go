package hearth

import (
	"context"
	"fmt"
	"log/slog"
)

// Emitter sends messages to the clients of all servers on a broker, without
// holding connections itself: for workers, cron jobs and other processes. All
// methods may be called concurrently.
type Emitter struct {
	opts    EmitterOptions
	session BrokerSession
}

// EmitterOptions configure an [Emitter].
type EmitterOptions struct {
	// Identifier names the emitter in logs. Default: "WebSocketEmitter".
	Identifier string

	// Logger receives one line an event. Default: slog.Default().
	Logger *slog.Logger
}

// NewEmitter connects an emitter to broker. It returns when the emitter can
// publish, or when ctx ends, which is bounded by 30 seconds.
func NewEmitter(ctx context.Context, broker Broker, opts EmitterOptions) (*Emitter, error) {
	if broker == nil {
		return nil, &OptionError{Field: "broker", Value: nil, Reason: "an emitter needs the broker of the servers whose clients it reaches"}
	}
	setDefault(&opts.Identifier, "WebSocketEmitter")
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	opts.Logger = opts.Logger.With("emitter", opts.Identifier)
	ctx, cancel := context.WithTimeout(ctx, brokerWait)
	defer cancel()
	session, err := broker.Open(ctx, BrokerNode{ServerID: EmitterID, Logger: opts.Logger})
	if err != nil {
		return nil, fmt.Errorf("hearth: broker: %w", err)
	}
	return &Emitter{opts: opts, session: session}, nil
}

// ToClient sends a message to a client. data is encoded as for
// [Server.ToClient]. It waits for the broker's answer, or for the end of ctx.
// The error says why the broker may not have taken it, see [BrokerSession]; none
// says that anybody received it.
func (e *Emitter) ToClient(ctx context.Context, clientID, event string, data any, opts ...SendOption) error {
	return e.emit(ctx, TypeClient, clientID, event, data, opts)
}

// ToUser sends a message to all clients of a user. See [Emitter.ToClient].
func (e *Emitter) ToUser(ctx context.Context, userID, event string, data any, opts ...SendOption) error {
	return e.emit(ctx, TypeUser, userID, event, data, opts)
}

// ToRoom sends a message to all clients in a room. See [Emitter.ToClient].
func (e *Emitter) ToRoom(ctx context.Context, room, event string, data any, opts ...SendOption) error {
	return e.emit(ctx, TypeRoom, room, event, data, opts)
}

// Broadcast sends a message to all authenticated clients. See
// [Emitter.ToClient].
func (e *Emitter) Broadcast(ctx context.Context, event string, data any, opts ...SendOption) error {
	return e.emit(ctx, TypeBroadcast, "", event, data, opts)
}

func (e *Emitter) emit(ctx context.Context, typ MessageType, target, event string, data any, opts []SendOption) error {
	o := combine(opts)
	switch {
	case event == "":
		return o.answer(ErrNoEvent)
	case target == "" && typ != TypeBroadcast:
		return o.answer(errNoTarget)
	}
	raw, err := encodeData(data)
	if err != nil {
		return o.answer(err)
	}
	if o.log {
		e.opts.Logger.Info("message sent", "type", typ, "target", target, "event", event, "bytes", len(raw))
	}
	env := Envelope{ServerID: EmitterID, Type: typ, Target: target, Event: event, Data: raw, Exclude: o.exclude}
	if o.async != nil {
		e.session.Publish(env, o.async)
		return nil
	}
	return publishAndWait(ctx, e.session, env)
}

// Stats is a snapshot of the emitter's broker session.
func (e *Emitter) Stats() BrokerStats { return e.session.Stats() }

// Close ends the emitter: what is on its way is answered with [ErrClosed]. It
// returns when nothing of it runs any more, or with ctx's error. It may be called
// again.
func (e *Emitter) Close(ctx context.Context) error { return e.session.Close(ctx) }
