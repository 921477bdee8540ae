package client

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hearthws/hearth/internal/wire"
)

// ErrorCode says for programs what went wrong. Each is an error itself, so that
// errors.Is(err, client.ErrRejected) looks for it.
type ErrorCode string

// The codes. Those that are marked as final end the client's attempts, until
// Start or Connect is called again; after the others it comes back by itself.
const (
	ErrUsage              ErrorCode = "usage"               // final: an argument or option makes no sense
	ErrDisconnected       ErrorCode = "disconnected"        // final: Close was called
	ErrRejected           ErrorCode = "rejected"            // final: the credentials were refused: close code 4003, or HTTP 401, 403 or 407
	ErrEncryptionRequired ErrorCode = "encryption-required" // final: the server wants encryption, or refused its handshake (4004)
	ErrEncryptionRefused  ErrorCode = "encryption-refused"  // final: encryption was asked for and the server does not do it
	ErrServerKey          ErrorCode = "server-key"          // final: the server's key is not a pinned one
	ErrSeal               ErrorCode = "seal"                // a sealed message was forged, damaged, repeated or missing
	ErrToken              ErrorCode = "token"               // Options.Credentials failed
	ErrNetwork            ErrorCode = "network"             // no connection, or it broke
	ErrHTTP               ErrorCode = "http"                // an HTTP answer instead of a connection; Status tells which, and whether it is final
	ErrTimeout            ErrorCode = "timeout"             // the connection was not there in time
	ErrSilent             ErrorCode = "silent"              // the connection is there and nobody answers
	ErrClosed             ErrorCode = "closed"              // the server closed; CloseCode tells why, and whether it is final
	ErrServer             ErrorCode = "server"              // the server sent an `error`; the connection stays
	ErrDropped            ErrorCode = "dropped"             // a message was not sent: there was no connection, and no room in the queue
)

func (c ErrorCode) Error() string { return "hearth: " + string(c) }

// Error is the one error type of this package, but for the errors of a caller's
// context and of decoding data. Its text says what to do.
type Error struct {
	Code ErrorCode
	Text string // for people

	CloseCode  int           // of the close frame; 0: there was none
	Reason     string        // of the close frame
	Status     int           // of the HTTP answer; 0: there was none
	RetryAfter time.Duration // that the HTTP answer asks for; 0: it does not

	// Dropped is of ErrDropped how many messages it tells of that have piled up
	// while handlers were busy; 0: it is the one that Message has.
	Dropped int

	// Message is of ErrServer what the server sent, of ErrDropped what was
	// dropped, and of a refusal the server's `error` before it.
	Message Message
	// Err is the cause, or nil.
	Err error
}

func (e *Error) Error() string { return "hearth: " + e.Text }

// Unwrap returns the cause.
func (e *Error) Unwrap() error {
	if e == nil { // in an interface, as errors.Is(change.Err, …) puts it
		return nil
	}
	return e.Err
}

// Is makes errors.Is compare the code.
func (e *Error) Is(target error) bool {
	code, ok := target.(ErrorCode)
	return ok && e != nil && code == e.Code
}

// Final reports whether the client gives up on this error.
func (e *Error) Final() bool {
	switch e.Code {
	case ErrUsage, ErrDisconnected, ErrRejected, ErrEncryptionRequired, ErrEncryptionRefused, ErrServerKey:
		return true
	case ErrClosed:
		return !mayReturn(e.CloseCode)
	case ErrHTTP:
		return !mayAskAgain(e.Status)
	}
	return false
}

// isLoss reports whether the error is a lost connection, or one that was not
// made: OnState tells those.
func (e *Error) isLoss() bool {
	switch e.Code {
	case ErrNetwork, ErrHTTP, ErrTimeout, ErrSilent, ErrClosed:
		return true
	}
	return false
}

func usage(format string, args ...any) *Error {
	return &Error{Code: ErrUsage, Text: fmt.Sprintf(format, args...)}
}

// closeError is the error for a close frame; said is the server's last `error`
// before `connected`.
func closeError(code int, reason string, said Message) *Error {
	e := &Error{CloseCode: code, Reason: reason, Message: said}
	switch code {
	case closeAuthenticationFailed:
		e.Code = ErrRejected
		if text := textOf(said); text != "" {
			reason = text
		}
		e.Text = fmt.Sprintf("the server refused the credentials (%s): get new ones, then connect again", reason)
	case closeEncryptionRequired:
		e.Code = ErrEncryptionRequired
		e.Text = "the server takes encrypted clients only, or refused the keys: set Options.Encryption, or compare its settings"
	default:
		e.Code = ErrClosed
		e.Text = strings.TrimSpace(fmt.Sprintf("closed by the server: %d %s", code, reason))
	}
	return e
}

// textOf is the text of an `error` event, if it has the usual form.
func textOf(m Message) string {
	raw, _ := wire.Member(m.Data, "message")
	text, _ := wire.DecodeString(raw) // another form has no text
	return text
}

// mayAskAgain reports whether an HTTP status other than 101 may be another one
// next time: a server that restarts, or a proxy that has none at the moment.
func mayAskAgain(status int) bool {
	switch status {
	case http.StatusNotFound, http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= http.StatusInternalServerError
}
