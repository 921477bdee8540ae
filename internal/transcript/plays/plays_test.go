package plays_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth/internal/transcript"
	"github.com/hearthws/hearth/internal/transcript/plays"
	"github.com/hearthws/hearth/internal/transcript/servers"
)

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

// TestHearth plays on Hearth alone, by both transports.
func TestHearth(t *testing.T) {
	for _, transport := range []string{"loop", "stream"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			usual := servers.Hearth(t, "-transport", transport).Addr()
			served(t, usual, map[string]string{"loop": `"onLoops":1,"onStreams":0`, "stream": `"onLoops":0,"onStreams":1`}[transport])
			plays.Perform(t, plays.Hearth, map[string]string{
				plays.Usual:  usual,
				plays.Timers: servers.Hearth(t, append(plays.TimerFlags(), "-transport", transport)...).Addr(),
			})
		})
	}
}

// served checks by the server's own counts which transport serves a client, so
// that no transport is replaced by the other in silence.
func served(t *testing.T, addr, want string) {
	t.Helper()
	got, err := transcript.Run(addr, "/ws", &transcript.Play{Name: "stats", Script: `
		a auth
		a > {"event":"stats"}`})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(got.String(), want) {
		t.Fatalf("%s is not in\n%s", want, got)
	}
}

// TestExpected checks that there is an expectation for every play and for
// nothing else, and two different ones exactly where a play names a difference
// that the protocol's description has.
func TestExpected(t *testing.T) {
	expected, err := plays.Expected()
	if err != nil {
		t.Fatal(err)
	}
	protocol, err := os.ReadFile("../../../protocol/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, g := range plays.Groups() {
		for _, p := range g.Plays {
			if slices.Contains(names, p.Name) {
				t.Errorf("there are two plays %q", p.Name)
			}
			names = append(names, p.Name)
			e := expected[p.Name]
			if e == nil {
				t.Errorf("play %q has no expectation", p.Name)
				continue
			}
			switch same := cmp.Equal(e.Original, e.Hearth); {
			case same && p.Differs != nil:
				t.Errorf("play %q names a difference (%s) that there is not", p.Name, p.Differs.Name)
			case !same && p.Differs == nil:
				t.Errorf("play %q differs without saying so", p.Name)
			case p.Differs != nil && !strings.Contains(string(protocol), p.Differs.Name):
				t.Errorf("play %q: %q is not in PROTOCOL.md", p.Name, p.Differs.Name)
			case p.Differs != nil && p.Differs.Why == "":
				t.Errorf("play %q differs without a reason", p.Name)
			}
		}
	}
	if len(names) < 300 {
		t.Errorf("there are %d plays, and docs/coming-from-ignis.md promises more than 300", len(names))
	}
	for name := range expected {
		if !slices.Contains(names, name) {
			t.Errorf("an expectation for %q, which is no play", name)
		}
	}
}
