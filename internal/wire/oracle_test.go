package wire_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/hearthws/hearth/internal/wire"
)

// The functions of this file hold package wire against encoding/json, whatever
// the input is. Fuzz targets and random tests share them.

// checkLiteral holds DecodeString against encoding/json.
func checkLiteral(t rapid.TB, b []byte) {
	t.Helper()
	got, ok := wire.DecodeString(b)
	var want string
	isLiteral := json.Unmarshal(b, &want) == nil && len(bytes.TrimSpace(b)) == len(b) && b[0] == '"'
	if ok != isLiteral {
		t.Fatalf("DecodeString(%q) is %t, want %t", b, ok, isLiteral)
	}
	if utf8.Valid(b) && ok && got != want {
		t.Errorf("DecodeString(%q) is %q, want %q", b, got, want)
	}
}

// members reads the members of an object by means of encoding/json. Names
// whose only difference is a lone surrogate are the same there; blurred says
// that there may be such names.
func members(b []byte) (names []string, values map[string]json.RawMessage, blurred, ok bool) {
	if !json.Valid(b) || !utf8.Valid(b) {
		return nil, nil, false, false
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if brace, err := d.Token(); err != nil || brace != json.Delim('{') {
		return nil, nil, false, false
	}
	values = map[string]json.RawMessage{}
	for d.More() {
		token, err := d.Token()
		name, isName := token.(string)
		if err != nil || !isName {
			return nil, nil, false, false
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, nil, false, false
		}
		names = append(names, name)
		values[name] = value
		blurred = blurred || strings.ContainsRune(name, utf8.RuneError)
	}
	return names, values, blurred, true
}

// checkMessage holds DecodeMessage against encoding/json.
func checkMessage(t rapid.TB, b []byte) {
	t.Helper()
	m, err := wire.DecodeMessage(b)
	if err != nil && (!errors.Is(err, wire.ErrFormat) || !cmp.Equal(m, wire.Message{})) {
		t.Fatalf("got %+v with %v", m, err)
	}

	names, values, blurred, ok := members(b)
	if blurred {
		return
	}
	var event *string
	ok = ok && len(names) == len(values)
	if value, has := values["event"]; ok && has {
		ok = json.Unmarshal(value, &event) == nil
	}
	if ok != (err == nil) {
		t.Fatalf("DecodeMessage(%q): %v, want no error: %t", b, err, ok)
	}
	if !ok {
		return
	}
	if event == nil {
		event = new(string)
	}
	if string(m.Event) != *event {
		t.Errorf("event of %q is %q, want %q", b, m.Event, *event)
	}
	sameRaw(t, "data", m.Data, values["data"])
	sameRaw(t, "id", m.ID, values["id"])

	again, err := wire.DecodeMessage(wire.AppendMessage(nil, *event, m.Data))
	if err != nil || !bytes.Equal(again.Event, m.Event) || !bytes.Equal(again.Data, m.Data) {
		t.Errorf("%+v was written and read as %+v, %v", m, again, err)
	}
}

// checkEnvelope holds DecodeEnvelope against encoding/json.
func checkEnvelope(t rapid.TB, b []byte) {
	t.Helper()
	e, err := wire.DecodeEnvelope(b)
	_, values, _, ok := members(b)
	if want := envelopeFault(values, ok); !errors.Is(err, want) {
		t.Fatalf("DecodeEnvelope(%q): %v, want %v", b, err, want)
	}
	if err != nil {
		return
	}
	sameRaw(t, "data", e.Data, values["data"])
	var exclude []*string
	if json.Unmarshal(values["exclude"], &exclude) != nil {
		exclude = nil
	}
	var want []string
	for _, id := range exclude {
		if id == nil {
			want = nil
			break
		}
		want = append(want, *id)
	}
	if diff := cmp.Diff(want, e.Exclude, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("exclude of %q (-want +got)\n%s", b, diff)
	}

	again, err := wire.DecodeEnvelope(wire.AppendEnvelope(nil, &e))
	if diff := cmp.Diff(e, again, cmpopts.EquateEmpty()); err != nil || diff != "" {
		t.Errorf("%q, once written and read: %v (-want +got)\n%s", b, err, diff)
	}
}

// envelopeFault says what is wrong with an envelope of these members.
func envelopeFault(values map[string]json.RawMessage, ok bool) error {
	if !ok {
		return wire.ErrEnvelope
	}
	text := func(name string) (string, bool) {
		var s *string
		err := json.Unmarshal(values[name], &s)
		return deref(s), err == nil && s != nil
	}
	if _, ok := text("serverId"); !ok {
		return wire.ErrServerID
	}
	if _, ok := text("event"); !ok {
		return wire.ErrEvent
	}
	switch kind, _ := text("type"); kind {
	case "broadcast":
		return nil
	case "client", "user", "room":
	default:
		return wire.ErrType
	}
	if target, _ := text("target"); target != "" {
		return nil
	}
	var number *json.Number
	if raw := values["target"]; len(raw) > 0 && raw[0] != '"' && json.Unmarshal(raw, &number) == nil && number != nil {
		return nil
	}
	return wire.ErrTarget
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// checkRooms holds DecodeRooms against encoding/json.
func checkRooms(t rapid.TB, b []byte) {
	t.Helper()
	rooms, ok := wire.DecodeRooms(b)
	if !utf8.Valid(b) {
		return // the caller's care
	}
	_, values, _, _ := members(b)
	var list []json.RawMessage
	wantOK := len(values["rooms"]) > 0 && values["rooms"][0] == '[' && json.Unmarshal(values["rooms"], &list) == nil
	var want []string
	for _, element := range list {
		var name *string
		if json.Unmarshal(element, &name) == nil && name != nil {
			want = append(want, *name)
		}
	}
	if diff := cmp.Diff(want, rooms, cmpopts.EquateEmpty()); ok != wantOK || diff != "" {
		t.Fatalf("DecodeRooms(%q): %t, want %t (-want +got)\n%s", b, ok, wantOK, diff)
	}
	for _, name := range rooms {
		if wire.ValidRoomName(name) && (name == "" || len(name) > 3*wire.MaxRoomName || strings.HasPrefix(name, "ws:")) {
			t.Errorf("%q is valid", name)
		}
	}
}
