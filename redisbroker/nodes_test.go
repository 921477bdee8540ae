//go:build unix

package redisbroker_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/internal/redistest"
	"github.com/hearthws/hearth/redisbroker"
)

// published is how many PUBLISH a server has executed.
func published(t *testing.T, server *redistest.Server) int {
	t.Helper()
	_, rest, found := strings.Cut(server.CLI("INFO", "commandstats"), "cmdstat_publish:calls=")
	if !found {
		return 0
	}
	number, _, _ := strings.Cut(rest, ",")
	n, err := strconv.Atoi(number)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A channel of a Cluster belongs to one node, or its order would be lost;
// different channels belong to different nodes.
func TestClusterChannelHasOneNode(t *testing.T) {
	t.Parallel()
	const count = 300
	cluster := redistest.StartCluster(t, 3)
	options := redisbroker.Options{Cluster: true, Addrs: []string{cluster.Nodes[0].Addr()}, ProbeInterval: time.Minute}
	from := []hearth.BrokerSession{joinEmitter(t, newBroker(t, options)), joinEmitter(t, newBroker(t, options))}
	used := make(map[string]bool)
	for channel := range 12 {
		before := make(map[string]int)
		for _, node := range cluster.Nodes {
			before[node.Addr()] = published(t, node)
		}
		for i := range count {
			mustPublish(t, from[i%2], fmt.Sprint("room ", channel), "event")
		}
		var nodes []string
		for _, node := range cluster.Nodes {
			if published(t, node)-before[node.Addr()] >= count {
				nodes = append(nodes, node.Addr())
				used[node.Addr()] = true
			}
		}
		if len(nodes) != 1 {
			t.Errorf("room %d was published at %v, want one node", channel, nodes)
		}
	}
	if len(used) < 2 {
		t.Errorf("12 rooms were all published at %v, want more nodes than one", used)
	}
}

// A node of a Cluster dies, another one comes, and slots move: everything
// goes on, in order.
func TestClusterChanges(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3)
	options := redisbroker.Options{Cluster: true, Addrs: []string{cluster.Nodes[0].Addr(), cluster.Nodes[1].Addr()}}
	from := joinEmitter(t, newBroker(t, options))
	p := join(t, newBroker(t, options))
	const rooms = 30
	for i := range rooms {
		p.subscribe(hearth.ForRoom(fmt.Sprint(i)))
	}
	n := 0
	everywhere := func(publish func(room, number string)) {
		n++
		for i := range rooms {
			publish(fmt.Sprint(i), fmt.Sprint(n))
		}
	}
	// arrive publishes to each room what must come.
	arrive := func(when string) {
		t.Helper()
		everywhere(func(room, number string) {
			eventually(t, "what is sent "+when+" is taken", func() bool { return publish(t, from, room, number) == nil })
		})
		eventually(t, "what is sent "+when+" arrives in all rooms", func() bool { return len(p.rooms(n-1)) == rooms })
	}
	arrive("before")

	cluster.Nodes[2].Kill()
	before := n
	eventually(t, "everybody has found out", func() bool { // what is sent until then may be lost
		everywhere(func(room, number string) { _ = publish(t, from, room, number) })
		return len(p.rooms(before)) == rooms
	})
	arrive("with one node less")

	cluster.Nodes[2].Restart()
	added := cluster.AddNode()
	cluster.MoveSlots(cluster.Nodes[0], added, 16)
	unused := published(t, added)
	eventually(t, "the new node is used", func() bool {
		everywhere(func(room, number string) { _ = publish(t, from, room, number) })
		return published(t, added) > unused+rooms/10
	})
	arrive("with one node more")
	for room, numbers := range p.rooms(0) {
		if !slices.IsSorted(numbers) {
			t.Errorf("in room %s numbers arrived in the order %v", room, numbers)
		}
	}
}

// rooms are the numbers above first that have come, by room.
func (p *peer) rooms(first int) map[string][]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	numbers := make(map[string][]int)
	for _, env := range p.got {
		if n, err := strconv.Atoi(env.Event); err == nil && n > first {
			numbers[env.Target] = append(numbers[env.Target], n)
		}
	}
	return numbers
}

