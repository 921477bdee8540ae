package hearth_test

import (
	"bytes"
	"context"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
	"github.com/hearthws/hearth/internal/frame"
)

// counting are options whose OnMessage counts what it handles.
func counting(handled *atomic.Int64) hearth.Options {
	opts := accepting()
	opts.OnMessage = func(context.Context, *hearth.Client, hearth.Message) error {
		handled.Add(1)
		return nil
	}
	return opts
}

// A client is read as fast as its rates allow, and nothing that it sends is
// lost: what it has not used in the last second comes at once, the rest in time.
func TestRates(t *testing.T) {
	type test struct {
		name   string
		change func(o *hearth.Options)
		send   func(c *hearthtest.Client)
	}
	kilobyte := `{"event":"e","data":"` + strings.Repeat("x", 1000-len(`{"event":"e","data":""}`)) + `"}`
	small := func(c *hearthtest.Client) { c.Send("e", nil) }
	bubbles(t, []test{
		{"messages", func(o *hearth.Options) { o.MessageRate = 10 }, small},
		{"bytes", func(o *hearth.Options) { o.ByteRate = 10_000 }, func(c *hearthtest.Client) { c.SendText(kilobyte) }},
		{"cost", func(o *hearth.Options) {
			o.MessageRate = 1000
			o.MessageCost = func(_ *hearth.Client, event string, size int) float64 {
				return map[string]float64{"e": 100}[event] * float64(size) / float64(len(`{"event":"e","data":null}`))
			}
		}, small},
	}, func(test test) string { return test.name }, func(t *testing.T, test test) {
		var handled atomic.Int64
		opts := counting(&handled)
		test.change(&opts)
		s := hearthtest.New(t, opts)
		c := s.Connect(nil)
		time.Sleep(time.Minute) // saves up for a second, and no longer
		sent := make(chan struct{})
		go func() {
			for range 60 {
				test.send(c)
			}
			close(sent)
		}()
		for i := range 5 {
			synctest.Wait()
			if handled, want := handled.Load(), int64(10*(i+1)); handled < want || handled > want+1 {
				t.Errorf("%d messages are handled after %d s, want %d and perhaps one more", handled, i, want)
			}
			time.Sleep(time.Second)
		}
		<-sent
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if handled.Load() != 60 || c.Conn().State() != hearth.StateAuthenticated {
			t.Errorf("in the end %d messages are handled, and the client is %s", handled.Load(), c.Conn().State())
		}
		if s.Stats().Refused["rate"] == 0 {
			t.Error("nothing is counted")
		}
	})
}

// Time pays back however the messages are spread, and the clock's jumps, which
// a bubble does not have, play no part: what is owed is in the server's time.
func TestSteadyRate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var handled atomic.Int64
		opts := counting(&handled)
		opts.MessageRate = 10
		s := hearthtest.New(t, opts)
		c := s.Connect(nil)
		for range 1000 {
			c.Send("e", nil)
			time.Sleep(100 * time.Millisecond)
		}
		if got := s.Stats().Refused["rate"]; handled.Load() != 1000 || got != 0 {
			t.Errorf("%d messages are handled, the client was over its rate %d times", handled.Load(), got)
		}
	})
}

// A client that is not read because of its rate does not count as silent, and
// both reasons for not reading may hold at once.
func TestRateAndPending(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		var handled atomic.Int64
		opts := accepting()
		opts.MessageRate, opts.MaxPendingMessages = 1, 2
		opts.HeartbeatTimeout, opts.HeartbeatInterval = 2*time.Second, time.Second
		opts.OnMessage = func(context.Context, *hearth.Client, hearth.Message) error {
			<-release
			handled.Add(1)
			return nil
		}
		opts.MessageCost = func(*hearth.Client, string, int) float64 { return 10 }
		s := hearthtest.New(t, opts)
		c := s.Connect(nil)
		six := bytes.Repeat(maskedText(`{"event":"e"}`), 6)
		_, _ = c.Write(six)
		for range 60 { // it takes 10 s for each, and 3 are all that may wait
			time.Sleep(time.Second)
			if c.Conn().State() != hearth.StateAuthenticated {
				t.Fatal("the client counts as silent")
			}
		}
		if got := s.Stats().ReadPauses; got != 1 {
			t.Errorf("%d pauses because of what is pending, want 1", got)
		}
		close(release)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if got := handled.Load(); got != 6 {
			t.Errorf("%d messages are handled, want all 6", got)
		}
	})
}

// With CloseOnRateLimit a client is closed instead, and control frames count.
func TestCloseOnRateLimit(t *testing.T) {
	type test struct {
		name string
		op   frame.Opcode
	}
	bubbles(t, []test{{"text", frame.Text}, {"ping", frame.Ping}, {"pong", frame.Pong}}, func(test test) string { return test.name }, func(t *testing.T, test test) {
		opts := accepting()
		opts.MessageRate, opts.CloseOnRateLimit = 100, true
		s := hearthtest.New(t, opts)
		c := s.Connect(nil)
		payload := []byte(nil)
		if test.op == frame.Text {
			payload = []byte(`{"event":"e"}`)
		}
		for i := range 101 {
			synctest.Wait()
			if i < 100 && c.Conn().State() != hearth.StateAuthenticated {
				t.Fatalf("the client is %s after %d frames", c.Conn().State(), i)
			}
			_, _ = c.Write(frame.AppendMasked(nil, test.op, true, false, payload, [4]byte{}))
		}
		expectClose(t, c, hearth.ClosePolicy, "Too many messages")
		if got := s.Stats().Refused["rate"]; got != 1 {
			t.Errorf("it is counted %d times", got)
		}
	})
}

// A hook that fails, or says nothing of use, makes a message count as one.
func TestMessageCostNonsense(t *testing.T) {
	for name, cost := range map[string]func() float64{
		"panic":    func() float64 { panic("cost") },
		"negative": func() float64 { return -5 },
		"NaN":      math.NaN,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var handled atomic.Int64
				opts := counting(&handled)
				opts.MessageRate = 10
				opts.MessageCost = func(*hearth.Client, string, int) float64 { return cost() }
				s := hearthtest.New(t, opts)
				c := s.Connect(nil)
				time.Sleep(time.Second)
				for range 10 {
					c.Send("e", nil)
				}
				synctest.Wait()
				if got := s.Stats().Refused["rate"]; handled.Load() != 10 || got != 0 {
					t.Errorf("10 messages: %d are handled, %d times over the rate", handled.Load(), got)
				}
				c.Send("e", nil)
				synctest.Wait()
				if got := s.Stats().Refused["rate"]; got != 1 {
					t.Errorf("one more: %d times over the rate", got)
				}
			})
		})
	}
}

// A cost beyond all measure holds a client up for a minute, and not for ever.
func TestMessageCostWithoutBound(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var handled atomic.Int64
		opts := counting(&handled)
		opts.MessageCost = func(*hearth.Client, string, int) float64 { return math.Inf(1) }
		c := hearthtest.New(t, opts).Connect(nil)
		_, _ = c.Write(slices.Concat(maskedText(`{"event":"e"}`), maskedText(`{"event":"e"}`)))
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if got := handled.Load(); got != 1 {
			t.Errorf("%d messages are handled, want the first", got)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := handled.Load(); got != 2 {
			t.Errorf("%d messages are handled, want both", got)
		}
	})
}
