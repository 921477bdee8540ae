//go:build unix

package interop

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hearthws/hearth/internal/transcript/servers"
)

// peer is a setting of the original server; see peer/server.ts.
type peer struct {
	Redis             string `json:"redis"`                 // host:port
	AuthTimeout       int64  `json:"authTimeout,omitempty"` // ms, as the next two
	HeartbeatInterval int64  `json:"heartbeatInterval,omitempty"`
	HeartbeatTimeout  int64  `json:"heartbeatTimeout,omitempty"`
	IdleTimeout       int64  `json:"idleTimeout,omitempty"` // s
	PerMessageDeflate bool   `json:"perMessageDeflate,omitempty"`
	Seal              bool   `json:"seal,omitempty"`
}

// startOriginal starts original servers in one process.
func startOriginal(t testing.TB, peers ...peer) *servers.Process {
	t.Helper()
	settings, err := json.Marshal(peers)
	if err != nil {
		t.Fatal(err)
	}
	cmd := bun(t, "server.ts")
	cmd.Env = append(cmd.Env, "SERVERS="+string(settings))
	return servers.Start(t, cmd, len(peers))
}

// bun is a command that runs a script of peer/. The original writes its log
// files where it is started: a directory that goes away.
func bun(t testing.TB, script string, args ...string) *exec.Cmd {
	t.Helper()
	dir, err := filepath.Abs("peer")
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "node_modules", ".bin", "bun")
	if _, err := os.Stat(bin); err != nil {
		t.Fatalf("the original server is not installed: run `make interop-deps` (npm ci in interop/peer): %v", err)
	}
	cmd := exec.Command(bin, append([]string{filepath.Join(dir, script)}, args...)...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "NODE_ENV=production")
	return cmd
}
