//go:build unix

package redistest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// MasterName is what Sentinels call the master.
const MasterName = "hearth-test"

// Sentinels is a master with a replica, watched by Sentinels.
type Sentinels struct {
	Master, Replica *Server // as they began
	Watchers        []*Server
	t               testing.TB
}

// StartSentinel runs a master, a replica and n Sentinels, of which a majority
// has to agree. They end with the test.
func StartSentinel(t testing.TB, n int) *Sentinels {
	t.Helper()
	s := &Sentinels{t: t, Master: Start(t)}
	s.Replica = Start(t, "--replicaof", "127.0.0.1 "+strconv.Itoa(s.Master.port))
	for range n {
		s.Watchers = append(s.Watchers, startWatcher(t, s.Master.port, n/2+1))
	}
	Eventually(t, "the Sentinels know the replica and each other", func() bool {
		for _, w := range s.Watchers {
			master := w.CLI("SENTINEL", "MASTER", MasterName)
			if !hasField(master, "num-slaves", "1") || !hasField(master, "num-other-sentinels", strconv.Itoa(n-1)) {
				return false
			}
		}
		return true
	})
	return s
}

func startWatcher(t testing.TB, master, quorum int) *Server {
	t.Helper()
	config := filepath.Join(t.TempDir(), "sentinel.conf")
	text := fmt.Sprintf(`sentinel monitor %[1]s 127.0.0.1 %[2]d %[3]d
sentinel down-after-milliseconds %[1]s 1000
sentinel failover-timeout %[1]s 4000
`, MasterName, master, quorum)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := launch(config, "--sentinel")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{process: p, t: t}
	t.Cleanup(s.remove)
	return s
}

// Addrs are the addresses of the Sentinels.
func (s *Sentinels) Addrs() []string {
	addrs := make([]string, len(s.Watchers))
	for i, w := range s.Watchers {
		addrs[i] = w.Addr()
	}
	return addrs
}

// Failover makes the Sentinels elect another master, without the old one
// being down.
func (s *Sentinels) Failover() {
	s.t.Helper()
	Eventually(s.t, "a failover begins", func() bool { // refused until the replica has proved itself
		return s.Watchers[0].CLI("SENTINEL", "FAILOVER", MasterName) == "OK"
	})
}

// Elected is the address of the master, as the first Sentinel sees it.
func (s *Sentinels) Elected() string {
	s.t.Helper()
	host, port, _ := strings.Cut(s.Watchers[0].CLI("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MasterName), "\n")
	return net.JoinHostPort(host, port)
}

// hasField reports whether a reply, which redis-cli prints as lines of names
// and values, has the field.
func hasField(reply, name, value string) bool {
	return strings.Contains("\n"+reply+"\n", "\n"+name+"\n"+value+"\n")
}
