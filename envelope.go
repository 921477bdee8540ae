package hearth

import (
	"encoding/json"

	"github.com/hearthws/hearth/internal/wire"
)

// EmitterID is the serverId of every emitter's envelopes, so that every
// server handles them.
const EmitterID = "emitter"

// Envelope is what travels between servers and emitters. Its JSON form is in
// protocol/PROTOCOL.md. An Envelope is not changed once it was published or
// delivered.
type Envelope struct {
	ServerID string          // who published it
	Type     MessageType     // whom it concerns
	Target   string          // client id, user id or room; empty for a broadcast
	Event    string          // the name of the event
	Data     json.RawMessage // its data; nil leaves it out
	Exclude  []string        // ids of clients that do not get it; rooms and broadcasts only

	// Epoch names a run of numbers of one publisher, and Seq is the envelope's
	// number on its channel, from 1: whoever receives 7 after 4 has missed two.
	// A broker that can lose envelopes sets them when they are published
	// without; everybody else passes them on. "" and 0 leave them out.
	Epoch string
	Seq   uint64
}

// Channel is the broker channel that the envelope is published to.
func (e *Envelope) Channel() string {
	switch e.Type {
	case TypeClient:
		return ForClient(e.Target)
	case TypeUser:
		return ForUser(e.Target)
	case TypeRoom:
		return ForRoom(e.Target)
	}
	return ChannelBroadcast
}

// AppendJSON appends the envelope's JSON form to dst.
func (e *Envelope) AppendJSON(dst []byte) []byte {
	return wire.AppendEnvelope(dst, &wire.Envelope{
		ServerID: e.ServerID, Type: wire.MessageType(e.Type), Target: e.Target, Event: e.Event,
		Data: e.Data, Exclude: e.Exclude, Epoch: e.Epoch, Seq: e.Seq,
	})
}

// ParseEnvelope reads an envelope's JSON form. Its Data aliases b. The error
// says which member makes it none.
func ParseEnvelope(b []byte) (Envelope, error) {
	e, err := wire.DecodeEnvelope(b)
	if err != nil {
		return Envelope{}, err
	}
	return Envelope{
		ServerID: e.ServerID, Type: MessageType(e.Type), Target: e.Target, Event: e.Event,
		Data: e.Data, Exclude: e.Exclude, Epoch: e.Epoch, Seq: e.Seq,
	}, nil
}
