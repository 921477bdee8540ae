// Package hub knows who is where: clients by id, users and rooms, each
// client's rooms, and which channels of the broker its clients need. It sends
// frames to them through their event loops.
//
// What a caller sees (a client's rooms, a room's members) changes at the call;
// the loops follow in the order of calls. So a message that somebody sends
// after he has joined a client to a room reaches it, and one that is sent
// after a leave does not.
package hub

import (
	"hash/maphash"
	"sync"

	"github.com/hearthws/hearth/internal/transport"
)

// Hub is the registry of one server. All methods may be called concurrently.
type Hub struct {
	engine   *transport.Engine
	interest *Interest
	seed     maphash.Seed
	everyone []*transport.Group // by loop: all admitted clients
	clients  [shards]clientShard
	users    [shards]userShard
	rooms    [shards]roomShard
}

// shards is the number of locks over which each index is spread.
const shards = 64

// New makes a hub. interest may be nil: then nobody is told of channels.
func New(engine *transport.Engine, interest *Interest) *Hub {
	h := &Hub{engine: engine, interest: interest, seed: maphash.MakeSeed()}
	for _, l := range engine.Loops() {
		h.everyone = append(h.everyone, transport.NewGroup(l))
	}
	for i := range shards {
		h.clients[i].byID = make(map[ID]*Client)
		h.clients[i].byName = make(map[string]*Client)
		h.users[i].byID = make(map[string]*Client)
		h.rooms[i].byName = make(map[string]*Room)
	}
	return h
}

func (h *Hub) shard(s string) uint64 { return maphash.String(h.seed, s) % shards }

type clientShard struct {
	mu     sync.RWMutex
	byID   map[ID]*Client
	byName map[string]*Client // ids that are not of our making
}

type userShard struct {
	mu   sync.RWMutex
	byID map[string]*Client // the first of a list, see Client.nextOfUser
}

type roomShard struct {
	mu     sync.RWMutex
	byName map[string]*Room
}
