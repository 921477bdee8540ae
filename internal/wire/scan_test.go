package wire_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/hearthws/hearth/internal/wire"
)

// checkValid holds Valid against encoding/json, which does not look at UTF-8.
func checkValid(tb rapid.TB, b []byte) {
	tb.Helper()
	want := json.Valid(b) && utf8.Valid(b)
	if got := wire.Valid(b); got != want {
		tb.Errorf("Valid(%.100q) is %t, want %t", b, got, want)
	}
}

func TestValidAgreesWithStandard(t *testing.T) {
	for _, text := range []string{
		"", " ", "null", " true\n", "false", "0", "-0", "-", "01", "-01", "1.", ".1", "1.0", "1e", "1e+", "1E-2", "1e+2.5",
		"1 2", "1,2", "NaN", "nul", "nulll", "tru", "truefalse", `""`, `"`, `"\"`, `"\u12g4"`, `"\uABcd"`, "\"\t\"", "\"\x7f\"",
		"[]", "[ ]", "[,]", "[1,]", "[1 2]", "[1,2]", "[[[]]]", "[}", "{]", "[{]]", "[", "]", "{}", "{ }", "{,}", `{"a"}`, `{"a":}`, `{"a":1,}`,
		`{"a":1 "b":2}`, `{"a":1,"a":2}`, `{1:2}`, `{"a":{"b":[{"c":{}}]}}`, `{"a":[1,{"b":2}],"c":[]}`, `{"a":[}]`, "\ufeff1", "\xff", "\"\xff\"",
		"\u00a01", "1\x00", "\v1", "/**/1", "'a'", `{a:1}`, "[1]]", "{}}",
	} {
		checkValid(t, []byte(text))
	}
}

// TestDepth goes to where a word of nesting is full, and to the limit.
func TestDepth(t *testing.T) {
	nested := func(opening, inner, closing string, depth int) []byte {
		return []byte(strings.Repeat(opening, depth) + inner + strings.Repeat(closing, depth))
	}
	for _, depth := range []int{1, 63, 64, 65, 127, 128, 129, 193, wire.MaxDepth - 1, wire.MaxDepth, wire.MaxDepth + 1} {
		for _, b := range [][]byte{
			nested("[", "", "]", depth),
			nested("[", "1", "]", depth),
			nested(`[0,`, "1", `,2]`, depth),
			nested(`{"a":`, "{}", "}", depth-1),
			nested(`{"a":1,"b":`, "1", `,"c":[]}`, depth),
			nested(`{"a":[`, "1", "]}", depth/2),
		} {
			checkValid(t, b)
			checkValid(t, b[:len(b)-1])                             // not closed
			checkValid(t, append(b[:len(b)-1:len(b)-1], '}'))       // closed as an object
			checkValid(t, append([]byte("[1,"), append(b, ']')...)) // one deeper, not at the start
		}
	}
}
