package wire_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hearthws/hearth/internal/wire"
)

// stringify is JSON.stringify of s by means of encoding/json, which differs in
// two characters that JavaScript does not escape.
func stringify(tb rapid.TB, s string) string {
	tb.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		tb.Fatal(err)
	}
	text := strings.TrimSuffix(b.String(), "\n")
	text = strings.ReplaceAll(text, `\\`, "\x00") // no escape begins inside of this one
	text = strings.NewReplacer(`\u2028`, "\u2028", `\u2029`, "\u2029", `\ufffd`, "\ufffd").Replace(text)
	return strings.ReplaceAll(text, "\x00", `\\`)
}

func checkString(tb rapid.TB, s string) {
	tb.Helper()
	literal := wire.AppendString(nil, s)
	if want := stringify(tb, s); string(literal) != want {
		tb.Errorf("AppendString(%q) is %s, want %s", s, literal, want)
	}
	got, ok := wire.DecodeString(literal)
	if want := string([]rune(s)); !ok || got != want {
		tb.Errorf("DecodeString(%s) is %q, %t, want %q", literal, got, ok, want)
	}
}

// TestEveryByteAtEveryPlace puts each byte at each place of two machine words,
// with others of its kind above it, where borrows could mark them wrongly.
func TestEveryByteAtEveryPlace(t *testing.T) {
	for c := range 256 {
		for place := range 17 {
			text := bytes.Repeat([]byte{'x'}, 17)
			text[place] = byte(c)
			checkString(t, string(text))
			for i := place + 1; i < len(text); i++ {
				text[i] = byte(c) ^ 1
			}
			checkString(t, string(text))
		}
	}
}

func TestStringsAgreeWithStandard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkString(t, rapid.String().Draw(t, "text"))
		checkString(t, string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")))
	})
}

func TestDecodeStringRefusesWhatIsNoLiteral(t *testing.T) {
	for _, literal := range []string{
		"", `"`, "x", `"x`, `x"`, `"x" `, ` "x"`, `"x""y"`, `"\"`, `"\x"`, `"\u12"`, "\"\n\"", "null", "1", `{"a":"b"}`,
	} {
		if got, ok := wire.DecodeString([]byte(literal)); ok || got != "" {
			t.Errorf("%q: got %q, %t", literal, got, ok)
		}
	}
}

func TestMember(t *testing.T) {
	for _, tt := range []struct {
		obj, name string
		want      string
		ok        bool
	}{
		{`{"publicKey":"BF2c"}`, "publicKey", `"BF2c"`, true},
		{` { "a" : [ 1 ] , "b" : null } `, "a", "[ 1 ]", true},
		{`{"b":null}`, "b", "null", true},
		{`{"a":1,"a":2}`, "a", "2", true},
		{`{"\u0061":1}`, "a", "1", true},
		{`{"a":{"b":1}}`, "b", "", false},
		{`{"A":1}`, "a", "", false},
		{`{}`, "a", "", false},
		{`{"a":1`, "a", "", false},
		{`{"a":1}x`, "a", "", false},
		{`{"a":1,}`, "a", "", false},
		{`["a"]`, "a", "", false},
		{`"a"`, "a", "", false},
		{"null", "a", "", false},
		{"", "a", "", false},
	} {
		got, ok := wire.Member([]byte(tt.obj), tt.name)
		if string(got) != tt.want || ok != tt.ok {
			t.Errorf("%s of %s: got %q, %t, want %q, %t", tt.name, tt.obj, got, ok, tt.want, tt.ok)
		}
	}
}
