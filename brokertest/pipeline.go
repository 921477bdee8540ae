package brokertest

import (
	"sync"
	"testing"
	"time"

	"github.com/hearthws/hearth"
)

// pipeline publishes with a window, so that no broker is overloaded.
type pipeline struct {
	t       *testing.T
	session hearth.BrokerSession
	window  chan struct{}

	mu     sync.Mutex
	errors []error
}

func newPipeline(t *testing.T, s hearth.BrokerSession, window int) *pipeline {
	return &pipeline{t: t, session: s, window: make(chan struct{}, window)}
}

// publish does not wait for the answer.
func (p *pipeline) publish(env hearth.Envelope) {
	p.t.Helper()
	p.session.Publish(env, p.answer())
}

// answer waits for room in the window and returns what keeps the answer.
func (p *pipeline) answer() func(error) {
	p.t.Helper()
	p.enter()
	return once(p.t, func(err error) {
		if err != nil {
			p.mu.Lock()
			p.errors = append(p.errors, err)
			p.mu.Unlock()
		}
		<-p.window
	})
}

func (p *pipeline) enter() {
	p.t.Helper()
	select {
	case p.window <- struct{}{}:
	case <-time.After(patience):
		p.t.Fatalf("no answer to any of %d publishes within %s", cap(p.window), patience)
	}
}

// answers waits for all answers and returns the errors.
func (p *pipeline) answers() []error {
	p.t.Helper()
	for range cap(p.window) {
		p.enter()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.errors
}

// wait waits for all answers, none of which may be an error.
func (p *pipeline) wait() {
	p.t.Helper()
	if errs := p.answers(); len(errs) > 0 {
		p.t.Fatalf("%d publishes failed, first: %v", len(errs), errs[0])
	}
}
