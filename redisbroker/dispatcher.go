package redisbroker

import (
	"slices"
	"time"
	"unsafe"

	"github.com/hearthws/hearth"
)

// Bounds of how often gaps are told that numbers show: at most so many in such
// an interval. Beyond, they become one that names no channel.
const (
	gapInterval = 100 * time.Millisecond
	maxGaps     = 64
)

// dispatcher decodes payloads, hands them to the sessions, and looks for
// numbers that are missing. It belongs to the inbox's goroutine.
type dispatcher struct {
	link     *link
	sessions []*session
	runs     runs

	gaps  map[gapKey]*counted
	told  time.Time   // when gaps were told last
	later *time.Timer // runs when gaps are to be told
}

// gapKey is what a gap is about; the zero value is everything.
type gapKey struct{ channel, server string }

// counted is a gap that numbers show.
type counted struct {
	gap      hearth.Gap
	sessions []*session // that would have got what is missing
}

func newDispatcher(l *link) *dispatcher {
	d := &dispatcher{link: l, runs: newRuns(), gaps: make(map[gapKey]*counted), later: time.NewTimer(time.Hour)}
	d.later.Stop()
	return d
}

func (d *dispatcher) dispatch(r *received) {
	if r.broken {
		d.runs.skip()
	}
	d.sessions = d.link.interest.receivers(d.sessions[:0], r.topic)
	if r.ended || len(d.sessions) == 0 { // nobody wants it any more
		d.runs.forget(r.channel)
		return
	}
	// The library made the payload for this message alone, and nobody changes
	// an envelope.
	env, err := hearth.ParseEnvelope(unsafe.Slice(unsafe.StringData(r.payload), len(r.payload)))
	if err != nil {
		d.link.malformed(r.channel, err)
		return
	}
	v := d.runs.note(r.channel, env.Epoch, env.Seq, r.alive)
	if v.missed > 0 {
		d.missing(hearth.Gap{
			Channel: r.channel, From: d.link.timeOf(v.since), To: time.Now(), Missed: v.missed, Server: env.ServerID,
		})
	}
	if v.again { // as in a Cluster, when the subscriber has moved to another node
		d.link.repeats.Add(1)
		return
	}
	for _, s := range d.sessions {
		s.deliver(env)
	}
}

// missing adds a gap to those that are to be told.
func (d *dispatcher) missing(gap hearth.Gap) {
	key := gapKey{gap.Channel, gap.Server}
	if d.gaps[key] == nil && len(d.gaps) >= maxGaps {
		key = gapKey{}
	}
	c := d.gaps[key]
	if c == nil {
		c = &counted{gap: gap}
		c.gap.Channel, c.gap.Server = key.channel, key.server
		d.gaps[key] = c
	} else {
		c.gap.From, c.gap.To = minTime(c.gap.From, gap.From), gap.To
		c.gap.Missed += gap.Missed
	}
	for _, s := range d.sessions {
		// What a server has published itself, its own clients have got.
		if own := s.node.ServerID == gap.Server && gap.Server != hearth.EmitterID; !own && !slices.Contains(c.sessions, s) {
			c.sessions = append(c.sessions, s)
		}
	}
}

// report tells the gaps, or sees to it that they are told later.
func (d *dispatcher) report(now time.Time) {
	if len(d.gaps) == 0 {
		return
	}
	if wait := gapInterval - now.Sub(d.told); wait > 0 {
		d.later.Reset(wait)
		return
	}
	d.told = now
	for _, c := range d.gaps {
		if len(c.sessions) > 0 {
			d.link.missed(c)
		}
	}
	clear(d.gaps)
}
