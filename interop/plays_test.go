package interop

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth/internal/redistest"
	"github.com/hearthws/hearth/internal/transcript"
	"github.com/hearthws/hearth/internal/transcript/plays"
)

var record = flag.String("interop.record", "", "write what `original` or hearth does in the plays down as what is expected")

// expectedDir has the files of expectations.
const expectedDir = "../internal/transcript/plays/expected"

// TestPlaysOriginal checks that what is expected of Hearth is what the
// original does, except where a play names a deliberate difference.
func TestPlaysOriginal(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t).Addr()
	p := startOriginal(t,
		peer{Redis: redis},
		peer{Redis: redis, AuthTimeout: 300, HeartbeatInterval: 100, HeartbeatTimeout: 600},
		peer{Redis: redis, Seal: true},
	)
	servers := map[string]string{plays.Usual: p.addrs[0], plays.Timers: p.addrs[1], plays.Sealed: p.addrs[2]}
	perform(t, servers, "original", func(e *plays.Expectation) *transcript.Transcript { return &e.Original })
}

// perform runs every play against the servers of the settings it needs, one
// after the other for each server.
func perform(t *testing.T, servers map[string]string, whose string, side func(*plays.Expectation) *transcript.Transcript) {
	expected, err := plays.Expected()
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range plays.Groups() {
		t.Run(g.Name, func(t *testing.T) {
			for _, p := range g.Plays {
				got, err := transcript.Run(servers[p.Server], "/ws", &p)
				if err != nil {
					t.Errorf("%v\nso far:\n%s", err, got)
					continue
				}
				e := expected[p.Name]
				if *record == whose {
					*side(&e) = got
					expected[p.Name] = e
				}
				if diff := cmp.Diff(*side(&e), got); diff != "" {
					t.Errorf("play %q against %s (-expected +got):\n%s", p.Name, whose, diff)
				}
			}
			if *record == whose {
				file := filepath.Join(expectedDir, g.Name+".txt")
				if err := os.WriteFile(file, []byte(plays.Format(g, expected)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
