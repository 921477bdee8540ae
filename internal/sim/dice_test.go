package sim

import (
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// dice are decisions of one seed about one thing: they depend on nothing but
// the names they were made with.
type dice struct {
	*rand.Rand
	coarse bool // times are whole milliseconds, so that many are the same
}

// tidy reports whether a seed lets one thing happen after the other, each with
// all its consequences, so that nothing depends on the scheduler. The others let
// several things happen at the same moment.
func tidy(seed uint64) bool { return seed%2 == 1 }

// roll makes the dice of a seed for what the labels name.
func roll(seed uint64, labels ...any) dice {
	h := fnv.New64a()
	for _, l := range labels {
		switch l := l.(type) {
		case string:
			_, _ = h.Write([]byte(l))
		case int:
			writeInt(h.Write, uint64(l))
		case time.Time: // a moment of a bubble's clock
			writeInt(h.Write, uint64(l.UnixNano()))
		default:
			panic("sim: label of unknown type")
		}
		_, _ = h.Write([]byte{0})
	}
	return dice{rand.New(rand.NewPCG(seed, h.Sum64())), !tidy(seed)}
}

func writeInt(write func([]byte) (int, error), n uint64) {
	var b [8]byte
	for i := range b {
		b[i] = byte(n >> (8 * i))
	}
	_, _ = write(b[:])
}

// one is true once in n times.
func (d dice) one(n int) bool { return d.IntN(n) == 0 }

// upTo is a time from 0 to limit.
func (d dice) upTo(limit time.Duration) time.Duration {
	t := time.Duration(d.Int64N(int64(limit) + 1))
	if d.coarse {
		t = t.Truncate(time.Millisecond)
	}
	return t
}

func pick[T any](d dice, all []T) T { return all[d.IntN(len(all))] }
