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
	live    bool      // some of them came to be live
}

// begin counts one more.
func (l *late) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting++; l.waiting == 1 {
		l.since, l.live = time.Now(), false
	}
}

// end counts one less. Of those that are not live, since the broker is away,
// the broker itself tells a gap when it is back.
func (l *late) end(s *Server, err error) {
	l.mu.Lock()
	l.live = l.live || err == nil
	l.waiting--
	over, since := l.waiting == 0 && l.live, l.since
	l.mu.Unlock()
	if over {
		gap := Gap{From: since, To: time.Now(), Missed: -1}
		s.opts.Logger.Warn("subscriptions were late; messages of other servers may have been missed", "from", gap.From, "to", gap.To)
		s.noteGap(gap)
	}
}
