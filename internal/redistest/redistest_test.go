//go:build unix

package redistest_test

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hearthws/hearth/internal/redistest"
)

func TestServerKeepsItsPort(t *testing.T) {
	s := redistest.Start(t, "--requirepass", "secret")
	addr := s.Addr()
	if got := s.CLI("PING"); got != "PONG" {
		t.Fatalf("PING: %q", got)
	}
	if !strings.Contains(s.URL(), ":secret@") {
		t.Errorf("URL %q lacks the password", s.URL())
	}
	s.Kill()
	if conn, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
		_ = conn.Close()
		t.Error("a killed server accepts connections")
	}
	s.Restart()
	if got := s.CLI("PING"); got != "PONG" || s.Addr() != addr {
		t.Errorf("after the restart: PING %q at %s, want PONG at %s", got, s.Addr(), addr)
	}
}

func TestFrozenServerAcceptsButDoesNotAnswer(t *testing.T) {
	s := redistest.Start(t)
	s.Freeze()
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 7)
	_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := conn.Read(answer); err == nil {
		t.Errorf("a frozen server answered %q", answer[:n])
	}
	s.Thaw()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if n, err := conn.Read(answer); err != nil || string(answer[:n]) != "+PONG\r\n" {
		t.Errorf("after the thaw: %q, %v", answer[:n], err)
	}
}

func TestClusterServesEverySlot(t *testing.T) {
	c := redistest.StartCluster(t, 3)
	for _, node := range c.Nodes {
		if info := node.CLI("CLUSTER", "INFO"); !strings.Contains(info, "cluster_slots_ok:16384") {
			t.Errorf("%s: %s", node.Addr(), info)
		}
	}
	added := c.AddNode()
	c.MoveSlots(c.Nodes[0], added, 16)
	redistest.Eventually(t, "the added node serves slots", func() bool {
		return strings.Contains(c.Nodes[1].CLI("CLUSTER", "SLOTS"), added.CLI("CLUSTER", "MYID"))
	})
}

func TestSentinelFailsOver(t *testing.T) {
	s := redistest.StartSentinel(t, 3)
	if got := s.Elected(); got != s.Master.Addr() {
		t.Fatalf("the first master is %s, want %s", got, s.Master.Addr())
	}
	s.Failover()
	redistest.Eventually(t, "the replica is the master", func() bool {
		return s.Elected() == s.Replica.Addr()
	})
}

func TestNothingIsLeft(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	var addr string
	t.Run("server", func(t *testing.T) {
		addr = redistest.Start(t).Addr()
	})
	if conn, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
		_ = conn.Close()
		t.Error("the server outlived its test")
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) != 0 {
		t.Errorf("left in the temporary directory: %v, %v", left, err)
	}
}
