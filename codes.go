package hearth

// Cause says how a connection ended.
type Cause struct {
	Code   int    // of the close frame; 1005: it had none; 1006: there was no close frame
	Reason string // of the close frame
	Err    error  // what happened to the socket, for 1006
}

// Close codes that Hearth sends, or an application may; RFC 6455 section 7.4 and
// PROTOCOL.md. A client should come back after 1001, 1005, 1006, 1011, 1012, 1013,
// 4001, 4002 and 4005, and should not after 1000, 1002, 1003, 1007, 1008, 1009, 4003
// and 4004. Codes from 4100 on are an application's own, and clients come back.
const (
	CloseNormal               = 1000
	CloseGoingAway            = 1001
	CloseProtocolError        = 1002
	CloseNoStatus             = 1005 // never sent: the close frame had no code
	CloseAbnormal             = 1006 // never sent: there was no close frame
	CloseInvalidData          = 1007
	ClosePolicy               = 1008
	CloseTooBig               = 1009
	CloseInternal             = 1011
	CloseTryAgainLater        = 1013
	CloseAuthTimeout          = 4001
	CloseHeartbeatTimeout     = 4002
	CloseAuthenticationFailed = 4003
	CloseEncryptionRequired   = 4004
	CloseSealRefused          = 4005
)

// Texts of close frames.
const (
	reasonShutdown           = "Server shutting down"
	reasonAuthTimeout        = "Authentication timeout"
	reasonHeartbeatTimeout   = "Heartbeat timeout"
	reasonAuthFailed         = "Authentication failed"
	reasonEncryptionRequired = "Encryption required"
	reasonSealRefused        = "Sealed message refused"
	reasonSealFailed         = "Encryption failed"
	reasonBackpressure       = "Too slow"
	reasonRate               = "Too many messages"
	reasonEarly              = "Too many errors before authentication"
	reasonUser               = "Too many connections of this user"
)

// Texts of error events.
const (
	errorInvalidFormat        = "Invalid message format"
	errorNotAuthenticated     = "Not authenticated"
	errorAlreadyAuthenticated = "Already authenticated"
	errorAuthFailed           = "Authentication failed"
	errorAuthError            = "Authentication error"
	errorHandshakeFailed      = "Encryption handshake failed"
	errorEncryptionRequired   = "Encryption required"
	errorSealRefused          = "Sealed message refused"
	errorTooManyRooms         = "Too many rooms"
)
