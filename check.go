package hearth

import (
	"errors"
	"fmt"

	"github.com/hearthws/hearth/internal/hub"
	"github.com/hearthws/hearth/internal/transport"
)

// ConsistencyCheck reports whether all that the server knows of its clients
// agrees: indexes, rooms, event loops, counters, and what it has subscribed to
// at the broker. It is for tests, costs much, and is meaningful only while
// nothing happens: no message is on its way, no hook runs. It may be called
// after Shutdown.
func (s *Server) ConsistencyCheck() error {
	var all []error
	fail := func(format string, args ...any) { all = append(all, fmt.Errorf("hearth: "+format, args...)) }

	served := map[*hub.Client]bool{}
	if err := s.engine.ConsistencyCheck(func(c *transport.Conn, closing bool) {
		if !closing {
			served[&clientOfConn(c).hub] = true
		}
	}); err != nil {
		fail("%w", err)
	}
	channels, err := s.hub.ConsistencyCheck()
	if err != nil {
		fail("%w", err)
	}

	known, early, congested, settled := int64(0), 0, int64(0), true
	s.hub.Each(func(hc *hub.Client) {
		c := clientOf(hc)
		known++
		if !served[hc] {
			fail("client %s is indexed, and not served", c.ID())
		}
		delete(served, hc)
		if c.congested.Load() {
			congested++
		}
		switch c.state() {
		case stateAuthenticated:
		case stateUnauthorized:
			early++
		case stateAuthenticating:
			early++
			settled = false
		default:
			fail("client %s is indexed in state %d", c.ID(), c.state())
		}
	})
	for hc := range served {
		fail("client %s is served, and not indexed", hc.ID())
	}
	n := &s.counters
	if open := n.connections.Load() - n.disconnects.Load(); open != known {
		fail("%d connections were made and %d ended, and there are %d", n.connections.Load(), n.disconnects.Load(), known)
	}
	if got := n.congested.Load(); got != congested {
		fail("%d clients count as congested, and %d are", got, congested)
	}
	if count, byAddr := s.doorway.counts(); count != early || byAddr > early {
		fail("%d clients count as unauthenticated, %d of them by address, and %d are", count, byAddr, early)
	}
	for _, sealer := range s.sealers {
		sealer.mu.Lock()
		if len(sealer.running) > 0 || len(sealer.ready) > 0 {
			fail("%d clients are being transformed, %d wait", len(sealer.running), len(sealer.ready))
		}
		sealer.mu.Unlock()
	}
	if s.session.Unfiltered() || !settled || !s.serving.Load() {
		return errors.Join(all...)
	}
	if got := s.session.Stats().Channels; got != channels+1 { // and that of broadcasts
		fail("%d channels are subscribed, and %d are needed", got, channels+1)
	}
	return errors.Join(all...)
}
