package wire_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth/internal/wire"
)

// The tests of this file hold PROTOCOL.md and the vectors against each other.

type closeCodeVectors struct {
	Codes []struct {
		Code         int
		Reason       *string
		When, Sender string
		Reconnect    bool
	}
	Others struct{ Reconnect bool }
}

type eventVectors struct {
	Events []struct {
		Event   string
		In, Out bool
		Data    *string
	}
	NotEvents            []string
	MessageTypes, States []string
	Errors               []struct {
		Message string
		Close   *int
	}
}

func readProtocol(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(protocolDir, "PROTOCOL.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// table returns the rows of the table in PROTOCOL.md with this heading,
// without the formatting of code.
func table(t *testing.T, heading string) [][]string {
	t.Helper()
	_, rest, found := strings.Cut(readProtocol(t), "\n"+heading+"\n")
	body, _, ended := strings.Cut(rest, "\n\n")
	if !found || !ended {
		t.Fatalf("PROTOCOL.md has no table %s", heading)
	}
	var rows [][]string
	for _, line := range strings.Split(body, "\n")[1:] { // the first one is |---|
		cells := strings.Split(strings.ReplaceAll(line, "`", ""), "|")
		row := cells[1 : len(cells)-1]
		for i := range row {
			row[i] = strings.TrimSpace(row[i])
		}
		rows = append(rows, row)
	}
	return rows
}

func TestCloseCodes(t *testing.T) {
	var vectors closeCodeVectors
	load(t, "close-codes.json", &vectors)
	answer := map[bool]string{true: "yes", false: "no"}
	var want [][]string
	for _, c := range vectors.Codes {
		var reason string
		if c.Reason != nil {
			reason = *c.Reason
		}
		if len(reason) > 123 || !utf8.ValidString(reason) {
			t.Errorf("%d: %q does not fit a close frame (RFC 6455 section 5.5)", c.Code, reason)
		}
		if local := c.Code == 1005 || c.Code == 1006; local != (c.Sender == "local") {
			t.Errorf("%d is sent by %q; RFC 6455 section 7.4.1 forbids 1005 and 1006 on the wire", c.Code, c.Sender)
		}
		want = append(want, []string{strconv.Itoa(c.Code), reason, c.When, answer[c.Reconnect]})
	}
	if diff := cmp.Diff(want, table(t, "| code | reason | when | come back |")); diff != "" {
		t.Errorf("close-codes.json and PROTOCOL.md (-json +md)\n%s", diff)
	}
	if !vectors.Others.Reconnect {
		t.Error("PROTOCOL.md says to come back after other codes")
	}
}

func TestEvents(t *testing.T) {
	var vectors eventVectors
	load(t, "events.json", &vectors)

	direction := map[[2]bool]string{{true, false}: "in", {false, true}: "out", {true, true}: "both", {false, false}: "–"}
	want := map[string]string{"any other": "both"}
	for _, e := range vectors.Events {
		want[e.Event] = direction[[2]bool{e.In, e.Out}]
	}
	got := map[string]string{}
	for _, row := range table(t, "| event | direction | data | what happens |") {
		got[row[0]] = row[1]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-json +md)\n%s", diff)
	}
	for _, name := range vectors.NotEvents {
		if _, is := want[name]; is {
			t.Errorf("%q is an event", name)
		}
	}

	var errors [][]string
	for _, e := range vectors.Errors {
		then := "–"
		if e.Close != nil {
			then = "close " + strconv.Itoa(*e.Close)
		}
		errors = append(errors, []string{e.Message, then})
	}
	var errorRows [][]string
	for _, row := range table(t, "| message | when | then |") {
		errorRows = append(errorRows, []string{row[0], row[2]})
	}
	if diff := cmp.Diff(errors, errorRows); diff != "" {
		t.Errorf("errors (-json +md)\n%s", diff)
	}

	types := []string{string(wire.TypeClient), string(wire.TypeUser), string(wire.TypeRoom), string(wire.TypeBroadcast)}
	if diff := cmp.Diff(vectors.MessageTypes, types); diff != "" {
		t.Errorf("message types (-want +got)\n%s", diff)
	}
	text := readProtocol(t)
	for _, state := range vectors.States {
		if !strings.Contains(text, strings.ToUpper(state)) {
			t.Errorf("PROTOCOL.md does not know the state %q", state)
		}
	}
}

// TestExamples decodes every message and envelope that PROTOCOL.md shows.
func TestExamples(t *testing.T) {
	messages, envelopes := 0, 0
	for line := range strings.Lines(readProtocol(t)) {
		line = strings.TrimSpace(line)
		if text, is := strings.CutPrefix(line, "▲ "); is {
			messages++
			if m, err := wire.DecodeMessage([]byte(text)); err != nil || len(m.Event) == 0 {
				t.Errorf("%s: %+v, %v", text, m, err)
			}
		}
		if text, is := strings.CutPrefix(line, "▼ "); is {
			messages++
			var m struct {
				Event string
				Data  json.RawMessage
			}
			if err := json.Unmarshal([]byte(text), &m); err != nil {
				t.Errorf("%s: %v", text, err)
			}
			if got := wire.AppendMessage(nil, m.Event, m.Data); string(got) != text {
				t.Errorf("%s would be written %s", text, got)
			}
		}
		if command, is := strings.CutPrefix(line, "redis-cli PUBLISH "); is {
			envelopes++
			channel, quoted, _ := strings.Cut(command, " ")
			e, err := wire.DecodeEnvelope([]byte(strings.Trim(quoted, "'")))
			if err != nil || e.Channel() != channel {
				t.Errorf("%s: %+v, %v", line, e, err)
			}
			if got := string(wire.AppendEnvelope(nil, &e)); "'"+got+"'" != quoted {
				t.Errorf("%s would be written %s", quoted, got)
			}
		}
	}
	if messages == 0 || envelopes == 0 {
		t.Errorf("found %d messages and %d envelopes", messages, envelopes)
	}
}

// TestEveryVectorFileIsDescribed holds the folder against its README.
func TestEveryVectorFileIsDescribed(t *testing.T) {
	dir := filepath.Join(protocolDir, "vectors")
	readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		if name := filepath.Base(file); !strings.Contains(string(readme), "`"+name+"`") {
			t.Errorf("README.md does not describe %s", name)
		}
	}
}
