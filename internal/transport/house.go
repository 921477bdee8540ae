package transport

import (
	"errors"
	"time"

	"github.com/hearthws/hearth/internal/frame"
)

var errIdle = errors.New("transport: nothing received within the idle timeout")

// tickEvery bounds how late a connection that has to be gone is cut.
const tickEvery = time.Second

// idleChecks is how often within IdleTimeout connections are looked at.
const idleChecks = 8

// keepHouse lets every loop look after its connections now and then.
func (e *Engine) keepHouse() {
	defer e.running.Done()
	every := min(tickEvery, max(e.cfg.IdleTimeout/idleChecks, 10*time.Millisecond))
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-e.done:
			return
		case now := <-ticker.C:
			for _, l := range e.loops {
				l.rescue()
				if l.untidy.Load() || l.queued.Load() > 0 {
					l.Post(Op{kind: opTick, arg: now})
				}
			}
		}
	}
}

// tick looks after the loop's connections.
func (l *Loop) tick(now time.Time) {
	l.cutLingering(now)
	l.queues.trim()
	l.tidy()
	if now.Sub(l.checked) < l.engine.cfg.IdleTimeout/idleChecks {
		return
	}
	l.checked = now
	for _, c := range l.conns {
		if c == nil || c.flags&closing != 0 {
			continue
		}
		l.checkIdle(c, now)
	}
}

// tidy notes whether there is anything to look after. Without connections there may
// be: of many that went at once, some are known until their time to close is over.
func (l *Loop) tidy() {
	l.untidy.Store(false)
	if l.count.Load() > 0 || len(l.linger) > 0 || len(l.queues.free) > 1 {
		l.untidy.Store(true)
	}
}

var emptyPing = FrameOf(frame.Ping, false, nil)

// checkIdle drops a silent connection, or asks it for a pong in time before
// that. A peer whose input is not read cannot show that it is there.
func (l *Loop) checkIdle(c *Conn, now time.Time) {
	timeout := l.engine.cfg.IdleTimeout
	silent := time.Duration(l.engine.sinceBegan(now) - c.lastRead.Load())
	if c.flags&paused != 0 || c.stream != nil && c.stream.pausedNow() {
		return
	}
	if silent >= timeout {
		l.end(c, abnormal(errIdle))
		return
	}
	if silent < timeout/2 {
		c.flags &^= pinged
		return
	}
	if l.engine.cfg.Pings && c.flags&pinged == 0 {
		c.flags |= pinged
		l.sendControl(c, emptyPing)
	}
}
