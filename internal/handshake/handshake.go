// Package handshake turns an HTTP request into a WebSocket connection (RFC
// 6455, section 4.2) and negotiates permessage-deflate (RFC 7692).
//
// It works in two steps, so that a server can decide about admission between
// them: [Check] validates the request and writes nothing, [Plan.Accept] takes
// the connection over and answers 101. [Upgrade] does both. What is refused is
// answered by [Error.Write] in plain text that says what to do.
package handshake

import (
	"net"
	"net/http"
	"time"
)

// Options are the same for all requests of a server and may be used by many at
// once. The zero value refuses pages of other origins, does not compress and
// selects the first subprotocol that is offered.
type Options struct {
	// Deflate accepts permessage-deflate when a client offers it. Default: off.
	Deflate bool

	// Subprotocol selects one of the offered subprotocols, in the client's
	// order of preference, or "" for none. It is called only if there are any.
	// Default: the first, since browsers fail when none is selected.
	Subprotocol func(offered []string) string

	// Origins lists the origins of pages that may connect besides those of
	// the requested host: scheme://host[:port], where a first label of * stands
	// for one or more labels. [CheckOrigin] validates one. Requests without an
	// Origin, which do not come from pages, are always let in.
	Origins []string

	// AllowAnyOrigin lets pages of all origins connect. Default: false.
	AllowAnyOrigin bool

	// TrustForwarded takes the first value of X-Forwarded-Host, if present, as
	// the requested host. Only for servers behind a proxy that sets it.
	// Default: false.
	TrustForwarded bool

	// Header is added to the answer 101, except fields that belong to the
	// handshake itself.
	Header http.Header

	// WriteTimeout bounds the writing of the answer. Default: 10 s.
	WriteTimeout time.Duration
}

// Result is a connection that was upgraded.
type Result struct {
	// Conn belongs to the caller. It has no deadlines.
	Conn net.Conn
	// Buffered holds what the client had already sent behind its request: the
	// first bytes of its first frames. Nil if nothing.
	Buffered []byte
	// Deflate tells that permessage-deflate was agreed on, without context
	// takeover in either direction.
	Deflate bool
	// WindowBits is the largest window to compress with, 9 to 15.
	WindowBits int
	// Subprotocol that was selected, or "".
	Subprotocol string
}

// Plan is what a valid request and the options agree on. It holds for that
// request only.
type Plan struct {
	Deflate     bool
	WindowBits  int
	Subprotocol string

	key     string
	options *Options
}

// Check validates r strictly and negotiates, without writing or reading
// anything.
func Check(r *http.Request, o *Options) (Plan, *Error) {
	p := Plan{WindowBits: defaultWindowBits, options: o}
	if err := checkRequest(r); err != nil {
		return p, err
	}
	if err := o.checkOrigin(r); err != nil {
		return p, err
	}
	p.key = r.Header["Sec-Websocket-Key"][0]

	var err *Error
	if p.Subprotocol, err = o.selectSubprotocol(r.Header["Sec-Websocket-Protocol"]); err != nil {
		return p, err
	}
	offer, err := parseExtensions(r.Header["Sec-Websocket-Extensions"])
	if err != nil {
		return p, err
	}
	if o.Deflate && offer.accepted {
		p.Deflate, p.WindowBits = true, offer.windowBits
	}
	return p, nil
}

// Upgrade is [Check] and [Plan.Accept], and answers what they refuse. An error
// is always an *[Error]; w is of no more use then, either.
func Upgrade(w http.ResponseWriter, r *http.Request, o *Options) (Result, error) {
	plan, err := Check(r, o)
	if err != nil {
		err.Write(w)
		return Result{}, err
	}
	return plan.Accept(w)
}
