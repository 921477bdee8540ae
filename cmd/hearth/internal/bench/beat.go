package bench

import (
	"context"

	"github.com/hearthws/hearth/internal/frame"
)

// beat is the next sign of life of a connection.
type beat struct {
	conn *conn
	due  int64
}

// heartbeats keeps clients from being thought dead, until ctx ends: each from
// when it was admitted, as connecting all of them may take longer than a server
// lets one be silent. The interval is the same for all, so the first in the queue
// is the next that is due.
func (r *run) heartbeats(ctx context.Context) {
	if r.dialect.Heartbeat == "" {
		return
	}
	text := frame.AppendMasked(nil, frame.Text, true, false, []byte(r.dialect.Heartbeat), maskKey)
	for {
		select {
		case b := <-r.beats:
			sleepUntil(ctx, b.due)
			if ctx.Err() != nil {
				return
			}
			b.conn.link.send(text)
			b.due = max(b.due, now()) + int64(r.cfg.Heartbeat)
			r.beats <- b
		case <-ctx.Done():
			return
		}
	}
}
