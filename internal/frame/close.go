package frame

import (
	"encoding/binary"
	"unicode/utf8"
)

// NoStatus stands for a close frame without a code (RFC 6455, section 7.1.5).
// It never appears in a frame.
const NoStatus = 1005

var (
	errCloseShort  = &CloseError{1002, "close frame with a payload of one byte"}
	errCloseCode   = &CloseError{1002, "invalid close code"}
	errCloseReason = &CloseError{1007, "close reason is not UTF-8"}
)

// ValidCloseCode reports whether code may stand in a close frame: the codes
// registered with IANA (RFC 6455, section 11.7) that are not reserved for use
// without a frame, and those of libraries (3000-3999) and applications
// (4000-4999).
func ValidCloseCode(code int) bool {
	switch {
	case code >= 1000 && code <= 1003, code >= 1007 && code <= 1014:
		return true
	}
	return code >= 3000 && code <= 4999
}

// ParseClose splits the payload of a close frame that [Handler.Control] was
// given. Without a code it returns [NoStatus] and no reason. reason shares its
// memory with payload.
func ParseClose(payload []byte) (code int, reason []byte) {
	if len(payload) < 2 {
		return NoStatus, nil
	}
	return int(binary.BigEndian.Uint16(payload)), payload[2:]
}

// checkClose validates the payload of a close frame (RFC 6455, sections 5.5.1
// and 7.4).
func checkClose(payload []byte) *CloseError {
	switch len(payload) {
	case 0:
		return nil
	case 1:
		return errCloseShort
	}
	code, reason := ParseClose(payload)
	switch {
	case !ValidCloseCode(code):
		return errCloseCode
	case !utf8.Valid(reason):
		return errCloseReason
	}
	return nil
}

// AppendClose appends a whole unmasked close frame. A reason longer than 123
// bytes is cut where a code point ends; code 0 makes a frame without code and
// reason.
func AppendClose(dst []byte, code int, reason string) []byte {
	if code == 0 {
		return AppendHeader(dst, Close, true, false, 0)
	}
	reason = cut(reason, MaxControl-2)
	dst = AppendHeader(dst, Close, true, false, 2+len(reason))
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	return append(dst, reason...)
}

// cut returns the longest prefix of s that has at most n bytes and does not
// end within a code point.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
