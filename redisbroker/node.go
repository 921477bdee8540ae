package redisbroker

import (
	"context"
	"hash/fnv"
	"time"

	"github.com/redis/rueidis"
)

// node is a Redis server that can publish: the only one, the master that the
// Sentinels name, or a node of a Cluster. Nodes are made anew, not changed,
// when the client library has another connection for an address.
type node struct {
	addr   string
	hash   uint64
	client rueidis.Client

	probes probes
}

func newNode(addr string, client rueidis.Client) *node {
	return &node{addr: addr, hash: hashOf(addr), client: client}
}

// choose is one of nodes, nil when there is none. It depends on the addresses
// only, so that all processes publish a channel at the same node, and when a
// node comes or goes only the channels move that have to (rendezvous hashing).
func choose(nodes []*node, key uint64) *node {
	if len(nodes) == 1 {
		return nodes[0]
	}
	var best *node
	var highest uint64
	for _, n := range nodes {
		if score := mix(key ^ n.hash); best == nil || score > highest {
			best, highest = n, score
		}
	}
	return best
}

// mix spreads every bit of x over all others (the finalizer of MurmurHash3).
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

func hashOf[T string | []byte](s T) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s))
	return h.Sum64()
}

// ping returns an error when there is no answer. A refusal is an answer.
func ping(ctx context.Context, client rueidis.CommandClient, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return client.Do(ctx, client.B().Ping().Build()).NonRedisError()
}
