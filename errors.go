package hearth

import (
	"errors"
	"fmt"
)

// Conditions that a caller may test with [errors.Is].
var (
	// ErrRejected is what Authenticate and Handshake return to refuse a
	// client. Any other error of theirs counts as a failure of the hook.
	ErrRejected = errors.New("hearth: rejected")

	// ErrClosed: the server, emitter, broker session or client is closed.
	ErrClosed = errors.New("hearth: closed")

	// ErrNotAuthenticated: the client is not, or not yet, authenticated.
	ErrNotAuthenticated = errors.New("hearth: client is not authenticated")

	// ErrBackpressure: the message was dropped, since the client's queue is
	// at Options.BackpressureLimit, or the server's at MaxQueuedBytes; for a
	// room, since what is sent comes faster than it can be handed out.
	ErrBackpressure = errors.New("hearth: message dropped, the client reads too slowly")

	// ErrClientIDInUse: UpgradeData.ClientID belongs to a live connection.
	ErrClientIDInUse = errors.New("hearth: client id is in use")

	// ErrTooManyConnections: Options.MaxConnections, MaxUnauthenticated or
	// MaxUnauthenticatedPerAddress is reached.
	ErrTooManyConnections = errors.New("hearth: too many connections")

	// ErrBrokerUnavailable: the broker cannot be reached; the message may not
	// have left this node.
	ErrBrokerUnavailable = errors.New("hearth: broker is unavailable")

	// ErrBrokerOverloaded: the broker is slower than what is published; the
	// message was not sent to other nodes.
	ErrBrokerOverloaded = errors.New("hearth: broker is overloaded")

	// ErrNoEvent: a message needs the name of an event.
	ErrNoEvent = errors.New("hearth: event is empty; a message needs the name of its event")
)

// OptionError says which field of [Options] or [EmitterOptions] cannot be used, and why.
type OptionError struct {
	Field  string
	Value  any
	Reason string
}

func (e *OptionError) Error() string {
	return fmt.Sprintf("hearth: option %s is %v: %s", e.Field, e.Value, e.Reason)
}
