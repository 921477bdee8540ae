//go:build unix

package interop

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hearthws/hearth/internal/redistest"
	"github.com/hearthws/hearth/internal/transcript/servers"
)

// kind is which server a node is.
type kind string

const (
	original kind = "original"
	loop     kind = "loop"   // Hearth, on event loops
	stream   kind = "stream" // Hearth, a goroutine for each connection
)

// node is one server of a cluster.
type node struct {
	name  string
	kind  kind
	addr  string
	probe *member // sees when messages have come through
	stop  func()
}

// cluster is nodes of both kinds on one Redis.
type cluster struct {
	t      testing.TB
	redis  *redistest.Server
	nodes  []*node
	named  int // nodes so far
	probes int
}

// newCluster starts one node of each kind that is named.
func newCluster(t testing.TB, kinds ...kind) *cluster {
	t.Helper()
	c := &cluster{t: t, redis: redistest.Start(t)}
	c.add(kinds...)
	return c
}

// add starts more nodes. All original ones among them share a process.
func (c *cluster) add(kinds ...kind) {
	c.t.Helper()
	var peers []peer
	for _, k := range kinds {
		if k == original {
			peers = append(peers, peer{Redis: c.redis.Addr()})
		}
	}
	var originals *servers.Process
	if len(peers) > 0 {
		originals = startOriginal(c.t, peers...)
	}
	next := 0
	for _, k := range kinds {
		n := &node{name: fmt.Sprintf("%s%d", k, c.named), kind: k}
		c.named++
		if k == original {
			n.addr, n.stop = originals.Addrs[next], originals.Stop
			next++
		} else {
			p := servers.Hearth(c.t, "-transport", string(k), "-redis", c.redis.URL())
			n.addr, n.stop = p.Addr(), p.Stop
		}
		n.probe = n.connect(c.t, "probe", "probe of "+n.name, notOurs)
		if k != original {
			n.checkTransport(c.t)
		}
		c.nodes = append(c.nodes, n)
	}
}

// checkTransport looks which transport serves the probe: nothing may fall back
// in silence.
func (n *node) checkTransport(t testing.TB) {
	t.Helper()
	n.probe.do("stats", nil)
	if err := n.probe.wait("stats", func(got []message) bool { return len(got) > 0 }); err != nil {
		t.Fatal(err)
	}
	stats := n.probe.take("stats")
	if want := map[kind]string{loop: `"onLoops":1,"onStreams":0`, stream: `"onLoops":0,"onStreams":1`}[n.kind]; !strings.Contains(stats[0], want) {
		t.Fatalf("%s: %s is not in %s", n.name, want, stats)
	}
}

// connected waits until messages pass from every node to every other.
func (c *cluster) connected() {
	c.t.Helper()
	deadline := time.Now().Add(waitLimit)
	for _, from := range c.nodes {
		for _, to := range c.nodes {
			for !c.reaches(from, to) {
				if time.Now().After(deadline) {
					c.t.Fatalf("%s does not reach %s within %s", from.name, to.name, waitLimit)
				}
			}
		}
	}
}

// reaches reports whether messages pass from one node to another, by each of
// its ways, within half a second.
func (c *cluster) reaches(from, to *node) bool {
	c.probes++
	marks := c.mark(from, to)
	timer := time.NewTimer(500 * time.Millisecond)
	defer timer.Stop()
	for {
		to.probe.mu.Lock()
		have := 0
		for _, g := range to.probe.mu.got {
			for _, m := range marks {
				if string(g.Data) == m {
					have++
				}
			}
		}
		to.probe.mu.Unlock()
		if have == len(marks) {
			to.probe.take("msg")
			return true
		}
		select {
		case <-to.probe.changed:
		case <-timer.C:
			to.probe.take("msg")
			return false
		}
	}
}

// mark sends from one node's probe to another's by every way that a node's
// messages take: the original has a connection to Redis for its server and
// one for its emitter.
func (c *cluster) mark(from, to *node) (marks []string) {
	send := fmt.Sprintf("~send %d from %s", c.probes, from.name)
	client := fmt.Sprintf("~client %d from %s", c.probes, from.name)
	from.probe.do("pub", map[string]any{"room": to.probe.id, "body": send})
	from.probe.do("client", map[string]any{"id": to.probe.id, "body": client})
	return []string{fmt.Sprintf("%q", send), fmt.Sprintf("%q", client)}
}

// settle returns when everything that members have sent so far has arrived
// wherever it will.
func (c *cluster) settle(members ...*member) error {
	for _, m := range members {
		if err := m.echo(); err != nil {
			return err
		}
	}
	c.probes++
	type arrival struct {
		to   *node
		mark string
	}
	var due []arrival
	for _, from := range c.nodes {
		for _, to := range c.nodes {
			for _, m := range c.mark(from, to) {
				due = append(due, arrival{to, m})
			}
		}
	}
	for _, a := range due {
		if err := a.to.probe.waitFor("msg", a.mark); err != nil {
			return err
		}
	}
	for _, m := range members {
		if err := m.echo(); err != nil {
			return err
		}
	}
	return nil
}

// notOurs takes the messages that are not for a probe.
func notOurs(m message) bool {
	return m.Event == "msg" && !bytes.HasPrefix(m.Data, []byte(`"~`))
}
