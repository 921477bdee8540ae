package serve

import (
	"context"
	"runtime/debug"
	"time"
)

// Upgrading a connection takes some 20 KB for a moment, of which an idle one
// keeps less than a tenth. After many connections in a short time the process
// therefore holds far more memory than it needs, and Go gives it back slowly.
const (
	storm      = 1000            // this many more connections are one
	sampleTime = 5 * time.Second // between two looks at their number
)

// trimMemory gives memory back to the system once after each storm.
func (n *node) trimMemory(ctx context.Context) {
	ticker := time.NewTicker(sampleTime)
	defer ticker.Stop()
	var s storms
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if connections := n.server.Stats().Connections; s.over(connections) {
			start := time.Now()
			debug.FreeOSMemory()
			n.log.Debug("memory given back", "connections", connections, "took", time.Since(start))
		}
	}
}

// storms notices when a storm of connections is over.
type storms struct {
	base int64 // connections after the last storm, or fewer
	last int64 // at the last look
}

// over takes the number of connections now. It is true once when that has
// grown by a storm, and does not grow by a tenth of one any more.
func (s *storms) over(connections int64) bool {
	growth := connections - s.last
	s.last = connections
	s.base = min(s.base, connections)
	if connections-s.base < storm || growth > storm/10 {
		return false
	}
	s.base = connections
	return true
}
