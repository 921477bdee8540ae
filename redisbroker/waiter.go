package redisbroker

import (
	"sync/atomic"

	"github.com/hearthws/hearth"
)

// waiter is one call of Subscribe that waits until all of its topics are live.
type waiter struct {
	session *session
	done    func(error)
	topics  atomic.Int64 // not yet live, and 1 until release
	told    atomic.Bool
}

func newWaiter(s *session, done func(error)) *waiter {
	w := &waiter{session: s, done: done}
	w.topics.Store(1)
	return w
}

// add makes w wait for one more topic.
func (w *waiter) add() { w.topics.Add(1) }

// release says that a topic is live, or that there are no more to come.
func (w *waiter) release() {
	if w.topics.Add(-1) == 0 {
		w.finish(nil)
	}
}

// finish calls done, unless that has happened.
func (w *waiter) finish(err error) {
	if w.told.CompareAndSwap(false, true) {
		if err != nil && w.session.calls.Closed() {
			err = hearth.ErrClosed // whatever failed since then
		}
		w.done(err)
		w.session.calls.Leave()
	}
}
