package serve

import (
	"context"
	"os"
	"sync"
	"syscall"
)

// lifetime is how long a node runs, as signals have it.
type lifetime struct {
	running context.Context // until the first SIGTERM or SIGINT; its cause is ErrInterrupted after the latter
	patient context.Context // until the second
	reload  chan struct{}   // SIGHUP
}

// newLifetime follows signals until end is called.
func newLifetime(signals <-chan os.Signal) (life *lifetime, end func()) {
	running, stop := context.WithCancelCause(context.Background())
	patient, cut := context.WithCancel(context.Background())
	life = &lifetime{running: running, patient: patient, reload: make(chan struct{}, 1)}
	done := make(chan struct{})
	var follower sync.WaitGroup
	follower.Go(func() {
		for {
			select {
			case <-done:
				return
			case s := <-signals:
				life.follow(s, stop, cut)
			}
		}
	})
	return life, func() {
		close(done)
		follower.Wait()
		stop(nil)
		cut()
	}
}

func (l *lifetime) follow(s os.Signal, stop context.CancelCauseFunc, cut context.CancelFunc) {
	switch {
	case s == syscall.SIGHUP:
		select {
		case l.reload <- struct{}{}:
		default: // one is due already
		}
	case l.running.Err() != nil:
		cut()
	case s == os.Interrupt:
		stop(ErrInterrupted)
	default:
		stop(nil)
	}
}
