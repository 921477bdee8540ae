//go:build unix

package interop

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hearthws/hearth/internal/transcript"
)

var (
	seedFlag = flag.Uint64("interop.seed", 0, "seed of the randomised tests; 0: another one each time")
	steps    = flag.Int("interop.steps", 400, "steps of the random walk, and values sent around")
)

// newSeed says which seed a test uses, so that a failure can be replayed.
func newSeed(t *testing.T) *rand.Rand {
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("replay with -run '^%s$' -interop.seed %d -interop.steps %d", t.Name(), seed, *steps)
		}
	})
	return rand.New(rand.NewPCG(seed, 0))
}

// TestValues sends random JSON values from either server through Redis to a
// client of the other. What arrives must be what JSON.parse and
// JSON.stringify make of it, which the original's echo says.
func TestValues(t *testing.T) {
	t.Parallel()
	rng := newSeed(t)
	c := newCluster(t, original, loop)
	theirs := c.nodes[0].connect(t, "their client", "u", nil)
	ours := c.nodes[1].connect(t, "our client", "u", nil)
	for range *steps {
		v := randomValue(rng, 4)
		theirs.write(`{"event":"echo","data":` + v + `}`)
		// From the original to Hearth's client, from Hearth to the original's.
		theirs.write(fmt.Sprintf(`{"event":"client","data":{"id":%q,"body":%s}}`, ours.id, v))
		ours.write(fmt.Sprintf(`{"event":"client","data":{"id":%q,"body":%s}}`, theirs.id, v))
		want := theirs.one(t, "echo")
		// What the original has sent Hearth passes on as it is.
		if got := ours.one(t, "msg"); got != want {
			t.Fatalf("%s\nis %s by the original, and %s through Redis and Hearth", v, want, got)
		}
		if got := theirs.one(t, "msg"); got != want {
			t.Fatalf("%s\nis %s by the original, and %s when Hearth has published it", v, want, got)
		}
		// Hearth alone changes nothing at all.
		ours.write(`{"event":"echo","data":` + v + `}`)
		if got := ours.one(t, "echo"); got != v {
			t.Fatalf("%s\nis echoed by Hearth as %s", v, got)
		}
	}
}

// one waits for a message of an event and takes it.
func (m *member) one(t *testing.T, event string) string {
	t.Helper()
	if err := m.wait(event, func(got []message) bool {
		for _, g := range got {
			if g.Event == event {
				return true
			}
		}
		return false
	}); err != nil {
		t.Fatal(err)
	}
	return m.take(event)[0]
}

// randomValue is a JSON text, the odder the better: white space excepted,
// which a client's decoder may drop.
func randomValue(rng *rand.Rand, depth int) string {
	n := 9
	if depth == 0 {
		n = 7
	}
	switch rng.IntN(n) {
	case 0:
		return []string{"null", "true", "false"}[rng.IntN(3)]
	case 1:
		return strconv.Itoa(rng.IntN(2_000_000) - 1_000_000)
	case 2, 3:
		return randomNumber(rng)
	case 4, 5, 6:
		return randomString(rng)
	case 7:
		elements := make([]string, rng.IntN(5))
		for i := range elements {
			elements[i] = randomValue(rng, depth-1)
		}
		return "[" + strings.Join(elements, ",") + "]"
	}
	members := make([]string, rng.IntN(5))
	for i := range members {
		members[i] = randomString(rng) + ":" + randomValue(rng, depth-1)
	}
	return "{" + strings.Join(members, ",") + "}"
}

func randomNumber(rng *rand.Rand) string {
	digits := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteByte('0' + byte(rng.IntN(10)))
		}
		return b.String()
	}
	s := []string{"", "-"}[rng.IntN(2)]
	if rng.IntN(3) == 0 {
		s += "0"
	} else {
		s += string('1'+rune(rng.IntN(9))) + digits(rng.IntN(25))
	}
	if rng.IntN(2) == 0 {
		s += "." + digits(1+rng.IntN(20))
	}
	if rng.IntN(3) == 0 {
		s += []string{"e", "E"}[rng.IntN(2)] + []string{"", "-", "+"}[rng.IntN(3)] + digits(1+rng.IntN(3))
	}
	return s
}

// randomString has characters of every kind, in several spellings.
func randomString(rng *rand.Rand) string {
	if rng.IntN(8) == 0 {
		return []string{`"__proto__"`, `"constructor"`, `"toJSON"`, `"event"`, `"data"`, `"0"`, `"1"`, `"~1"`}[rng.IntN(8)]
	}
	var b strings.Builder
	b.WriteByte('"')
	for range rng.IntN(12) {
		switch rng.IntN(6) {
		case 0:
			fmt.Fprintf(&b, `\u%04x`, rng.IntN(0x10000)) // lone surrogates too
		case 1:
			b.WriteString([]string{`\"`, `\\`, `\/`, `\b`, `\f`, `\n`, `\r`, `\t`}[rng.IntN(8)])
		case 2:
			b.WriteString([]string{"é", "🦊", "\u2028", "\ufeff", "\x7f", "\ufffd", "\ufffe", "\U0010ffff"}[rng.IntN(8)])
		default:
			b.WriteByte(`abcdefghijklmnopqrstuvwxyz :,{}[]<>&'`[rng.IntN(37)])
		}
	}
	b.WriteByte('"')
	if !json.Valid([]byte(b.String())) {
		panic(b.String())
	}
	return b.String()
}

// TestRandomValues checks the generator: what it makes is JSON.
func TestRandomValues(t *testing.T) {
	rng := newSeed(t)
	for range 10_000 {
		v := randomValue(rng, 5)
		if _, err := transcript.Canonical([]byte(v)); err != nil {
			t.Fatalf("%s: %v", v, err)
		}
	}
}
