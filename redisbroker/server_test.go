//go:build unix

package redisbroker_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
	"github.com/hearthws/hearth/internal/redistest"
	"github.com/hearthws/hearth/redisbroker"
)

// A server ends in good order when its Redis does not, in the middle of
// broadcasts and of a client's way in; nothing is left at Redis.
func TestServerShutdown(t *testing.T) {
	for fault, harm := range map[string]func(*redistest.Server){
		"lives":  func(*redistest.Server) {},
		"killed": (*redistest.Server).Kill,
		"frozen": (*redistest.Server).Freeze,
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			redis := redistest.Start(t)
			s := hearthtest.New(t, hearth.Options{
				Broker: newBroker(t, redisbroker.Options{URL: redis.URL()}),
				Authenticate: func(context.Context, *hearth.Client, json.RawMessage) (hearth.Identity, error) {
					return hearth.Identity{UserID: "ann"}, nil
				},
			})
			c := s.Connect(nil)
			harm(redis)
			late := s.Dial()
			late.Send("authenticate", nil) // waits for Redis
			stop := make(chan struct{})
			var busy sync.WaitGroup
			for range 4 {
				busy.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
							_ = s.Broadcast(context.Background(), "m", 1, hearth.Async(nil))
							_ = s.Broadcast(context.Background(), "m", 2)
						}
					}
				})
			}
			eventually(t, "broadcasts are on their way", func() bool {
				st := s.Stats().Broker
				return st.Published+st.Failed+st.QueuedBytes > 0
			})
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			began := time.Now()
			for range 2 {
				if err := s.Shutdown(ctx); err != nil {
					t.Errorf("Shutdown: %v", err)
				}
			}
			if took := time.Since(began); took > 2*findWithin {
				t.Errorf("Shutdown took %s", took)
			}
			close(stop)
			busy.Wait()
			if err := s.Broadcast(t.Context(), "m", 3); !errors.Is(err, hearth.ErrClosed) {
				t.Errorf("Broadcast afterwards: %v", err)
			}
			for _, one := range []*hearthtest.Client{c, late} {
				if code, reason := one.ExpectClose(); code != hearth.CloseGoingAway || reason != "Server shutting down" {
					t.Errorf("closed with %d %q", code, reason)
				}
			}
			if fault == "killed" {
				return
			}
			redis.Thaw()
			eventually(t, "no connection is left", func() bool {
				return strings.Count(redis.CLI("CLIENT", "LIST"), "id=") == 1 // its own
			})
		})
	}
}
