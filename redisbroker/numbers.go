package redisbroker

import (
	"crypto/rand"
	"strconv"
)

// maxNumbered bounds the channels whose last number a session remembers: at
// most twice this.
const maxNumbered = 1 << 15

// numbers counts up what a session publishes, for each channel from 1. It
// belongs to the publisher's goroutine, and is of use after start.
//
// Channels not published to for long are forgotten: there are two generations,
// and a channel that is used moves to the younger one. Numbers that begin again
// do so under another epoch, since what was forgotten has seen a generation
// begin.
type numbers struct {
	name          string // of the session, and nobody else
	generation    int
	epoch         string // of the channels that begin now
	recent, older map[string]*numbered
}

// numbered is one channel.
type numbered struct {
	epoch string
	last  uint64
}

// epochLength is that of an epoch's random part, of 5 bits a character.
const epochLength = 13

func (n *numbers) start() {
	n.name = rand.Text()[:epochLength]
	n.epoch = n.name
	n.recent = make(map[string]*numbered)
}

// next is the epoch and number of the next envelope on a channel.
func (n *numbers) next(channel []byte) (epoch string, seq uint64) {
	if n.recent == nil {
		n.start()
	}
	c := n.recent[string(channel)]
	if c == nil {
		c = n.keep(string(channel))
	}
	c.last++
	return c.epoch, c.last
}

// keep brings a channel into the younger generation.
func (n *numbers) keep(channel string) *numbered {
	c := n.older[channel]
	if c != nil {
		delete(n.older, channel)
	} else {
		c = &numbered{epoch: n.epoch}
	}
	n.recent[channel] = c
	if len(n.recent) == maxNumbered {
		n.older, n.recent = n.recent, make(map[string]*numbered)
		n.generation++
		n.epoch = n.name + "." + strconv.Itoa(n.generation)
	}
	return c
}
