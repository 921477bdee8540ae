//go:build unix

package redistest

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// slots is the number of hash slots of a Redis Cluster.
const slots = 16384

// Cluster is a Redis Cluster of masters that share the slots.
type Cluster struct {
	Nodes []*Server
	t     testing.TB
}

// StartCluster runs a Cluster of n masters. It ends with the test.
func StartCluster(t testing.TB, n int) *Cluster {
	t.Helper()
	c := &Cluster{t: t}
	for range n {
		c.Nodes = append(c.Nodes, c.startNode())
	}
	for i, node := range c.Nodes {
		first, last := i*slots/n, (i+1)*slots/n-1
		node.CLI("CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(last))
		if i > 0 {
			c.meet(node)
		}
	}
	c.settle("cluster_state:ok")
	return c
}

// AddNode adds a master without slots.
func (c *Cluster) AddNode() *Server {
	c.t.Helper()
	node := c.startNode()
	c.Nodes = append(c.Nodes, node)
	c.meet(node)
	c.settle("cluster_state:ok")
	return node
}

// Kill ends every node at once.
func (c *Cluster) Kill() {
	for _, node := range c.Nodes {
		node.Kill()
	}
}

// Restart starts every node again and waits until they are connected. For two
// more seconds they refuse keys, but not Pub/Sub.
func (c *Cluster) Restart() {
	c.t.Helper()
	for _, node := range c.Nodes {
		node.Restart()
	}
	c.settle("")
}

// MoveSlots gives the first n slots of one node to another. No keys are in the
// way, so the owner changes at once, on every node.
func (c *Cluster) MoveSlots(from, to *Server, n int) {
	c.t.Helper()
	source, target := from.CLI("CLUSTER", "MYID"), to.CLI("CLUSTER", "MYID")
	for _, line := range strings.Split(from.CLI("CLUSTER", "NODES"), "\n") {
		fields := strings.Fields(line)
		if len(fields) < 9 || fields[0] != source {
			continue
		}
		low, _, _ := strings.Cut(fields[8], "-")
		first, err := strconv.Atoi(low)
		if err != nil {
			c.t.Fatalf("redistest: %s has no range of slots: %q", from.Addr(), line)
		}
		var script strings.Builder
		for slot := first; slot < first+n; slot++ {
			script.WriteString("CLUSTER SETSLOT " + strconv.Itoa(slot) + " NODE " + target + "\n")
		}
		for _, node := range c.Nodes {
			if out, err := node.cli(script.String()); err != nil || strings.Contains(out, "ERR") {
				c.t.Fatalf("redistest: %v: %s", err, out)
			}
		}
		return
	}
	c.t.Fatalf("redistest: %s does not know itself", from.Addr())
}

func (c *Cluster) startNode() *Server {
	c.t.Helper()
	return Start(c.t, "--cluster-enabled", "yes", "--cluster-node-timeout", "1000",
		"--cluster-require-full-coverage", "no", "--cluster-config-file", "nodes.conf")
}

func (c *Cluster) meet(node *Server) {
	c.t.Helper()
	node.CLI("CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(c.Nodes[0].port))
}

// settle returns when every node is connected to all others, and says state of
// the Cluster.
func (c *Cluster) settle(state string) {
	c.t.Helper()
	Eventually(c.t, "the nodes of the Cluster are connected", func() bool {
		for _, node := range c.Nodes {
			if !strings.Contains(node.CLI("CLUSTER", "INFO"), state) {
				return false
			}
			nodes := node.CLI("CLUSTER", "NODES")
			if strings.Count(nodes, " connected") != len(c.Nodes) || strings.Contains(nodes, "handshake") {
				return false
			}
		}
		return true
	})
}

// Eventually ends the test when ok does not return true within 20 s.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(startTimeout); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("redistest: after %s still not: %s", startTimeout, what)
		}
	}
}
