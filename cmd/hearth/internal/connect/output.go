package connect

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hearthws/hearth"
)

// message is one as it was received.
type message struct {
	payload []byte
	binary  bool
}

// envelope is what is understood of a message.
type envelope struct {
	Event string
	Data  json.RawMessage
}

// parse returns false for what is no {event, data} message.
func parse(m message) (envelope, bool) {
	var e envelope
	if m.binary || json.Unmarshal(m.payload, &e) != nil || e.Event == "" {
		return envelope{}, false
	}
	return e, true
}

// printer shows messages, to people or as lines of JSON.
type printer struct {
	out, talkTo io.Writer
	json        bool
	chatEvent   string
	err         error // why what has arrived could not be written, the first time
}

// line writes one.
func (p *printer) line(text string) {
	if _, err := io.WriteString(p.out, text+"\n"); p.err == nil {
		p.err = err
	}
}

// talk tells people something that is no data.
func (p *printer) talk(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	for line := range strings.Lines(text) {
		fmt.Fprintln(p.talkTo, printable(strings.TrimRight(line, "\n")))
	}
}

// raw shows a message as one line of JSON.
func (p *printer) raw(text []byte) {
	p.line(string(asJSON(message{text, false})))
}

// isOfProtocol reports whether an event is not the application's.
func isOfProtocol(event string) bool {
	return event == hearth.EventConnected || event == hearth.EventError
}

// message shows one; e is what it says if ok.
func (p *printer) message(m message, e envelope, ok bool) {
	switch {
	case p.json:
		p.line(string(asJSON(m)))
	case !ok && m.binary:
		p.line(fmt.Sprintf("(%d bytes) %s", len(m.payload), base64.StdEncoding.EncodeToString(m.payload)))
	case !ok:
		p.line(printable(string(m.payload)))
	case e.Event == hearth.EventConnected: // is talked about
	case e.Event == hearth.EventError:
		p.talk("error %s", e.Data)
	default:
		p.line(printable(p.sentence(e)))
	}
}

// sentence is a message for people.
func (p *printer) sentence(e envelope) string {
	var c chat
	if e.Event == p.chatEvent && json.Unmarshal(e.Data, &c) == nil && c.Text != "" {
		return fmt.Sprintf("%s  %s: %s", c.Room, c.From, c.Text)
	}
	return strings.TrimSpace(e.Event + " " + string(e.Data))
}

// asJSON is a message as one line of JSON: as it is if it is JSON; else
// {"text": …} or, for binary messages, {"binary": base64}.
func asJSON(m message) []byte {
	var line bytes.Buffer
	if !m.binary && json.Compact(&line, m.payload) == nil {
		return line.Bytes()
	}
	wrapped := map[string]any{"text": string(m.payload)}
	if m.binary {
		wrapped = map[string]any{"binary": m.payload}
	}
	raw, _ := json.Marshal(wrapped) // strings and bytes can always be encoded
	return raw
}

// printable escapes what could change the look of a terminal, or the order of
// its text: others have written it.
func printable(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, isUnprintable) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case !isUnprintable(r):
			b.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}

func isUnprintable(r rune) bool { return !unicode.IsPrint(r) && r != '\t' }
