package conformance_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "write docs/conformance.md")

const document = "../../docs/conformance.md"

// case_ is one row of the table. run returns what was not strictly as the RFC
// demands, or "".
type case_ struct {
	id, what string
	run      func(t testing.TB, e *endpoint) (wrong string)
}

func table() []case_ {
	var all []case_
	for _, section := range []func() []case_{
		framing, pings, reserved, fragmentation, utf8Cases, closingCases, large, deflateCases,
	} {
		all = append(all, section()...)
	}
	return all
}

// TestConformance runs every case on every endpoint, and compares the outcome
// with the committed table.
func TestConformance(t *testing.T) {
	cases := table()
	wrong := make([]string, len(cases))
	var mu sync.Mutex
	t.Run("endpoints", func(t *testing.T) {
		for _, e := range endpoints(t) {
			t.Run(e.name, func(t *testing.T) {
				t.Parallel()
				for i, c := range cases {
					if got := c.run(t, e); got != "" {
						t.Errorf("%s, %s: %s", c.id, c.what, got)
						mu.Lock()
						wrong[i] = "**failed**: " + e.name + ": " + got
						mu.Unlock()
					}
				}
			})
		}
	})
	var b strings.Builder
	b.WriteString(preface)
	for i, c := range cases {
		result := "strict"
		if wrong[i] != "" {
			result = wrong[i]
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", c.id, c.what, result)
	}
	if *update {
		if err := os.WriteFile(document, []byte(b.String()), 0o644); err != nil { //nolint:gosec // a document
			t.Fatal(err)
		}
		return
	}
	committed, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if underRace {
		return // not all cases were run
	}
	if string(committed) != b.String() {
		t.Errorf("docs/conformance.md is not what this run yields; go test ./internal/conformance -update writes it")
	}
}

const preface = `# Conformance

What the server does with frames as RFC 6455 and RFC 7692 allow and forbid them.
The cases were written from the RFCs; their numbers follow those of the Autobahn
test suite, so that results can be compared. Each runs over real connections, with
frames made by hand, against a plain echo on the production transport and against
the messages of a server, on event loops, on goroutines, and with TLS. *Strict*
means: on all of them exactly as the RFC demands, including that a violation is
answered as soon as it is certain (6.4), and with the right code.

This table is written by ` + "`make conformance`" + `. ` + "`make test`" + ` fails when a run yields another one;
it repeats messages a tenth as often as the table says.

| case | what | result |
|---|---|---|
`

// echoes sends frames and wants text back.
func echoes(p *peer, e *endpoint, text string) (wrong string) {
	m, ok := p.read()
	switch {
	case !ok:
		return "the connection ends"
	case m.op == opClose:
		return fmt.Sprintf("closed with %q", m.payload)
	case e.unwrap(string(m.payload)) != text:
		return fmt.Sprintf("the echo is %s, want %d bytes", m, len(text))
	}
	return ""
}

// closes wants a close frame of that code, no message before it, and the end.
func closes(p *peer, code int) (wrong string) {
	m, ok := p.read()
	switch {
	case !ok:
		return "the connection ends without a close frame"
	case m.op != opClose:
		return "received " + m.String()
	case code == 0 && len(m.payload) == 0:
	case len(m.payload) < 2 || int(m.payload[0])<<8|int(m.payload[1]) != code:
		return fmt.Sprintf("closed with %q, want %d", m.payload, code)
	}
	if m, ok := p.read(); ok {
		return "after the close frame " + m.String()
	}
	if errors.Is(p.end, os.ErrDeadlineExceeded) {
		return "after the close frame the connection stays open"
	}
	return ""
}

// sends is a case that sends bytes and looks at the answer.
func sends(id, what string, bytes func(e *endpoint) []byte, answer func(p *peer, e *endpoint) string) case_ {
	return case_{id, what, func(t testing.TB, e *endpoint) string {
		p, _ := connect(t, e, "")
		defer p.conn.Close()
		p.write(bytes(e))
		return answer(p, e)
	}}
}

func closesWith(code int) func(p *peer, e *endpoint) string {
	return func(p *peer, _ *endpoint) string { return closes(p, code) }
}
