// Package frame reads and writes WebSocket frames (RFC 6455, section 5) and
// messages compressed by permessage-deflate (RFC 7692), without doing any
// input or output: a transport feeds a [Reader] what it has received and sends
// what the Append functions return.
//
// Both transports of the engine use it, and the Go client with
// [Reader.ResetClient] and [AppendMasked]. Neither direction keeps a
// compression context from one message to the next, so a connection that is
// idle needs no memory here at all.
package frame

import "fmt"

// Opcode says what a frame holds (RFC 6455, section 5.2).
type Opcode byte

// The opcodes in use. All others are reserved and refused.
const (
	Continuation Opcode = 0
	Text         Opcode = 1
	Binary       Opcode = 2
	Close        Opcode = 8
	Ping         Opcode = 9
	Pong         Opcode = 10
)

// IsControl reports whether o is that of a control frame: close, ping, pong.
func (o Opcode) IsControl() bool { return o&8 != 0 }

// String returns the name of o in lower case.
func (o Opcode) String() string {
	switch o {
	case Continuation:
		return "continuation"
	case Text:
		return "text"
	case Binary:
		return "binary"
	case Close:
		return "close"
	case Ping:
		return "ping"
	case Pong:
		return "pong"
	}
	return fmt.Sprintf("reserved opcode %d", byte(o))
}

// MaxControl is the longest payload of a control frame in bytes (RFC 6455,
// section 5.5).
const MaxControl = 125

// MaxHeader is the longest header of a frame in bytes: two bytes, a length of
// eight and a masking key of four.
const MaxHeader = 14

// MaxServerHeader is the longest header of a frame that a server sends, which
// has no masking key.
const MaxServerHeader = 10

// bytesPerFrame is how many bytes of payload pay for one more frame of the
// same message. The conformance table sends 4 MiB in fragments of 64.
const bytesPerFrame = 16

// defaultMaxFragments leaves room for a client that flushes small pieces, and
// ends a flood of empty frames within 24 KiB of input.
const defaultMaxFragments = 4096

// Config is static for all connections of a server. Nothing writes to it, so
// any number of Readers may share one.
type Config struct {
	// MaxMessage is the longest message in bytes, counted after inflating. A
	// message of exactly MaxMessage is accepted, a longer one refused with
	// close code 1009. 0 admits only empty messages.
	MaxMessage int

	// MaxFragments is how many frames one message may have beyond one for each
	// 16 bytes of it; a message with more is refused with close code 1008. It
	// ends messages that consist of empty frames, which MaxMessage never
	// would. Default: 4096.
	MaxFragments int
}

// Handler receives what a [Reader] finds. Payloads are valid only during the
// call and may be changed by it.
type Handler interface {
	// Message is called for each whole message: op is Text or Binary, payload
	// is inflated, and UTF-8 if it is text. It returns true to make
	// [Reader.Feed] return after this message.
	Message(op Opcode, payload []byte) (stop bool)

	// Control is called for each ping, pong and close frame, also between the
	// fragments of a message. A close frame has been checked; see
	// [ParseClose]. It returns true to make [Reader.Feed] return after this
	// frame.
	Control(op Opcode, payload []byte) (stop bool)
}

// CloseError is a violation of the protocol, or of a limit, by the peer. Code
// and Reason are meant for the close frame that answers it.
type CloseError struct {
	Code   int    // 1002, 1007, 1008 or 1009
	Reason string // at most 123 bytes
}

func (e *CloseError) Error() string {
	return fmt.Sprintf("websocket: %s (%d)", e.Reason, e.Code)
}
