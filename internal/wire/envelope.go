package wire

import (
	"slices"
	"strconv"
)

// MessageType says whom an envelope concerns.
type MessageType string

// The types of envelopes. Target is the id of a client or user, or a room.
const (
	TypeClient    MessageType = "client"
	TypeUser      MessageType = "user"
	TypeRoom      MessageType = "room"
	TypeBroadcast MessageType = "broadcast"
)

// Envelope is one message between servers; see PROTOCOL.md, "Redis".
type Envelope struct {
	ServerID string      // who published it
	Type     MessageType // whom it concerns
	Target   string      // empty for a broadcast
	Event    string
	Data     []byte   // one JSON value; nil when absent
	Exclude  []string // ids of clients that do not get it; counts for rooms and broadcasts
	Epoch    string   // with Seq, Hearth's own; empty when absent
	Seq      uint64   // 0 when absent
}

// AppendEnvelope appends the JSON form of e to dst, with the members in the
// order of the original helper. What is empty is left out: target, data,
// exclude, epoch and seq.
func AppendEnvelope(dst []byte, e *Envelope) []byte {
	const fixed = len(`{"serverId":"","type":"","target":"","event":"","data":,"epoch":"","seq":18446744073709551615}`)
	dst = slices.Grow(dst, fixed+len(e.ServerID)+len(e.Type)+len(e.Target)+len(e.Event)+len(e.Data)+len(e.Epoch))

	dst = append(dst, `{"serverId":`...)
	dst = AppendString(dst, e.ServerID)
	dst = append(dst, `,"type":`...)
	dst = AppendString(dst, string(e.Type))
	if e.Target != "" {
		dst = append(dst, `,"target":`...)
		dst = AppendString(dst, e.Target)
	}
	dst = append(dst, `,"event":`...)
	dst = AppendString(dst, e.Event)
	if len(e.Data) > 0 {
		dst = append(dst, `,"data":`...)
		dst = append(dst, e.Data...)
	}
	if len(e.Exclude) > 0 {
		dst = append(dst, `,"exclude":`...)
		dst = appendStrings(dst, e.Exclude)
	}
	if e.Epoch != "" {
		dst = append(dst, `,"epoch":`...)
		dst = AppendString(dst, e.Epoch)
	}
	if e.Seq != 0 {
		dst = append(dst, `,"seq":`...)
		dst = strconv.AppendUint(dst, e.Seq, 10)
	}
	return append(dst, '}')
}

// appendStrings appends list, which is not empty, as a JSON array.
func appendStrings(dst []byte, list []string) []byte {
	separator := byte('[')
	for _, s := range list {
		dst = append(dst, separator)
		dst = AppendString(dst, s)
		separator = ','
	}
	return append(dst, ']')
}
