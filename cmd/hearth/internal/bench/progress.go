package bench

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// progress tells people what happens, in one line if they look at a terminal.
type progress struct {
	out  io.Writer
	live bool

	mu   sync.Mutex
	line bool // an unfinished one is shown
}

func (p *progress) say(format string, args ...any) {
	if p.out == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	fmt.Fprintf(p.out, format+"\n", args...)
}

// every shows text once a second until stop is called; on a terminal only.
func (p *progress) every(text func() string) (stop func()) {
	if p.out == nil || !p.live {
		return func() {}
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.mu.Lock()
				p.clear()
				fmt.Fprint(p.out, text())
				p.line = true
				p.mu.Unlock()
			case <-quit:
				return
			}
		}
	}()
	return func() {
		close(quit)
		<-done
	}
}

// clear removes the unfinished line; the caller holds mu.
func (p *progress) clear() {
	if p.line {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.line = false
	}
}

func (p *progress) done() {
	if p.out == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}
