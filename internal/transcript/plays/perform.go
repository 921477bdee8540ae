package plays

import (
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth/internal/transcript"
)

var record = flag.String("plays.record", "", "write what `server` (original or hearth) does in the plays down as what is expected")

// Server is one of the two servers that are compared.
type Server string

// The servers, as they are called in the flag -plays.record.
const (
	Original Server = "original"
	Hearth   Server = "hearth"
)

// Perform runs the plays for whose settings there is the address of a server,
// and compares with what is expected of that server. Plays of one setting run
// one after the other.
func Perform(t *testing.T, server Server, addrs map[string]string) {
	expected, err := Expected()
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range Groups() {
		if addrs[g.Server] == "" {
			continue
		}
		t.Run(g.Name, func(t *testing.T) {
			if g.Server != Usual {
				t.Parallel()
			}
			for _, p := range g.Plays {
				got, err := transcript.Run(addrs[g.Server], "/ws", &p)
				if err != nil {
					t.Errorf("%v\nso far:\n%s", err, got)
					continue
				}
				e := expected[p.Name]
				if e == nil {
					e = &Expectation{}
					expected[p.Name] = e
				}
				if *record == string(server) {
					e.set(server, got)
				}
				if diff := cmp.Diff(e.of(server), got); diff != "" {
					t.Errorf("play %q against %s (-expected +got):\n%s", p.Name, server, diff)
				}
			}
			if *record == string(server) && !t.Failed() {
				_, file, _, _ := runtime.Caller(0)
				file = filepath.Join(filepath.Dir(file), "expected", g.Name+".txt")
				if err := os.WriteFile(file, []byte(Format(g, expected)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
