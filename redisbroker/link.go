package redisbroker

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hearthws/hearth"
)

// stopGrace is how long answers that are due may still come when the last
// session is closed.
const stopGrace = 500 * time.Millisecond

// link is what the sessions of a broker share: the connections, and the
// goroutines that serve them.
type link struct {
	// Static after construction.
	options    *Options
	began      time.Time // what moments count from
	name       string    // of Redis, without secrets
	ctx        context.Context
	cancel     context.CancelFunc
	conns      *connections
	topology   *topology
	publisher  *publisher
	interest   *interest
	inbox      *inbox
	subscriber *subscriber

	tasks     sync.WaitGroup
	subscribe sync.Once

	reconnects, gaps, invalid, overflows, missing, repeats atomic.Int64

	malformedLog, refusedLog throttle // of log lines

	mu       sync.Mutex
	sessions map[*session]struct{}
	feed     feed      // of the subscriber
	feedErr  error     // why it is not live
	lostAt   time.Time // from when on envelopes may be missing; zero: none
	elected  bool      // the connection that is being restored leads to another master
	doubt    interval  // in which others may still publish at the old one, of which nothing was told yet
}

// interval is a time span; zero: none.
type interval struct{ from, to time.Time }

// feed is the state of the subscriber's connection.
type feed int

const (
	feedDown feed = iota
	feedRestoring
	feedLive
)

func newLink(options *Options) *link {
	l := &link{
		options: options, began: time.Now(), name: options.String(), conns: newConnections(),
		interest: newInterest(options.Linger), sessions: make(map[*session]struct{}),
		feedErr: options.unavailable(errNotYet),
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.topology = newTopology(l.ctx, options, l.conns, l.nodesChanged)
	l.publisher = newPublisher(l.topology)
	l.inbox = newInbox(l)
	l.subscriber = newSubscriber(l)
	l.tasks.Go(func() { l.publisher.run(l.ctx) })
	l.topology.start(l.subscriber.probe)
	return l
}

// moment is a time in eight bytes: nanoseconds since the link began, which no
// change of the system's clock moves.
type moment int64

// momentOf takes what comes from time.Now.
func (l *link) momentOf(t time.Time) moment { return moment(t.Sub(l.began)) }

// timeOf shows a moment on the system's clock as it goes now.
func (l *link) timeOf(m moment) time.Time {
	now := time.Now()
	return now.Add(time.Duration(m - l.momentOf(now)))
}

// join adds a session. Until it was called for the first session, and after
// leave returned true, the link has none.
func (l *link) join(s *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sessions[s] = struct{}{}
}

// begin tells a session that has joined what is known. The first that receives
// starts the subscriber.
func (l *link) begin(s *session) {
	if s.receives() {
		if l.options.Patterns {
			s.subscribe(everything)
		}
		l.subscribe.Do(func() {
			l.tasks.Go(func() { l.subscriber.run(l.ctx) })
			l.tasks.Go(func() { l.inbox.run(l.ctx) })
		})
	}
	l.update()
}

// leave reports whether s was the last session.
func (l *link) leave(s *session) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.sessions, s)
	return len(l.sessions) == 0
}

// stop returns when nothing of the link runs. Redis gets a moment to answer
// what is under way, if it is there.
func (l *link) stop() {
	l.cancel()
	grace := time.Duration(0)
	if len(l.topology.table.Load().nodes) > 0 {
		grace = stopGrace
	}
	cut := time.AfterFunc(grace, l.conns.cut)
	l.tasks.Wait()
	l.topology.close()
	cut.Stop()
	l.conns.cut()
}

// everything is what is subscribed to in pattern mode.
var everything = []string{
	hearth.ChannelBroadcast, hearth.ForRoomPattern(), hearth.ForClientPattern(), hearth.ForUserPattern(),
}

// isPattern reports whether a topic is a pattern; a room may be named like one.
func (l *link) isPattern(topic string) bool {
	return l.options.Patterns && topic != hearth.ChannelBroadcast
}

// reason is why sessions are not connected.
func (l *link) reason() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reasonLocked()
}

func (l *link) reasonLocked() error {
	if t := l.topology.table.Load(); len(t.nodes) == 0 {
		return t.err
	}
	return l.feedErr
}
