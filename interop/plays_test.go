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
	"github.com/hearthws/hearth/internal/transcript/servers"
)

var record = flag.String("interop.record", "", "write what `original` or hearth does in the plays down as what is expected")

// expectedDir has the files of expectations.
const expectedDir = "../internal/transcript/plays/expected"

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

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
	addrs := map[string]string{plays.Usual: p.Addrs[0], plays.Timers: p.Addrs[1], plays.Sealed: p.Addrs[2]}
	perform(t, addrs, "original", func(e *plays.Expectation) *transcript.Transcript { return &e.Original })
}

// TestPlaysHearth plays the same on Hearth, by both transports.
func TestPlaysHearth(t *testing.T) {
	for _, transport := range []string{"loop", "stream"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			flags := []string{"-transport", transport, "-redis", redistest.Start(t).URL()}
			addrs := map[string]string{
				plays.Usual:  servers.Hearth(t, flags...).Addr(),
				plays.Timers: servers.Hearth(t, append(flags, "-auth-timeout", "300ms", "-heartbeat-interval", "100ms", "-heartbeat-timeout", "600ms")...).Addr(),
				plays.Sealed: servers.Hearth(t, append(flags, "-require-encryption")...).Addr(),
			}
			perform(t, addrs, "hearth", func(e *plays.Expectation) *transcript.Transcript { return &e.Hearth })
		})
	}
}

// perform runs every play against the servers of the settings it needs, one
// after the other for each server.
func perform(t *testing.T, addrs map[string]string, whose string, side func(*plays.Expectation) *transcript.Transcript) {
	expected, err := plays.Expected()
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range plays.Groups() {
		t.Run(g.Name, func(t *testing.T) {
			for _, p := range g.Plays {
				got, err := transcript.Run(addrs[p.Server], "/ws", &p)
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
