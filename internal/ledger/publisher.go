package ledger

import (
	"sort"
	"sync"
	"sync/atomic"
)

// Answer is what a publisher was told of a publication.
type Answer int

// The answers.
const (
	Unknown  Answer = iota // nobody can say, for example since the publisher's own connection broke
	Accepted               // it will be delivered to everybody
	Lost                   // it may not have been delivered: an error
)

// Publisher logs what one source publishes. The order of its calls of Publish
// is the order in which its messages must arrive, so only publications that
// follow each other may be logged by one publisher.
type Publisher struct {
	ledger *Ledger
	name   string

	mu struct {
		sync.Mutex
		n       uint64
		streams map[string]*stream // by room
	}
}

// Publication is one message. The zero value is none.
type Publication struct {
	N uint64 // 1, 2, … for each publisher

	p *Publisher
	e *entry
}

// entry is a logged publication.
type entry struct {
	n      uint64
	start  int64        // tick before it was published
	end    atomic.Int64 // tick at which it was accepted, or one of the following
	except []string     // names of clients that must not get it
}

// Values of entry.end that are no ticks.
const (
	endUnknown = 0
	endLost    = -1
)

// Publish logs that a message to room is about to be published, which the
// clients named in except must not get. The message must carry the
// publisher's name, the room and N.
func (p *Publisher) Publish(room string, except ...string) Publication {
	p.mu.Lock()
	s := p.mu.streams[room]
	if s == nil {
		s = &stream{publisher: p, room: room}
		p.mu.streams[room] = s
	}
	p.mu.n++
	n := p.mu.n
	e := s.append(n, p.ledger.tick(), except)
	p.mu.Unlock()
	if p.ledger.published.Add(1)%trimEvery == 0 {
		p.ledger.trim()
	}
	return Publication{N: n, p: p, e: e}
}

// Answer logs what became of the publication. Until then it is Unknown.
func (p Publication) Answer(a Answer) {
	switch a {
	case Accepted:
		p.e.end.Store(p.p.ledger.tick())
	case Lost:
		p.e.end.Store(endLost)
	default:
		p.e.end.Store(endUnknown)
	}
}

// stream returns the stream to a room, nil when there is none.
func (p *Publisher) stream(room string) *stream {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.streams[room]
}

func (p *Publisher) all() []*stream {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*stream, 0, len(p.mu.streams))
	for _, s := range p.mu.streams {
		all = append(all, s)
	}
	return all
}

// chunkSize is the number of entries that are allocated, and freed, together.
const chunkSize = 512

// stream is what one publisher has published to one room, in order. Entries
// are numbered from 0; the oldest may have been dropped.
type stream struct {
	publisher *Publisher
	room      string

	mu struct {
		sync.RWMutex
		first  int // index of the first entry of chunks
		end    int // index after the last entry
		chunks [][]entry
	}
}

func (s *stream) append(n uint64, start int64, except []string) *entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.mu.end - s.mu.first
	if at == len(s.mu.chunks)*chunkSize {
		s.mu.chunks = append(s.mu.chunks, make([]entry, chunkSize))
	}
	e := &s.mu.chunks[at/chunkSize][at%chunkSize]
	e.n, e.start, e.except = n, start, except
	s.mu.end++
	return e
}

// get is the entry of an index, nil when there is none, or none any more.
func (s *stream) get(index int) *entry {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if index < s.mu.first || index >= s.mu.end {
		return nil
	}
	return s.entryLocked(index)
}

func (s *stream) entryLocked(index int) *entry {
	at := index - s.mu.first
	return &s.mu.chunks[at/chunkSize][at%chunkSize]
}

// search is the index of the first entry for which ok is true, as sort.Search.
func (s *stream) search(ok func(*entry) bool) int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.mu.first + sort.Search(s.mu.end-s.mu.first, func(i int) bool {
		return ok(s.entryLocked(s.mu.first + i))
	})
}

// find is the index of publication n and its entry, nil when it is not there.
func (s *stream) find(n uint64) (int, *entry) {
	index := s.search(func(e *entry) bool { return e.n >= n })
	if e := s.get(index); e != nil && e.n == n {
		return index, e
	}
	return 0, nil
}

// after is the index of the first entry that was published after a tick.
func (s *stream) after(tick int64) int {
	return s.search(func(e *entry) bool { return e.start > tick })
}

// length is the index after the last entry.
func (s *stream) length() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.mu.end
}

// drop forgets the entries before index, as far as whole chunks go.
func (s *stream) drop(index int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	chunks := (index - s.mu.first) / chunkSize
	if chunks <= 0 {
		return
	}
	s.mu.chunks = append([][]entry(nil), s.mu.chunks[chunks:]...)
	s.mu.first += chunks * chunkSize
}
