package hearth

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/hearthws/hearth/internal/frame"
)

// Reasons of refusals: keys of Stats.Refused, and labels of the metric. Those
// of requests that break a rule of the handshake are in refusalReasons only.
const (
	refusedConnections     = "connections"     // MaxConnections
	refusedUnauthenticated = "unauthenticated" // MaxUnauthenticated
	refusedAddress         = "address"         // MaxUnauthenticatedPerAddress
	refusedEarly           = "early"           // too many errors before authentication
	refusedUser            = "user"            // MaxConnectionsPerUser
	refusedRate            = "rate"            // MessageRate, ByteRate
	refusedRooms           = "rooms"           // MaxRooms, MaxRoomsPerJoin
	refusedFrame           = "frame"           // not RFC 6455
	refusedData            = "data"            // not UTF-8, or not what was compressed
	refusedSize            = "size"            // MaxPayload, MaxAuthPayload
	refusedFragments       = "fragments"       // MaxFragments
)

// refusalReasons are all of them.
var refusalReasons = []string{
	"protocol", "method", "upgrade", "connection", "version", "key", "body", "origin", "subprotocol", "extension",
	refusedConnections, refusedUnauthenticated, refusedAddress, refusedEarly, refusedUser, refusedRate, refusedRooms,
	refusedFrame, refusedData, refusedSize, refusedFragments,
}

// refusals counts by reason. The map is static, so that it needs no lock.
type refusals map[string]*refusal

type refusal struct {
	count  atomic.Int64
	logged atomic.Int64 // Server.uptime
}

func newRefusals() refusals {
	all := make(refusals, len(refusalReasons))
	for _, reason := range refusalReasons {
		r := &refusal{}
		r.logged.Store(-refusalLogEvery.Milliseconds()) // the first one is logged
		all[reason] = r
	}
	return all
}

// snapshot is what Stats.Refused shows.
func (r refusals) snapshot() map[string]int64 {
	counts := make(map[string]int64, len(r))
	for reason, n := range r {
		counts[reason] = n.count.Load()
	}
	return counts
}

// refusalLogEvery is the time between two log lines of one reason: whoever runs
// into a limit on purpose does not fill the log.
const refusalLogEvery = 10 * time.Second

// refused counts a refusal by a limit, and logs it now and then.
func (s *Server) refused(reason string, attrs ...any) {
	r := s.refusals[reason]
	n := r.count.Add(1)
	now, last := s.uptime(), r.logged.Load()
	if now-last >= refusalLogEvery.Milliseconds() && r.logged.CompareAndSwap(last, now) {
		s.opts.Logger.Warn("limit reached", append(attrs, "reason", reason, "count", n)...)
	}
}

// countViolation counts a connection that ended because the peer broke the
// protocol, or sent more than it may in one message.
func (s *Server) countViolation(err error) {
	var violation *frame.CloseError
	if !errors.As(err, &violation) {
		return
	}
	switch violation.Code {
	case CloseProtocolError:
		s.refusals[refusedFrame].count.Add(1)
	case CloseInvalidData:
		s.refusals[refusedData].count.Add(1)
	case CloseTooBig:
		s.refusals[refusedSize].count.Add(1)
	case ClosePolicy:
		s.refusals[refusedFragments].count.Add(1)
	}
}
