package redisbroker

import (
	"sync"
	"time"

	"github.com/hearthws/hearth"
)

// Stats implements [hearth.BrokerSession]. Queued bytes, malformed payloads,
// overflows, reconnects, gaps and what was missed are those of the connections,
// which sessions share. In pattern mode, patterns are counted instead of channels.
func (s *session) Stats() hearth.BrokerStats {
	l := s.link
	stats := hearth.BrokerStats{
		Kind:        kindName,
		Channels:    int(s.topics.Load()),
		Live:        l.interest.live(s),
		QueuedBytes: l.publisher.queued(),
		Published:   s.published.Load(),
		Failed:      s.failed.Load(),
		Received:    s.received.Load(),
		Malformed:   l.invalid.Load(),
		Overflowed:  l.overflows.Load(),
		Reconnects:  l.reconnects.Load(),
		Gaps:        l.gaps.Load(),
		Missed:      l.missing.Load(),
		Repeated:    l.repeats.Load(),
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	stats.State, stats.Since = s.state, s.since
	if stats.State == "" {
		stats.State = hearth.BrokerDisconnected
	}
	return stats
}

// malformed counts a payload that is no envelope.
func (l *link) malformed(topic string, err error) {
	l.invalid.Add(1)
	if suppressed, ok := l.malformedLog.allow(time.Now()); ok {
		l.warn(logMalformed, "channel", topic, "err", err, "suppressed", suppressed)
	}
}

// refused is why a topic is not subscribed.
func (l *link) refused(topic string, cause error) error {
	err := l.options.refused("subscribe", cause)
	if suppressed, ok := l.refusedLog.allow(time.Now()); ok {
		l.warn(logRefused, "channel", topic, "err", err, "suppressed", suppressed)
	}
	return err
}

// warn writes a line to the log of every session.
func (l *link) warn(message string, attributes ...any) {
	l.mu.Lock()
	sessions := make([]*session, 0, len(l.sessions))
	for s := range l.sessions {
		sessions = append(sessions, s)
	}
	l.mu.Unlock()
	for _, s := range sessions {
		s.node.Logger.Warn(message, append(attributes, "broker", kindName, "redis", l.name)...)
	}
}

// throttleInterval is the time between two log lines of the same reason that
// others, who publish to Redis, can cause as often as they like.
const throttleInterval = time.Second

// throttle lets one log line pass in throttleInterval and counts the others.
type throttle struct {
	mu         sync.Mutex
	next       time.Time
	suppressed int64
}

// allow reports whether a line may be written, and how many were not since the
// last one.
func (t *throttle) allow(now time.Time) (suppressed int64, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Before(t.next) {
		t.suppressed++
		return 0, false
	}
	suppressed, t.suppressed, t.next = t.suppressed, 0, now.Add(throttleInterval)
	return suppressed, true
}
