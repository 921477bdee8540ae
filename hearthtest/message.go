package hearthtest

import (
	"encoding/json"
	"fmt"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/internal/wire"
)

// Message is what a client received. Event, Data and ID are empty when it has
// not the {event, data} form.
type Message struct {
	hearth.Message
	Binary bool // the frame was binary
}

// String is for failures: the message as it was received.
func (m Message) String() string {
	if m.Binary {
		return fmt.Sprintf("binary %q", m.Raw)
	}
	return string(m.Raw)
}

func parse(raw []byte, binary bool) Message {
	m := Message{Message: hearth.Message{Raw: raw}, Binary: binary}
	if form, err := wire.DecodeMessage(raw); err == nil {
		m.Event, m.Data, m.ID = string(form.Event), form.Data, form.ID
	}
	return m
}

// encode is the message {event, data}, without data if that is hearth.Absent.
func encode(event string, data any) ([]byte, error) {
	if data == hearth.Absent {
		return json.Marshal(map[string]any{"event": event})
	}
	return json.Marshal(struct {
		Event string `json:"event"`
		Data  any    `json:"data"`
	}{event, data})
}
