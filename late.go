package hearth

import (
	"sync"
	"time"
)

// late are the subscriptions of clients that have gone on without them, after
// SubscribeWait. Until they are live, those clients miss what other servers
// publish. One gap tells of all that were late at the same time.
type late struct {
	mu      sync.Mutex
	waiting int
	since   time.Time // from when on somebody was waited for
	missed  bool      // somebody may have missed something
}

// begin counts one more.
func (l *late) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting++; l.waiting == 1 {
		l.since, l.missed = time.Now(), false
	}
}

// end counts one less, which may have missed something until now. That is so also
// when the broker has gone away meanwhile: its own gap begins when it went.
func (l *late) end(s *Server, missed bool) {
	l.mu.Lock()
	l.missed = l.missed || missed
	l.waiting--
	over, since := l.waiting == 0 && l.missed, l.since
	l.mu.Unlock()
	if over {
		gap := Gap{From: since, To: time.Now(), Missed: -1}
		s.opts.Logger.Warn("subscriptions were late; messages of other servers may have been missed", "from", gap.From, "to", gap.To)
		s.noteGap(gap)
	}
}
