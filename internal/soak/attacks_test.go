package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/hearthws/hearth"
)

// gone waits until no client is left, and checks every index.
func (s *site) gone(t *testing.T) {
	t.Helper()
	s.empty(t)
	if err := s.ConsistencyCheck(); err != nil {
		t.Error(err)
	}
}

// A23: every state, every way of dying: nothing is left of any. Without the
// removal from one index in the hub, or without the end of a connection that a
// hook outlives, it does not end.
func TestA23EveryStateEveryDeath(t *testing.T) {
	for _, transport := range transports() {
		t.Run(string(transport), func(t *testing.T) {
			s := open(t, transport)
			for _, state := range states() {
				for _, death := range deaths {
					t.Run(state.name+", "+death.name, func(t *testing.T) {
						if err := s.live(&state, &death); err != nil {
							t.Error(err)
						}
						s.gone(t)
					})
				}
			}
		})
	}
}

// A24: everything is sent to clients, and done with them, while they are being
// closed by either side: no panic, no race, and nothing is left.
func TestA24SendRacingClose(t *testing.T) {
	for _, transport := range transports() {
		t.Run(string(transport), func(t *testing.T) {
			s := open(t, transport)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			var running sync.WaitGroup
			all := states()[7:] // authenticated ones
			for range 8 {
				running.Go(func() {
					for ctx.Err() == nil {
						err := s.live(&all[rand.N(len(all))], &deaths[rand.N(len(deaths))])
						if errors.Is(err, os.ErrDeadlineExceeded) { // others are sent away before they have got all
							t.Error(err)
						}
					}
				})
			}
			for range 4 {
				running.Go(func() {
					for ctx.Err() == nil {
						s.meddle(ctx)
					}
				})
			}
			running.Wait()
			s.gone(t)
			if st := s.Stats(); st.AuthAccepted == 0 || st.HookFailures > 0 {
				t.Errorf("%d clients came in, %d hooks failed", st.AuthAccepted, st.HookFailures)
			}
		})
	}
}

// meddle does with every client what can be done with it.
func (s *site) meddle(ctx context.Context) {
	for c := range s.Clients(hearth.Filter{}) {
		id, room := c.ID(), fmt.Sprint("r", rand.N(20))
		switch rand.N(12) {
		case 0:
			_ = s.Broadcast(ctx, "e", 1, hearth.Exclude(id))
		case 1:
			_ = s.ToRoom(ctx, room, "e", 1)
		case 2:
			_ = s.ToUser(ctx, c.UserID(), "e", 1)
		case 3:
			_ = s.ToClient(ctx, id, "e", 1)
		case 4:
			_ = s.Send(ctx, id, "e", 1, hearth.Async(nil))
		case 5:
			_, _ = c.Send("e", 1)
		case 6:
			_, _ = c.SendRaw(hearth.Raw{Payload: []byte("raw")})
		case 7:
			_, _ = c.Batch(func(b *hearth.Batch) { b.Send("e", 1); b.Send("e", 2) })
		case 8:
			_ = c.Join(room, id)
		case 9:
			c.Leave(room, id)
		case 10:
			_ = c.Publish(room, hearth.Raw{Payload: []byte("raw")})
		case 11:
			if rand.N(4) == 0 {
				c.Close(4000, "out")
			}
		}
		_ = c.Snapshot()
	}
}
