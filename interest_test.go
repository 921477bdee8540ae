package hearth_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// A server subscribes to what its own clients need, and to nothing else.
func TestInterest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		broker := newFakeBroker()
		opts := accepting()
		opts.Broker = broker
		opts.DefaultRooms = []string{"lobby", "lobby"}
		s := hearthtest.New(t, opts)
		expect := func(channels ...string) {
			t.Helper()
			channels = sorted(append(channels, hearth.ChannelBroadcast))
			if diff := cmp.Diff(channels, broker.wanted()); diff != "" {
				t.Errorf("channels (-want +got):\n%s", diff)
			}
		}
		expect()
		a := s.Connect(user("ann"))
		ofA := []string{hearth.ForClient(a.ID()), hearth.ForRoom(a.ID()), hearth.ForUser("ann"), hearth.ForRoom("lobby")}
		expect(ofA...)
		b := s.Connect(user("ann"))
		expect(append(ofA, hearth.ForClient(b.ID()), hearth.ForRoom(b.ID()))...)
		if err := a.Conn().Join("x", "x", "lobby", a.ID()); err != nil {
			t.Fatal(err)
		}
		if err := b.Conn().Join("x"); err != nil {
			t.Fatal(err)
		}
		a.Conn().Leave("x", "x", "nowhere")
		expect(append(ofA, hearth.ForClient(b.ID()), hearth.ForRoom(b.ID()), hearth.ForRoom("x"))...)
		a.Conn().Leave(a.ID(), "lobby")
		b.Conn().Close(4000, "")
		expect(hearth.ForClient(a.ID()), hearth.ForUser("ann"))
		a.Conn().Close(4000, "")
		expect()
		anonymous := s.Connect(nil)
		expect(hearth.ForClient(anonymous.ID()), hearth.ForRoom(anonymous.ID()), hearth.ForRoom("lobby"))
	})
}

// lateBroker confirms subscriptions some time after they were asked for.
type lateBroker struct {
	*fakeBroker
	mu      sync.Mutex
	live    map[string]bool
	answers sync.WaitGroup
}

func (b *lateBroker) Open(ctx context.Context, node hearth.BrokerNode) (hearth.BrokerSession, error) {
	_, err := b.fakeBroker.Open(ctx, node)
	return b, err
}

func (b *lateBroker) Subscribe(channels []string, done func(error)) {
	b.answers.Go(func() {
		for range 50 {
			runtime.Gosched()
		}
		b.mu.Lock()
		for _, ch := range channels {
			b.live[ch] = true
		}
		b.mu.Unlock()
		done(nil)
	})
}

func (b *lateBroker) isLive(channel string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.live[channel]
}

// A client's next message is handled only when what it has joined is live,
// however many others join at the same time.
func TestLiveBeforeTheNextMessage(t *testing.T) {
	const clients, joins = 40, 20
	broker := &lateBroker{fakeBroker: newFakeBroker(), live: map[string]bool{}}
	defer broker.answers.Wait()
	opts := accepting()
	opts.Broker = broker
	check := func(channel string) {
		if !broker.isLive(channel) {
			t.Errorf("%s is not live yet", channel)
		}
	}
	opts.OnConnect = func(_ context.Context, c *hearth.Client) error {
		check(hearth.ForClient(c.ID()))
		check(hearth.ForRoom(c.ID()))
		check(hearth.ForUser(c.UserID()))
		return nil
	}
	opts.OnMessage = func(_ context.Context, c *hearth.Client, m hearth.Message) error {
		check(hearth.ForRoom(m.Event))
		_, err := c.Send(m.Event, hearth.Absent)
		return err
	}
	s := hearthtest.New(t, opts)
	var all []*hearthtest.Client
	for i := range clients {
		c := s.Dial()
		c.Send("authenticate", user(fmt.Sprint(i)))
		all = append(all, c)
	}
	for _, c := range all {
		c.Expect("connected")
	}
	for i := range joins {
		for _, c := range all {
			room := fmt.Sprintf("%d of %s", i, c.ID())
			c.Send("join", rooms(room))
			c.Send(room, nil)
		}
	}
	for _, c := range all {
		for i := range joins {
			c.Expect(fmt.Sprintf("%d of %s", i, c.ID()))
		}
	}
}
