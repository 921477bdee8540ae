package bench

// expect is what a connection has to receive of one stream: every message, in
// order, once.
type expect struct {
	stream uint32
	next   uint32
	open   bool                // the first message to arrive says where it begins
	holes  map[uint32]struct{} // before next, and not there yet; nil mostly
}

// take accounts for a message that is not simply the next one.
func (e *expect) take(seq uint32, f *Faults) (first bool) {
	switch {
	case e.open:
		e.open, e.next = false, seq+1
		return true
	case seq >= e.next:
		for ; e.next < seq; e.next++ {
			if e.holes == nil {
				e.holes = map[uint32]struct{}{}
			}
			e.holes[e.next] = struct{}{}
		}
		e.next = seq + 1
		return true
	}
	if _, ok := e.holes[seq]; !ok {
		f.Duplicate++
		return false
	}
	delete(e.holes, seq)
	f.OutOfOrder++
	return true
}

// missing is how many messages have not arrived when the stream has ended
// with so many.
func (e *expect) missing(published uint32) int64 {
	if e.open {
		return 0
	}
	return int64(len(e.holes)) + int64(published) - int64(min(e.next, published))
}

// Faults are what must not be.
type Faults struct {
	Unpublished int64  `json:"unpublished"` // of the messages that were asked for, since time or patience was over
	Missing     int64  `json:"missing"`
	Duplicate   int64  `json:"duplicate"`
	OutOfOrder  int64  `json:"out_of_order"`
	Altered     int64  `json:"altered"`    // the data is not what was published
	Stray       int64  `json:"stray"`      // received by a client that is not in the room
	Refused     int64  `json:"refused"`    // error messages
	NotOpened   int64  `json:"not_opened"` // connections that could not be made
	Lost        int64  `json:"lost"`       // connections that ended before their time
	First       string `json:"first,omitempty"`
}

func (f *Faults) add(g Faults) {
	f.Unpublished += g.Unpublished
	f.Missing += g.Missing
	f.Duplicate += g.Duplicate
	f.OutOfOrder += g.OutOfOrder
	f.Altered += g.Altered
	f.Stray += g.Stray
	f.Refused += g.Refused
	f.NotOpened += g.NotOpened
	f.Lost += g.Lost
	f.say(g.First)
}

// say keeps the first text that says what was wrong.
func (f *Faults) say(text string) {
	if f.First == "" {
		f.First = text
	}
}

func (f *Faults) any() bool {
	return f.Unpublished|f.Missing|f.Duplicate|f.OutOfOrder|f.Altered|f.Stray|f.Refused|f.NotOpened|f.Lost != 0
}
