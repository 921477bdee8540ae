package bench

import (
	"bytes"
	"encoding/hex"
)

// stamp identifies a message: the seq-th of its stream, and when it was meant
// to be sent. A stream is what a publisher sends into a room, or what a client
// sends to itself.
type stamp struct {
	stream uint32
	seq    uint32
	at     int64 // nanoseconds since 1970: another process may receive it
}

// mark stands before a stamp. A stamp is inside of a JSON string, so that it
// survives a server that decodes and encodes data.
const mark = "~hearth~"

const (
	stampLen = 32                                          // of hexadecimal digits
	minSize  = len(`{"m":"`+mark+`","pad":""}`) + stampLen // of a body
)

// bodies makes the data of messages.
type bodies struct {
	pad  []byte // with the end of the body
	text []byte // what must be in what arrives
}

func newBodies(size int) bodies {
	text := bytes.Repeat([]byte("x"), max(0, size-minSize))
	return bodies{pad: append(append([]byte(`","pad":"`), text...), `"}`...), text: text}
}

// append appends the data of a message.
func (b *bodies) append(dst []byte, s stamp) []byte {
	dst = append(dst, `{"m":"`+mark...)
	raw := [16]byte{
		byte(s.stream >> 24), byte(s.stream >> 16), byte(s.stream >> 8), byte(s.stream),
		byte(s.seq >> 24), byte(s.seq >> 16), byte(s.seq >> 8), byte(s.seq),
		byte(s.at >> 56), byte(s.at >> 48), byte(s.at >> 40), byte(s.at >> 32),
		byte(s.at >> 24), byte(s.at >> 16), byte(s.at >> 8), byte(s.at),
	}
	dst = hex.AppendEncode(dst, raw[:])
	return append(dst, b.pad...)
}

// next finds the first stamp in a message, and what follows it.
func (b *bodies) next(message []byte) (s stamp, rest []byte, ok bool) {
	i := bytes.Index(message, []byte(mark))
	if i < 0 || len(message) < i+len(mark)+stampLen {
		return stamp{}, nil, false
	}
	digits := message[i+len(mark):][:stampLen]
	var raw [16]byte
	if _, err := hex.Decode(raw[:], digits); err != nil {
		return stamp{}, nil, false
	}
	for i := range 4 {
		s.stream = s.stream<<8 | uint32(raw[i])
		s.seq = s.seq<<8 | uint32(raw[4+i])
	}
	for i := range 8 {
		s.at = s.at<<8 | int64(raw[8+i])
	}
	return s, message[i+len(mark)+stampLen:], true
}

// intact reports whether the rest of a message, as next returns it, has all of
// its body.
func (b *bodies) intact(rest []byte) bool { return bytes.Contains(rest, b.text) }
