//go:build unix

package main

import (
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/examples/internal/peer"
	"github.com/hearthws/hearth/internal/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCluster(t *testing.T) {
	redis := redistest.Start(t)
	var nodes []*node
	var peers []*peer.Peer
	for _, name := range []string{"ada", "bob"} {
		n, err := start(t.Context(), "127.0.0.1:0", redis.URL())
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, n)
		peers = append(peers, peer.Connect(t, n.url(), map[string]string{"name": name}))
	}
	for i, name := range []string{"ada", "bob"} {
		peers[i].Send("say", "hello")
		want := fmt.Sprintf(`{"from":%q,"on":%q,"text":"hello"}`, name, nodes[i].rooms.Identifier())
		peers[0].ExpectData("said", want)
		peers[1].ExpectData("said", want)
	}
	// The first node goes; the client of the other does not notice.
	stop(t, nodes[0], peers[0])
	peers[1].Send("say", "still here")
	peers[1].Expect("said")
	stop(t, nodes[1], peers[1])
}

// stop stops a node while its client, as clients do, listens.
func stop(t *testing.T, n *node, client *peer.Peer) {
	t.Helper()
	stopped := make(chan error)
	go func() { stopped <- n.stop() }()
	client.ExpectClose(hearth.CloseGoingAway)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestNoRedis(t *testing.T) {
	if n, err := start(t.Context(), "127.0.0.1:0", "http://localhost"); err == nil {
		t.Errorf("started %v without a Redis URL", n)
	}
}
