package wire_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// tokens are the pieces of JSON and of the protocol, whole and broken.
var tokens = rapid.SampledFrom([]string{
	"{", "}", "[", "]", ",", ":", " ", "\n", "null", "true", "nul", "0", "-", "12", ".5", "e+3", "18446744073709551616",
	`"`, `\`, `\"`, `\u0065`, `\ud800`, `\udc00`, `\n`, "\t", "é", "\xff", "a", "longer than a word",
	`"event"`, `"e\u0076ent"`, `"data"`, `"id"`, `"rooms"`, `"x"`, `""`, `"\ud83d\ude00"`,
	`"serverId":"s"`, `"type":"room"`, `"type":"broadcast"`, `"target":`, `"event":"e"`, `"exclude":`, `"seq":`, `{"`, `":`, `",`, `"}`,
	`{"serverId":"s","type":"user","event":"e"`, `{"rooms":[`, `{"event":`,
})

// TestRandomTokens reaches further into the grammar than random bytes do.
func TestRandomTokens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := []byte(strings.Join(rapid.SliceOfN(tokens, 0, 30).Draw(t, "tokens"), ""))
		checkValid(t, b)
		checkLiteral(t, b)
		checkMessage(t, b)
		checkEnvelope(t, b)
		checkRooms(t, b)
	})
}

// values are JSON values of every kind, nested.
func values(depth int) *rapid.Generator[string] {
	leaf := rapid.SampledFrom([]string{"null", "true", "-1.5e3", `""`, `"x\n"`, `"\ud800"`, `"room"`, `"s"`, "7", "[]", "{}"})
	if depth == 0 {
		return leaf
	}
	name := rapid.SampledFrom([]string{
		"event", "data", "id", "serverId", "type", "target", "exclude", "epoch", "seq", "rooms", "e\\u0076ent", "other", "\\ud800",
	})
	array := rapid.Custom(func(t *rapid.T) string {
		return "[" + strings.Join(rapid.SliceOfN(values(depth-1), 0, 4).Draw(t, "elements"), ", ") + "]"
	})
	object := rapid.Custom(func(t *rapid.T) string {
		var members []string
		for range rapid.IntRange(0, 10).Draw(t, "members") {
			members = append(members, `"`+name.Draw(t, "name")+`": `+values(depth-1).Draw(t, "value"))
		}
		return "{" + strings.Join(members, ",") + "}"
	})
	return rapid.OneOf(object, object, array, leaf)
}

func TestRandomValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := []byte(values(3).Draw(t, "value"))
		checkValid(t, b)
		checkMessage(t, b)
		checkEnvelope(t, b)
		checkRooms(t, b)
	})
}
