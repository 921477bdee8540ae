package wire

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// What makes a payload no envelope.
var (
	ErrEnvelope = errors.New("wire: envelope is not a JSON object")
	ErrServerID = errors.New("wire: envelope's serverId is not a string")
	ErrEvent    = errors.New("wire: envelope's event is not a string")
	ErrType     = errors.New("wire: envelope's type is unknown")
	ErrTarget   = errors.New("wire: envelope has no target")
)

// DecodeEnvelope reads an envelope. Data aliases b; the rest does not.
//
// A target that is a number is read as the text that JavaScript prints for it.
// A broadcast has no target, whatever it says. An exclude that is not an array
// of strings excludes nobody, an epoch that is not a string and a seq that is
// not an unsigned integer of 64 bits are absent; none of them loses the
// envelope. Of members of the same name the last one counts. Others are ignored.
func DecodeEnvelope(b []byte) (Envelope, error) {
	raw, ok := readEnvelope(b)
	switch {
	case !ok:
		return Envelope{}, ErrEnvelope
	case !isString(raw.serverID):
		return Envelope{}, ErrServerID
	case !isString(raw.event):
		return Envelope{}, ErrEvent
	}
	kind := messageType(raw.kind)
	if kind == "" {
		return Envelope{}, ErrType
	}
	target := targetOf(raw.target)
	if kind == TypeBroadcast {
		target = nil
	} else if len(target) == 0 {
		return Envelope{}, ErrTarget
	}

	e := Envelope{Type: kind, Data: raw.data}
	var epoch []byte
	if isString(raw.epoch) {
		epoch = content(raw.epoch)
	}
	e.ServerID, e.Target, e.Event, e.Epoch = copied(content(raw.serverID), target, content(raw.event), epoch)
	if list, others, ok := stringsIn(raw.exclude); ok && others == 0 {
		e.Exclude = list
	}
	if isNumber(raw.seq) {
		e.Seq = integer(raw.seq)
	}
	return e, nil
}

// rawEnvelope holds the members of an envelope as they stand in the source.
// Those that have a default are JSON null when absent.
type rawEnvelope struct {
	serverID, kind, target, event, data, exclude, epoch, seq []byte
}

var null = []byte("null")

func readEnvelope(b []byte) (raw rawEnvelope, ok bool) {
	if !utf8.Valid(b) {
		return raw, false
	}
	raw = rawEnvelope{serverID: null, kind: null, target: null, event: null, exclude: null, epoch: null, seq: null}
	o := readObject(b)
	for o.next() {
		switch string(o.name) {
		case "serverId":
			raw.serverID = o.value
		case "type":
			raw.kind = o.value
		case "target":
			raw.target = o.value
		case "event":
			raw.event = o.value
		case "data":
			raw.data = o.value
		case "exclude":
			raw.exclude = o.value
		case "epoch":
			raw.epoch = o.value
		case "seq":
			raw.seq = o.value
		}
	}
	return raw, o.complete
}

// messageType returns "" for a value that is no known type.
func messageType(value []byte) MessageType {
	if !isString(value) {
		return ""
	}
	switch string(content(value)) {
	case "client":
		return TypeClient
	case "user":
		return TypeUser
	case "room":
		return TypeRoom
	case "broadcast":
		return TypeBroadcast
	}
	return ""
}

// targetOf returns nothing for a value that names no target.
func targetOf(value []byte) []byte {
	switch {
	case isString(value):
		return content(value)
	case isNumber(value):
		return []byte(numberText(value))
	}
	return nil
}

// copied returns the four texts as strings that share one allocation.
func copied(a, b, c, d []byte) (string, string, string, string) {
	var text strings.Builder
	text.Grow(len(a) + len(b) + len(c) + len(d))
	text.Write(a)
	text.Write(b)
	text.Write(c)
	text.Write(d)
	all := text.String()
	first, second, third := len(a), len(a)+len(b), len(a)+len(b)+len(c)
	return all[:first], all[first:second], all[second:third], all[third:]
}
