package client

// Close codes that mean something to a client (PROTOCOL.md, "Errors and
// closes"; RFC 6455, section 7.4).
const (
	closeNormal               = 1000
	closeGoingAway            = 1001
	closeProtocolError        = 1002
	closeUnsupported          = 1003
	closeInvalidData          = 1007
	closePolicy               = 1008
	closeTooBig               = 1009
	closeAuthenticationFailed = 4003
	closeEncryptionRequired   = 4004
)

// closeGaveUp is what this client closes with when it gives a connection up;
// the reason is the error's code.
const closeGaveUp = 4900

// mayReturn reports whether a client should come back after a close with this
// code. Codes that nobody has given a meaning here are taken for passing
// trouble.
func mayReturn(code int) bool {
	switch code {
	case closeNormal, closeProtocolError, closeUnsupported, closeInvalidData, closePolicy, closeTooBig,
		closeAuthenticationFailed, closeEncryptionRequired:
		return false
	}
	return true
}
