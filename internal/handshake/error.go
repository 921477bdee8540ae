package handshake

import (
	"io"
	"net/http"
	"strconv"
)

// Error is a request that is refused, or a connection that could not be taken
// over.
type Error struct {
	// Status of the HTTP answer, or 0 when the connection is already gone.
	Status int
	// Reason names the rule in one word, for counters: protocol, method,
	// upgrade, connection, version, key, body, origin, subprotocol, extension,
	// hijack, write.
	Reason string
	// Text tells the client what to do.
	Text string
	// Err is the cause, for logs only, or nil.
	Err error
}

func (e *Error) Error() string {
	if e.Err != nil {
		return "handshake: " + e.Text + ": " + e.Err.Error()
	}
	return "handshake: " + e.Text
}

func (e *Error) Unwrap() error { return e.Err }

// Write answers the request with e as plain text and closes its connection.
func (e *Error) Write(w http.ResponseWriter) {
	if e.Status == 0 {
		return
	}
	h := w.Header()
	h["Connection"] = []string{"close"}
	switch e.Status {
	case http.StatusMethodNotAllowed:
		h.Set("Allow", http.MethodGet)
	case http.StatusUpgradeRequired:
		h["Connection"] = []string{"close", "Upgrade"} // RFC 9110, section 15.5.22
		h.Set("Upgrade", "websocket")
		h.Set("Sec-WebSocket-Version", "13")
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(e.Text)+1))
	w.WriteHeader(e.Status)
	_, _ = io.WriteString(w, e.Text+"\n")
}

var (
	errProtocol     = bad("protocol", "A WebSocket handshake needs HTTP/1.1. Connect with HTTP/1.1, in TLS by offering http/1.1 in ALPN; a proxy must pass it on as HTTP/1.1, too.")
	errMethod       = &Error{http.StatusMethodNotAllowed, "method", "A WebSocket handshake needs the method GET.", nil}
	errUpgrade      = &Error{http.StatusUpgradeRequired, "upgrade", "This is a WebSocket endpoint. Connect with a WebSocket client: the request needs the header Upgrade: websocket, which a proxy must pass on.", nil}
	errConnection   = bad("connection", "The request needs the header Connection: Upgrade, which a proxy must pass on.")
	errVersion      = &Error{http.StatusUpgradeRequired, "version", "The request needs one header Sec-WebSocket-Version: 13.", nil}
	errKey          = bad("key", "The request needs one header Sec-WebSocket-Key with 16 bytes in base64.")
	errBody         = bad("body", "A WebSocket handshake must not have a body.")
	errOrigin       = &Error{http.StatusForbidden, "origin", "Pages of this origin may not connect here. The origin must be that of the requested host or be allowed by the server's options.", nil}
	errSubprotocol  = bad("subprotocol", "The header Sec-WebSocket-Protocol must be a list of names separated by commas.")
	errSubprotocols = bad("subprotocol", "The header Sec-WebSocket-Protocol offers too much: at most 64 names.")
	errChosen       = &Error{http.StatusInternalServerError, "subprotocol", "The server selected a subprotocol that was not offered.", nil}
	errExtension    = bad("extension", "The header Sec-WebSocket-Extensions is malformed.")
	errExtensions   = bad("extension", "The header Sec-WebSocket-Extensions offers too much: at most 64 extensions and parameters.")
)

func bad(reason, text string) *Error {
	return &Error{http.StatusBadRequest, reason, text, nil}
}
