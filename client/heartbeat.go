package client

import (
	"sync"
	"sync/atomic"
	"time"
)

// Heartbeat is how a connection is kept, and a dead one noticed.
type Heartbeat struct {
	// Interval is the time between heartbeats. The server closes what is
	// silent for its HeartbeatTimeout, 90 s. Default: 30 s.
	Interval time.Duration
	// Timeout is how long the server may take to answer when it is asked
	// whether it is there. Default: 10 s.
	Timeout time.Duration
}

// pulse beats at an interval. When nothing was heard for a whole interval it
// asks for an answer instead, since a broken path may swallow messages for a
// quarter of an hour before TCP gives up. It consists of timers, and costs no
// goroutine.
type pulse struct {
	every  Heartbeat
	beat   func() // says that this side is alive
	ask    func() // says so and makes the server answer
	silent func() // nobody answered

	heardIt atomic.Bool // since the last beat
	asked   atomic.Bool // and not answered
	paused  atomic.Bool // a handler takes its time: the answer may wait behind it

	mu       sync.Mutex
	stopped  bool
	next     *time.Timer
	due      time.Time // when the answer must be there
	deadline *time.Timer
}

func (p *pulse) start() {
	p.heardIt.Store(true)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = time.AfterFunc(p.every.Interval, p.tick)
}

func (p *pulse) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return
	}
	p.next.Reset(p.every.Interval)
	if p.heardIt.Swap(false) || p.asked.Load() { // one question at a time
		p.beat()
		return
	}
	p.asked.Store(true)
	p.due = time.Now().Add(p.every.Timeout)
	p.deadline = time.AfterFunc(p.every.Timeout, p.late)
	p.ask()
}

// late is called when an answer should have arrived.
func (p *pulse) late() {
	p.mu.Lock()
	silent := !p.stopped && p.asked.Load() && !p.paused.Load() && !time.Now().Before(p.due)
	p.mu.Unlock()
	if silent {
		p.silent()
	}
}

// pause says that nothing is read until resume.
func (p *pulse) pause() { p.paused.Store(true) }

func (p *pulse) resume() {
	p.paused.Store(false)
	if !p.asked.Load() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stopped {
		p.due = time.Now().Add(p.every.Timeout)
		p.deadline.Reset(p.every.Timeout)
	}
}

// heard says that something arrived.
func (p *pulse) heard() {
	p.heardIt.Store(true)
	if !p.asked.Load() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked.Store(false)
	p.deadline.Stop()
}

func (p *pulse) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	if p.next != nil {
		p.next.Stop()
	}
	if p.deadline != nil {
		p.deadline.Stop()
	}
}
