package wire

import (
	"errors"
	"slices"
	"unicode/utf8"
)

// ErrFormat is every reason for the answer "Invalid message format".
var ErrFormat = errors.New("wire: invalid message format")

// Message is what the server itself reads of a client's message. Data and ID
// are the raw JSON values and alias the message; they are nil when absent, and
// the four bytes null when null.
type Message struct {
	Event    []byte // unescaped; empty when missing, null or ""
	Data, ID []byte
}

// DecodeMessage reads a message that may be anything, the payload of a binary
// frame for instance. Everything that PROTOCOL.md, "Messages", calls malformed
// is [ErrFormat]; a message without an event is not, and has an empty Event.
//
// It allocates nothing, unless a name or the event contains an escape, or there
// are more than eight members.
func DecodeMessage(b []byte) (Message, error) {
	if !utf8.Valid(b) {
		return Message{}, ErrFormat
	}
	return DecodeText(b)
}

// DecodeText is [DecodeMessage] for the payload of a text frame, whose UTF-8
// the transport has checked already.
func DecodeText(b []byte) (Message, error) {
	var (
		m    Message
		seen nameSet
	)
	o := readObject(b)
	for o.next() {
		if !seen.add(o.name) {
			return Message{}, ErrFormat
		}
		switch string(o.name) {
		case "event":
			switch {
			case isString(o.value):
				m.Event = content(o.value)
			case string(o.value) != "null":
				return Message{}, ErrFormat
			}
		case "data":
			m.Data = o.value
		case "id":
			m.ID = o.value
		}
	}
	if !o.complete {
		return Message{}, ErrFormat
	}
	return m, nil
}

// AppendMessage appends the message {"event":event,"data":data} to dst. data is
// one JSON value; when it is nil the member is left out.
func AppendMessage(dst []byte, event string, data []byte) []byte {
	dst = slices.Grow(dst, len(`{"event":"","data":}`)+len(event)+len(data))
	dst = append(dst, `{"event":`...)
	dst = AppendString(dst, event)
	if len(data) > 0 {
		dst = append(dst, `,"data":`...)
		dst = append(dst, data...)
	}
	return append(dst, '}')
}
