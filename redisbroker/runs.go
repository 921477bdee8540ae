package redisbroker

import (
	"hash/maphash"
	"math"
	"slices"
)

// Bounds of what is remembered of numbers.
const (
	maxRuns      = 1 << 17 // in each of two generations
	maxOfChannel = 64      // publishers of one channel, those heard last
)

// runs remembers, for each channel and publisher, the number that came last. A
// number heard first begins a run; one that is not the next one tells how many
// are missing; one of the run that is not higher comes again, or late. It belongs
// to the inbox's goroutine.
//
// As [numbers] does, it forgets what was not heard of for long: what begins
// again has nothing missing.
type runs struct {
	seed          maphash.Seed
	recent, older map[uint64]*channelRuns // by the channel's hash
	size          int                     // runs in recent
	stretch       uint64                  // counts what may be missing unseen, see skip
}

// channelRuns are those of one channel, the one heard last first.
type channelRuns struct{ list []run }

type run struct {
	epoch       uint64 // its hash
	first, last uint64
	stretch     uint64 // of the last one
	alive       moment // when everything was last known to arrive, as the last one arrived
}

// verdict is what a number says.
type verdict struct {
	missed int64  // how many are missing before it
	since  moment // from when on
	again  bool   // it comes again, or after a higher one, which told that it was missing
}

func newRuns() runs {
	return runs{seed: maphash.MakeSeed(), recent: make(map[uint64]*channelRuns)}
}

// note notes the number of an envelope.
func (r *runs) note(channel, epoch string, seq uint64, alive moment) verdict {
	if epoch == "" || seq == 0 {
		return verdict{} // it is not counted up
	}
	of, name := r.channel(channel), maphash.String(r.seed, epoch)
	for i := range of.list {
		if of.list[i].epoch != name {
			continue
		}
		heard := of.list[i]
		if seq <= heard.last {
			return verdict{again: seq >= heard.first}
		}
		var v verdict
		if heard.stretch == r.stretch { // else the gap was told as an interval
			v = verdict{missed: int64(min(seq-heard.last-1, math.MaxInt64)), since: heard.alive}
		}
		copy(of.list[1:i+1], of.list[:i])
		of.list[0] = run{name, heard.first, seq, r.stretch, alive}
		return v
	}
	if len(of.list) == maxOfChannel {
		of.list = of.list[:maxOfChannel-1]
	} else {
		r.size++
	}
	of.list = slices.Insert(of.list, 0, run{name, seq, seq, r.stretch, alive})
	return verdict{}
}

// channel brings a channel into the younger generation.
func (r *runs) channel(channel string) *channelRuns {
	key := maphash.String(r.seed, channel)
	if of := r.recent[key]; of != nil {
		return of
	}
	if r.size >= maxRuns {
		r.older, r.recent, r.size = r.recent, make(map[uint64]*channelRuns), 0
	}
	of := r.older[key]
	if of != nil {
		delete(r.older, key)
	} else {
		of = &channelRuns{list: make([]run, 0, 1)}
	}
	r.recent[key] = of
	r.size += len(of.list)
	return of
}

// forget ends the runs of a channel: it was not listened to, or nobody minded.
func (r *runs) forget(channel string) {
	key := maphash.String(r.seed, channel)
	if of := r.recent[key]; of != nil {
		r.size -= len(of.list)
		delete(r.recent, key)
	}
	delete(r.older, key)
}

// skip says that something may be missing here which is told otherwise.
func (r *runs) skip() { r.stretch++ }
