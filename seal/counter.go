package seal

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

// direction is what the IVs of one begin with. One key serves both, so they
// must never be the same.
type direction [4]byte

var (
	toClient = direction{'s', '2', 'c', 0}
	toServer = direction{'c', '2', 's', 0}
)

// other is the opposite direction.
func (d direction) other() direction {
	if d == toClient {
		return toServer
	}
	return toClient
}

// counter makes the IVs of a direction: 4 bytes of it, then 8 that count from
// 0, big-endian.
type counter struct {
	count uint64 // of the next
	iv    [ivBytes]byte
}

func newCounter(d direction) (c counter) {
	copy(c.iv[:], d[:])
	return c
}

// next returns an IV that was never returned before, valid until the next
// call; nil if there is none.
func (c *counter) next() []byte {
	if c.count == math.MaxUint64 {
		return nil
	}
	binary.BigEndian.PutUint64(c.iv[len(direction{}):], c.count)
	c.count++
	return c.iv[:]
}

// window is how many IVs are remembered of a peer that does not count.
const window = 256

// incoming knows which IVs the peer may use.
type incoming struct {
	counted bool
	expect  counter // counted: of the next
	ended   bool    // counted: after one that was not right
	scratch [ivBytes]byte
	own     direction // of this side

	seen [][ivBytes]byte // not counted: the last ones
	at   int             // of the oldest of them, once there are enough
}

// newIncoming is for the side that sends in direction own.
func newIncoming(own direction, counted bool) incoming {
	return incoming{counted: counted, expect: newCounter(own.other()), own: own}
}

var (
	errEnded   = errors.New("one before it was refused")
	errNotNext = errors.New("it is not the next one: repeated, out of order, or others are missing")
	errOurs    = errors.New("it was sealed by this side")
	errSeen    = errors.New("its iv was used before")
)

// check says whether a message with this IV may be opened.
func (in *incoming) check(iv [ivBytes]byte) error {
	switch {
	case in.ended:
		return errEnded
	case in.counted:
		want := in.expect // stays until the message has turned out to be genuine
		if next := want.next(); next == nil || [ivBytes]byte(next) != iv {
			return errNotNext
		}
	case direction(iv[:4]) == in.own:
		return errOurs
	case slices.Contains(in.seen, iv):
		return errSeen
	}
	return nil
}

// took notes that a genuine message had this IV.
func (in *incoming) took(iv [ivBytes]byte) {
	switch {
	case in.counted:
		in.expect.next()
	case len(in.seen) < window:
		in.seen = append(in.seen, iv)
	default:
		in.seen[in.at] = iv
		in.at = (in.at + 1) % window
	}
}

// fail notes that a message was refused. Where they are counted none that
// follows can be the next one.
func (in *incoming) fail() { in.ended = in.counted }
