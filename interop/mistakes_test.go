//go:build unix

package interop

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth/internal/redistest"
)

// TestMistakes checks what docs/coming-from-ignis.md says of mistakes of the
// original: that they are seen in the version that is compared here. What is
// not here is seen in plays (rooms named by ids, the order of handlers) and in
// TestOddEnvelopes (exclude, numeric targets).
func TestMistakes(t *testing.T) {
	t.Parallel()
	want := map[string]any{
		"the message null":                               []any{"null is not an object (evaluating 'message.event')"},
		"not authenticated":                              []any{"secret"},
		"handshakeFn that does not return":               []any{[]any{}, []any{"early"}},
		"requireEncryption without handshakeFn":          []any{4004.0},
		"outboundTransformer that seals every event":     []any{"encrypted"},
		"outboundTransformer that takes different times": []any{2.0, 4.0, 1.0, 3.0},
		"two sockets with one id":                        []any{[]any{"connected", "error"}, []any{1005.0}, true},
	}
	cmd := bun(t, "mistakes.ts")
	cmd.Env = append(cmd.Env, "REDIS="+redistest.Start(t).Addr())
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	_, text, _ := strings.Cut(string(out), "SEEN ")
	text, _, _ = strings.Cut(text, "\n")
	var got map[string]any
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mistakes of the original (-described +seen):\n%s", diff)
	}
}
