package hearth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hearthws/hearth/internal/wire"
)

// Message is what a client sent. Its byte slices may be kept, and must not be
// changed: they share memory.
type Message struct {
	Event string
	Data  json.RawMessage // as it was sent; nil: the message had none
	ID    json.RawMessage // of any JSON type; nil: none
	Raw   json.RawMessage // the whole message
}

// Raw is a message without the {event, data} form: a WebSocket message just
// as the application wants it.
type Raw struct {
	Payload    []byte
	Binary     bool // a binary message; otherwise text, which must be UTF-8
	NoCompress bool // never compressed
}

// absent is the type of Absent.
type absent struct{}

// Absent as data leaves the member `data` out of a message; nil is JSON null.
var Absent absent

var null = json.RawMessage("null")

// encodeData is the JSON of v; nil for [Absent].
func encodeData(v any) (json.RawMessage, error) {
	switch v := v.(type) {
	case nil:
		return null, nil
	case absent:
		return nil, nil
	case json.RawMessage:
		if v == nil {
			return null, nil
		}
		if !wire.Valid(v) {
			return nil, errors.New("hearth: data is a json.RawMessage that is not JSON")
		}
		return v, nil
	case string:
		return wire.AppendString(make([]byte, 0, len(v)+2), v), nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("hearth: data cannot be written as JSON: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// DataOf decodes the data of a message; absent data is T's zero value.
func DataOf[T any](m Message) (T, error) {
	var v T
	if m.Data == nil {
		return v, nil
	}
	if err := json.Unmarshal(m.Data, &v); err != nil {
		return v, fmt.Errorf("hearth: data of %q: %w", m.Event, err)
	}
	return v, nil
}

// MetadataOf is the client's metadata if it is a T.
func MetadataOf[T any](c *Client) (T, bool) {
	v, ok := c.Metadata().(T)
	return v, ok
}

// AuthenticateWith makes an [AuthenticateFunc] of a function that takes the
// credentials as a T. Credentials that do not fit T are refused.
func AuthenticateWith[T any](f func(ctx context.Context, c *Client, credentials T) (Identity, error)) AuthenticateFunc {
	return func(ctx context.Context, c *Client, data json.RawMessage) (Identity, error) {
		var v T
		if err := json.Unmarshal(data, &v); err != nil {
			return Identity{}, fmt.Errorf("%w: credentials: %w", ErrRejected, err)
		}
		return f(ctx, c, v)
	}
}
