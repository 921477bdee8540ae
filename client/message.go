package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/hearthws/hearth/internal/wire"
)

// Events of the protocol (PROTOCOL.md, "Events").
const (
	eventAuthenticate = "authenticate"
	eventConnected    = "connected"
	eventError        = "error"
	eventHeartbeat    = "heartbeat"
	eventJoin         = "join"
	eventLeave        = "leave"
)

// Message is one as it was received, or as it was to be sent. Its slices may be
// kept, and must not be changed: handlers share them.
type Message struct {
	Event string          // "": a frame that is no message, see [Client.OnRaw]
	Data  json.RawMessage // nil: it has none
	ID    json.RawMessage // nil: it has none
	Raw   []byte          // the whole message
}

// Decode stores the data in v, which is left as it is when there is none.
func (m Message) Decode(v any) error {
	if m.Data == nil {
		return nil
	}
	if err := json.Unmarshal(m.Data, v); err != nil {
		return fmt.Errorf("hearth: data of %q: %w", m.Event, err)
	}
	return nil
}

// DataOf is the data of m as a T; absent data is T's zero value.
func DataOf[T any](m Message) (T, error) {
	var v T
	err := m.Decode(&v)
	return v, err
}

// parse reads what is in a text frame.
func parse(raw []byte) Message {
	m := Message{Raw: raw}
	if form, err := wire.DecodeMessage(raw); err == nil {
		m.Event, m.Data, m.ID = string(form.Event), form.Data, form.ID
	}
	return m
}

// encode makes the message {event, data, id}; nil leaves a member out.
func encode(event string, data, id any) (Message, *Error) {
	m := Message{Event: event}
	for _, member := range []struct {
		to    *json.RawMessage
		value any
	}{{&m.Data, data}, {&m.ID, id}} {
		raw, err := encodeValue(member.value)
		if err != nil {
			return m, &Error{Code: ErrUsage, Text: fmt.Sprintf("the data of %q cannot be written as JSON: %v", event, err), Err: err}
		}
		*member.to = raw
	}
	m.Raw = wire.AppendMessage(nil, event, m.Data)
	if m.ID != nil {
		m.Raw = append(m.Raw[:len(m.Raw)-1], `,"id":`...)
		m.Raw = append(append(m.Raw, m.ID...), '}')
	}
	return m, nil
}

// encodeValue is the JSON of v; nil is nothing, and JSON is left as it is.
func encodeValue(v any) (json.RawMessage, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case json.RawMessage:
		if v != nil && !wire.Valid(v) {
			return nil, fmt.Errorf("a json.RawMessage is not JSON")
		}
		return v, nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	// A json.RawMessage in v, or what MarshalJSON returns, is not looked at: a
	// server would close for it, for good.
	if !utf8.Valid(b.Bytes()) {
		return nil, errors.New("it is not UTF-8")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
