package ledger

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Kind is a way in which a delivery can be wrong.
type Kind string

// The kinds of violations.
const (
	Missing   Kind = "missing"   // accepted, not received, and nobody was told
	Duplicate Kind = "duplicate" // received again
	Disorder  Kind = "disorder"  // received after a later one of the same publisher
	Foreign   Kind = "foreign"   // never published, or not for this client
)

// Violation is one wrong delivery.
type Violation struct {
	Kind         Kind
	Client, Node string
	Publisher    string
	Room         string
	N            uint64
	Why          string
}

func (v Violation) String() string {
	s := fmt.Sprintf("%s: client %q on node %q, publisher %q, room %q, n %d", v.Kind, v.Client, v.Node, v.Publisher, v.Room, v.N)
	if v.Why != "" {
		s += ": " + v.Why
	}
	return s
}

// maxExamples is how many violations of each kind a report spells out.
const maxExamples = 20

// violations counts wrong deliveries and keeps the first of each kind.
type violations struct {
	mu       sync.Mutex
	count    map[Kind]int64
	examples []Violation
}

func (v *violations) add(x Violation) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.count == nil {
		v.count = map[Kind]int64{}
	}
	v.count[x.Kind]++
	if v.count[x.Kind] <= maxExamples {
		v.examples = append(v.examples, x)
	}
}

func (v *violations) clone() *violations {
	v.mu.Lock()
	defer v.mu.Unlock()
	return &violations{count: maps.Clone(v.count), examples: slices.Clone(v.examples)}
}

// Report is what a ledger has found.
type Report struct {
	Published int64 // messages
	Delivered int64 // receipts of messages by clients

	// Deliveries that did not take place, of which somebody was told:
	ToldPublisher int64 // the publisher got an error
	ToldNobody    int64 // the publisher got no answer at all, so knows nothing
	ToldByGap     int64 // the client's node announced a gap

	Violations map[Kind]int64
	Examples   []Violation // the first of each kind
}

// Err is nil when there are no violations.
func (r *Report) Err() error {
	if len(r.Violations) == 0 {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "ledger: %s", r)
	for _, v := range r.Examples {
		fmt.Fprintf(&b, "\n\t%s", v)
	}
	return errors.New(b.String())
}

func (r *Report) String() string {
	s := fmt.Sprintf("%d published, %d delivered; undelivered and announced: %d by errors, %d by gaps, %d without an answer",
		r.Published, r.Delivered, r.ToldPublisher, r.ToldByGap, r.ToldNobody)
	for _, k := range []Kind{Missing, Duplicate, Disorder, Foreign} {
		if n := r.Violations[k]; n > 0 {
			s += fmt.Sprintf("; %d %s", n, k)
		}
	}
	return s
}

// Check reports on everything logged so far. It must be called when nothing
// is on its way any more: a client that is in a room then must have received
// everything. The ledger may be used further.
func (l *Ledger) Check() *Report {
	r := &Report{Published: l.published.Load(), Delivered: l.delivered.Load()}
	found := l.violations.clone()
	for _, c := range l.clients() {
		due := c.due()
		r.ToldPublisher += due.told
		for _, m := range due.missing {
			end := m.entry.end.Load()
			switch {
			case end == endLost:
				r.ToldPublisher++
			case end == endUnknown:
				r.ToldNobody++
			case end >= m.before:
			case l.announced(m.node, m.stream.room, m.entry.start, end):
				r.ToldByGap++
			default:
				found.add(Violation{
					Kind: Missing, Client: c.name, Node: m.node, Publisher: m.stream.publisher.name, Room: m.stream.room, N: m.entry.n,
					Why: fmt.Sprintf("published at %s, accepted at %s, the client was in the room since %s",
						time.Duration(m.entry.start), time.Duration(end), time.Duration(m.joined)),
				})
			}
		}
	}
	r.Violations, r.Examples = found.count, found.examples
	return r
}
