package hearth

import (
	"errors"
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
}

// begin counts one more.
func (l *late) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting++; l.waiting == 1 {
		l.since = time.Now()
	}
}

// end counts one less. When the broker has gone away meanwhile, what it missed
// before is still to be told: its own gap begins when it went.
func (l *late) end(s *Server, err error) {
	l.mu.Lock()
	l.waiting--
	over, since := l.waiting == 0, l.since
	l.mu.Unlock()
	if over && !errors.Is(err, ErrClosed) { // else all clients are sent away
		gap := Gap{From: since, To: time.Now(), Missed: -1}
		s.opts.Logger.Warn("subscriptions were late; messages of other servers may have been missed", "from", gap.From, "to", gap.To)
		s.noteGap(gap)
	}
}
