package frame

// Append appends a whole unmasked frame. The payload of a control frame must
// not exceed [MaxControl] bytes.
func Append(dst []byte, op Opcode, payload []byte) []byte {
	return append(AppendHeader(dst, op, true, false, len(payload)), payload...)
}
