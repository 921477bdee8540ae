package hearth_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// What the server knows agrees at every rest of a life with clients in all
// states. That a disagreement is found is tested where it can be made: in
// internal/hub and internal/transport.
func TestConsistencyCheck(t *testing.T) {
	bubble(t, func(t *testing.T) {
		opts := accepting()
		broker := newFakeBroker()
		opts.Broker = broker
		s := hearthtest.New(t, opts)
		check := func(when string) {
			t.Helper()
			synctest.Wait()
			if err := s.ConsistencyCheck(); err != nil {
				t.Errorf("%s: %v", when, err)
			}
		}
		check("at first")
		var all []*hearthtest.Client
		for i := range 6 {
			c := s.Dial()
			check("a client has connected")
			if i > 0 {
				c.Authenticate(user(fmt.Sprint("u", i%2)))
				check("it is authenticated")
				c.Send("join", rooms("a", "b", "c", "d"))
				check("it has joined")
			}
			all = append(all, c)
		}
		all[1].Send("leave", rooms("a", "d", all[1].ID(), "never"))
		all[2].Conn().Leave("b")
		check("some have left rooms")
		all[3].Conn().Close(4000, "out")
		all[4].Drop()
		all[5].Stall()
		for range 3 {
			_ = s.Broadcast(t.Context(), "e", string(make([]byte, 100_000)))
		}
		check("one was sent away, one is gone, one is stuck")
		all[5].Unstall()
		all[0].Close(1000, "")
		check("one has closed, and one reads again")

		broker.Subscribe([]string{hearth.ForRoom("nobody's")}, func(error) {})
		if err := s.ConsistencyCheck(); err == nil {
			t.Error("a channel that nobody needs is not found")
		}
		broker.Unsubscribe([]string{hearth.ForRoom("nobody's")})
		check("before the end")
	})
}
