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
	every   Heartbeat
	beat    func()      // says that this side is alive
	ask     func()      // says so and makes the server answer
	silent  func()      // nobody answered
	reading func() bool // whether what arrives is being read at the moment

	heardIt atomic.Bool // since the last beat
	asked   atomic.Bool // and not answered; deadline is set

	mu       sync.Mutex
	stopped  bool
	next     *time.Timer
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
	switch {
	case p.heardIt.Swap(false):
		p.beat()
	case !p.asked.Load(): // one question at a time
		p.asked.Store(true)
		p.deadline = time.AfterFunc(p.every.Timeout, p.late)
		p.ask()
	}
}

// late is called when an answer should have arrived. It may have and wait
// behind a handler that takes its time.
func (p *pulse) late() {
	p.mu.Lock()
	waiting := !p.stopped && p.asked.Load()
	if waiting && !p.reading() {
		p.deadline.Reset(p.every.Timeout)
		waiting = false
	}
	p.mu.Unlock()
	if waiting {
		p.silent()
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
