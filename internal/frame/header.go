package frame

import "encoding/binary"

// header is the fixed part of one frame.
type header struct {
	op     Opcode
	fin    bool
	rsv1   bool
	masked bool
	key    [4]byte
	length int // of the payload
}

const (
	bitFin    = 0x80
	bitRSV1   = 0x40
	bitsRSV23 = 0x30
	bitMask   = 0x80
)

var (
	errReserved      = &CloseError{1002, "reserved bits set"}
	errOpcode        = &CloseError{1002, "reserved opcode"}
	errControlSplit  = &CloseError{1002, "fragmented control frame"}
	errControlLong   = &CloseError{1002, "control frame longer than 125 bytes"}
	errNotMasked     = &CloseError{1002, "frame of a client not masked"}
	errMasked        = &CloseError{1002, "frame of a server masked"}
	errLongLength    = &CloseError{1002, "length not in its shortest form"}
	errLengthTooHigh = &CloseError{1002, "length with its highest bit set"}
	errContinuation  = &CloseError{1002, "continuation without a message"}
	errInterleaved   = &CloseError{1002, "new message within a fragmented one"}
)

// parseHeader reads the header at the start of b, which is not empty, into
// r.frame. It looks at every byte as soon as it is there, so that a violation
// is found in an incomplete header too, and in the same place however the input
// was cut. size is the length of the header, or 0 if b ends before it does.
func (r *Reader) parseHeader(b []byte) (size int, err *CloseError) {
	h := &r.frame
	h.op, h.fin, h.rsv1 = Opcode(b[0]&0x0f), b[0]&bitFin != 0, b[0]&bitRSV1 != 0
	if err := r.checkFirst(b[0], h); err != nil {
		return 0, err
	}
	if len(b) == 1 {
		return 0, nil
	}

	h.masked = b[1]&bitMask != 0
	n := uint64(b[1] &^ bitMask)
	switch {
	case h.masked == r.client:
		if r.client {
			return 0, errMasked
		}
		return 0, errNotMasked
	case n > MaxControl && h.op.IsControl():
		return 0, errControlLong
	}

	size = 2
	switch n {
	case 126:
		if size += 2; len(b) < size {
			return 0, nil
		}
		if n = uint64(binary.BigEndian.Uint16(b[2:])); n < 126 {
			return 0, errLongLength
		}
	case 127:
		if size += 8; len(b) < size {
			return 0, nil
		}
		n = binary.BigEndian.Uint64(b[2:])
		if n < 1<<16 {
			return 0, errLongLength
		}
		if n >= 1<<63 {
			return 0, errLengthTooHigh
		}
	}
	if err := r.checkLength(h, n); err != nil {
		return 0, err
	}
	h.length = int(n)

	if h.masked {
		if size += 4; len(b) < size {
			return 0, nil
		}
		h.key = [4]byte(b[size-4:])
	}
	return size, nil
}

// checkFirst applies the rules for the first byte of a header, b0.
func (r *Reader) checkFirst(b0 byte, h *header) *CloseError {
	switch {
	case b0&bitsRSV23 != 0:
		return errReserved
	case h.rsv1 && (!r.deflate || h.op == Continuation || h.op.IsControl()):
		return errReserved // RFC 7692, section 6: only on the first frame of a message
	case h.op > Binary && h.op < Close || h.op > Pong:
		return errOpcode
	case h.op.IsControl() && !h.fin:
		return errControlSplit
	case h.op == Continuation && r.op == Continuation:
		return errContinuation
	case (h.op == Text || h.op == Binary) && r.op != Continuation:
		return errInterleaved
	}
	return nil
}

// checkLength refuses a frame that makes its message too long before any of
// its payload has arrived.
func (r *Reader) checkLength(h *header, n uint64) *CloseError {
	if h.op.IsControl() {
		return nil
	}
	limit := uint64(max(r.cfg.MaxMessage, 0))
	if h.rsv1 || r.compressed {
		limit = deflateBound(limit)
	}
	// A message in progress never exceeds the limit, so this cannot underflow.
	if n > limit-uint64(len(r.msg)) {
		return errTooLong
	}
	return nil
}

// AppendHeader appends the header of an unmasked frame with n bytes of
// payload.
func AppendHeader(dst []byte, op Opcode, fin, rsv1 bool, n int) []byte {
	return appendHeader(dst, op, fin, rsv1, n, 0)
}

// appendHeader is AppendHeader with mask being bitMask or 0.
func appendHeader(dst []byte, op Opcode, fin, rsv1 bool, n int, mask byte) []byte {
	b0 := byte(op)
	if fin {
		b0 |= bitFin
	}
	if rsv1 {
		b0 |= bitRSV1
	}
	switch {
	case n < 126:
		return append(dst, b0, mask|byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, b0, mask|126), uint16(n))
	default:
		return binary.BigEndian.AppendUint64(append(dst, b0, mask|127), uint64(n))
	}
}
