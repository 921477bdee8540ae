package connect

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestAsJSON(t *testing.T) {
	for _, test := range []struct {
		m    message
		want string
	}{
		{message{[]byte(`{"event":"a","data":1e400}`), false}, `{"event":"a","data":1e400}`},
		{message{[]byte("{\n \"event\" : \"a\\u003c\"\r\n}"), false}, `{"event":"a\u003c"}`},
		{message{[]byte("no json\n"), false}, `{"text":"no json\n"}`},
		{message{[]byte{0, 255}, true}, `{"binary":"AP8="}`},
		{message{nil, false}, `{"text":""}`},
	} {
		got := string(asJSON(test.m))
		if got != test.want || !json.Valid([]byte(got)) || strings.Contains(got, "\n") {
			t.Errorf("%q is %s, want %s", test.m.payload, got, test.want)
		}
	}
}

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"plain, ä, 漢字, 👋": "plain, ä, 漢字, 👋",
		"tab\tstays":      "tab\tstays",
		"\x1b[2Jgone":     `\u001b[2Jgone`,
		"a\u202eb\u200fc": `a\u202eb\u200fc`,
		"\u009bcsi":       `\u009bcsi`,
		"\xff\xfe":        "\ufffd\ufffd",
		"line\nbreak":     `line\u000abreak`,
		"\U000e0041":      `\U000e0041`,
	} {
		if got := printable(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
}

func TestLine(t *testing.T) {
	p := printer{chatEvent: "chat"}
	for text, want := range map[string]string{
		`{"event":"chat","data":{"room":"lobby","from":"ada","text":"hi"}}`: "lobby  ada: hi",
		`{"event":"chat","data":{"room":"lobby"}}`:                          `chat {"room":"lobby"}`,
		`{"event":"chat","data":"hi"}`:                                      `chat "hi"`,
		`{"event":"other","data":{"text":"hi"}}`:                            `other {"text":"hi"}`,
		`{"event":"bare"}`:                                                  "bare",
		`{"event":"null","data":null}`:                                      "null null",
	} {
		e, ok := parse(message{[]byte(text), false})
		if got := p.sentence(e); !ok || got != want {
			t.Errorf("%s is shown as %q, want %q", text, got, want)
		}
	}
	for _, m := range []message{{[]byte(`[]`), false}, {[]byte(`{"data":1}`), false}, {[]byte(`{"event":"a"}`), true}} {
		if e, ok := parse(m); ok {
			t.Errorf("%q is %+v", m.payload, e)
		}
	}
}

// full is a disk.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// What cannot be written is not lost without a word.
func TestOutputThatIsFull(t *testing.T) {
	for _, asJSON := range []bool{false, true} {
		p := printer{out: full{}, json: asJSON}
		m := message{[]byte(`{"event":"a"}`), false}
		e, ok := parse(m)
		p.message(m, e, ok)
		if p.err == nil {
			t.Errorf("json %t: no error is known", asJSON)
		}
	}
}