// Sentinels elect another master: with the old one alive, which then tells
// nobody, and with it frozen.
func TestSentinelElects(t *testing.T) {
	for name, end := range map[string]func(*redistest.Sentinels){
		"alive":  func(s *redistest.Sentinels) { s.Failover() },
		"frozen": func(s *redistest.Sentinels) { s.Master.Freeze() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sentinels := redistest.StartSentinel(t, 1)
			p := join(t, newBroker(t, sentinelOptions(sentinels)))
			p.subscribe(hearth.ForRoom("r"))
			mustPublish(t, p, "r", "before")
			eventually(t, "envelopes arrive", func() bool { return p.received("before") == 1 })

			end(sentinels)
			eventually(t, "the replica is elected", func() bool { return sentinels.Elected() == sentinels.Replica.Addr() })
			elected := time.Now()
			n := 0
			eventually(t, "envelopes arrive by way of the new master", func() bool {
				n++
				event := fmt.Sprint("after ", n)
				return publish(t, p, "r", event) == nil && received(p, event)
			})
			if took := time.Since(elected); took > findWithin {
				t.Errorf("the new master is used after %s, want at most %s", took, findWithin)
			}
			p.restored(0)
			if n := subscribers(sentinels.Replica, hearth.ForRoom("r")); n != "1" {
				t.Errorf("the room has %s subscribers at the new master, want 1", n)
			}
			if name != "alive" {
				return
			}
			// Another process has not heard of the election yet. This fails if only
			// the time before the connection is told (no doubtLocked).
			late := time.Now()
			sentinels.Master.CLI("PUBLISH", hearth.ForRoom("r"), `{"serverId":"other","type":"room","target":"r","event":"late"}`)
			eventually(t, "a gap covers what went to the old master", func() bool {
				return slices.ContainsFunc(p.gaps(), func(g hearth.Gap) bool { return !late.Before(g.From) && !late.After(g.To) })
			})
			if p.received("late") > 0 {
				t.Error("the envelope arrived, so the test shows nothing")
			}
		})
	}
}

// The Sentinels elect a master that dies before anybody here has reached it, and the
// old one again. Others may have published at the one that died. This fails if only
// a connection to another master than before counts as an election.
func TestSentinelElectsTwice(t *testing.T) {
	t.Parallel()
	sentinels := redistest.StartSentinel(t, 1)
	p := join(t, newBroker(t, sentinelOptions(sentinels)))
	p.subscribe(hearth.ForRoom("r"))
	sentinels.Replica.Kill()
	elect := func(s *redistest.Server) {
		host, port, _ := net.SplitHostPort(s.Addr())
		sentinels.Watchers[0].CLI("SENTINEL", "REMOVE", redistest.MasterName)
		sentinels.Watchers[0].CLI("SENTINEL", "MONITOR", redistest.MasterName, host, port, "1")
	}
	elect(sentinels.Replica)
	eventually(t, "the old master is left", func() bool { return slices.Contains(p.states(), hearth.BrokerDisconnected) })
	left := time.Now()
	elect(sentinels.Master)
	gap := p.restored(0)
	if most := left.Add(-10 * time.Second); gap.From.After(most) {
		t.Errorf("the gap begins at %s, want %s or earlier", gap.From, most)
	}
	back := time.Now()
	eventually(t, "a gap covers what others published at the one that died", func() bool {
		return slices.ContainsFunc(p.gaps(), func(g hearth.Gap) bool { return !back.Before(g.From) && !back.After(g.To) })
	})
}

// received waits a moment for an event.
func received(p *peer, event string) bool {
	for deadline := time.Now().Add(200 * time.Millisecond); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if p.received(event) > 0 {
			return true
		}
	}
	return false
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "hearth") //nolint:usetesting // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "redis.sock")
	redistest.Start(t, "--unixsocket", socket, "--requirepass", "secret")
	p := join(t, newBroker(t, redisbroker.Options{URL: "unix://:secret@" + socket + "?db=2"}))
	p.subscribe(hearth.ForRoom("r"))
	mustPublish(t, p, "r", "event")
	eventually(t, "envelopes arrive", func() bool { return p.received("event") == 1 })
}

func TestTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	pool := certificate(t, cert, key)
	server := redistest.Start(t, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert,
		"--tls-auth-clients", "no")
	port, err := redistest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	if out := server.CLI("CONFIG", "SET", "tls-port", strconv.Itoa(port)); out != "OK" {
		t.Fatalf("CONFIG SET: %s", out)
	}
	for _, options := range []redisbroker.Options{
		{URL: "rediss://" + addr + "?skip_verify=1"},
		{URL: "rediss://" + addr, TLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}},
		{Addrs: []string{addr}, TLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}},
	} {
		p := join(t, newBroker(t, options))
		p.subscribe(hearth.ForRoom("r"))
		mustPublish(t, p, "r", "event")
		eventually(t, "envelopes arrive", func() bool { return p.received("event") == 1 })
		mustClose(t, p)
	}
	if err := failToOpen(t, redisbroker.Options{URL: "rediss://" + addr}, new(log)); !strings.Contains(err.Error(), "certificate") {
		t.Errorf("Open with an unknown certificate: %v", err)
	}
}

// certificate writes a certificate for 127.0.0.1 and its key to files.
func certificate(t *testing.T, certFile, keyFile string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "hearth tests"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for file, content := range map[string][]byte{
		certFile: text,
		keyFile:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return pool
}
