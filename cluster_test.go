package hearth_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// A message reaches whom it concerns once, wherever they are and whoever sent
// it.
func TestClusterDeliversOnce(t *testing.T) {
	for _, size := range []int{2, 3} {
		t.Run(fmt.Sprint(size, " nodes"), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				nodes := hearthtest.NewCluster(t, size, accepting())
				clients := map[string]*hearthtest.Client{} // ann is on every node
				for i, node := range nodes {
					a, b := node.Connect(user("ann")), node.Connect(user(fmt.Sprint("only-", i)))
					if err := a.Conn().Join("r"); err != nil {
						t.Fatal(err)
					}
					clients[fmt.Sprint("ann ", i)], clients[fmt.Sprint("other ", i)] = a, b
				}
				expect := func(what, prefix string, but ...string) {
					t.Helper()
					synctest.Wait()
					got, want := map[string]int{}, map[string]int{}
					for name, c := range clients {
						got[name] = len(c.Received())
						want[name] = 0
						if len(name) >= len(prefix) && name[:len(prefix)] == prefix {
							want[name] = 1
						}
					}
					for _, name := range but {
						want[name] = 0
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("%s (-want +got):\n%s", what, diff)
					}
				}
				ctx := t.Context()
				for i, node := range nodes {
					from := fmt.Sprint("node ", i)
					_ = node.Broadcast(ctx, "e", 1)
					expect("Broadcast from "+from, "")
					_ = node.ToRoom(ctx, "r", "e", 1)
					expect("ToRoom from "+from, "ann")
					_ = node.ToUser(ctx, "ann", "e", 1)
					expect("ToUser from "+from, "ann")
					for name, c := range clients {
						_ = node.ToClient(ctx, c.ID(), "e", 1)
						expect("ToClient from "+from, name)
						_ = node.Send(ctx, c.ID(), "e", 1)
						expect("Send to a client from "+from, name)
						_ = node.ToRoom(ctx, c.ID(), "e", 1)
						expect("to the room of a client's id from "+from, name)
					}
					_ = node.Send(ctx, "r", "e", 1)
					expect("Send to a room from "+from, "ann")
					_ = node.Send(ctx, "", "e", 1)
					expect("Send to all from "+from, "")
					_ = node.Broadcast(ctx, "e", 1, hearth.Exclude(clients["ann 0"].ID(), clients["other 1"].ID()))
					expect("Broadcast without some from "+from, "", "ann 0", "other 1")
					_ = node.ToRoom(ctx, "r", "e", 1, hearth.Exclude(clients["ann 1"].ID()))
					expect("ToRoom without one from "+from, "ann", "ann 1")
					_ = node.Broadcast(ctx, "e", 1, hearth.LocalOnly())
					expect("Broadcast on "+from+" only", "", others(clients, i)...)
				}
			})
		})
	}
}

// others are the names of the clients that are not on a node.
func others(clients map[string]*hearthtest.Client, node int) []string {
	var all []string
	for name := range clients {
		if name != fmt.Sprint("ann ", node) && name != fmt.Sprint("other ", node) {
			all = append(all, name)
		}
	}
	return all
}

// echoBroker delivers what a server publishes to that server as well, as a
// broker over Redis does.
type echoBroker struct{ *fakeBroker }

func (b echoBroker) Open(ctx context.Context, node hearth.BrokerNode) (hearth.BrokerSession, error) {
	_, err := b.fakeBroker.Open(ctx, node)
	return b, err
}

func (b echoBroker) Publish(env hearth.Envelope, done func(error)) {
	b.node.Deliver(env)
	done(nil)
}

func TestOwnEnvelopesAreSkipped(t *testing.T) {
	bubble(t, func(t *testing.T) {
		opts := accepting()
		opts.Broker = echoBroker{newFakeBroker()}
		s := hearthtest.New(t, opts)
		c := s.Connect(user("ann"))
		_ = s.Broadcast(t.Context(), "e", 1)
		_ = s.ToUser(t.Context(), "ann", "e", 2)
		_ = s.ToClient(t.Context(), c.ID(), "e", 3)
		_ = s.ToRoom(t.Context(), hearth.DefaultRoom, "e", 4)
		expectReceived(t, c, `{"event":"e","data":1}`, `{"event":"e","data":2}`, `{"event":"e","data":3}`, `{"event":"e","data":4}`)
	})
}

// Everything that one publisher sends arrives at every member of the cluster,
// in order, none twice and none missing, whatever transports serve them.
func TestClusterOrder(t *testing.T) {
	const messages = 100_000
	opts := accepting()
	opts.Broker = hearth.NewMemoryBroker()
	opts.BackpressureLimit = 64 << 20 // the publisher is faster than anybody
	var nodes []*hearthtest.Server
	var members []*hearthtest.Client
	for _, transport := range []hearth.Transport{transports()[0], hearth.TransportStream} {
		n := newNetwork(transport)
		node := n.serve(t, opts)
		c := n.connect(t, node, nil)
		if err := c.Conn().Join("r"); err != nil {
			t.Fatal(err)
		}
		nodes, members = append(nodes, node), append(members, c)
	}
	sent := make(chan error, 1)
	go func() {
		var err error
		for i := 0; i < messages && err == nil; i++ {
			err = nodes[0].ToRoom(t.Context(), "r", "m", i)
		}
		sent <- errors.Join(err, nodes[0].Broadcast(t.Context(), "end", nil))
	}()
	for _, c := range members {
		for i := range messages {
			if m := c.Expect("m"); string(m.Data) != strconv.Itoa(i) {
				t.Fatalf("received %s, want message %d", m, i)
			}
		}
		c.Expect("end")
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

// Nodes may come and go while others publish.
func TestNodesComeAndGo(t *testing.T) {
	const rounds = 20
	opts := accepting()
	opts.Broker = hearth.NewMemoryBroker()
	publisher := hearthtest.New(t, opts)
	stop := make(chan struct{})
	var busy sync.WaitGroup
	busy.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				if err := publisher.Broadcast(context.WithoutCancel(t.Context()), "m", i); err != nil {
					t.Error(err)
				}
			}
		}
	})
	defer busy.Wait()
	defer close(stop)
	for range rounds {
		s := hearthtest.New(t, opts)
		c := s.Connect(nil)
		last := -1
		for range 10 {
			i, err := strconv.Atoi(string(c.Expect("m").Data))
			if err != nil || last >= 0 && i != last+1 {
				t.Errorf("received message %d after %d", i, last)
			}
			last = i
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// New waits for the broker, and says what is wrong with it.
func TestBrokerOfNew(t *testing.T) {
	type test struct {
		name   string
		broker func(b *fakeBroker)
		want   error
	}
	bubbles(t, []test{
		{"cannot be opened", func(b *fakeBroker) { b.open = func(context.Context) error { return errBroken } }, errBroken},
		{"does not open", func(b *fakeBroker) {
			b.open = func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			}
		}, context.DeadlineExceeded},
		{"cannot subscribe", func(b *fakeBroker) { b.subscribe = hearth.ErrBrokerUnavailable }, hearth.ErrBrokerUnavailable},
	}, func(test test) string { return test.name }, func(t *testing.T, test test) {
		b := newFakeBroker()
		test.broker(b)
		opts := accepting()
		opts.Broker = b
		s, err := hearth.New(t.Context(), opts)
		if s != nil || !errors.Is(err, test.want) {
			t.Errorf("New returns %v and %v, want %v", s, err, test.want)
		}
	})
}

// The application hears of the broker's state, and so does Stats.
func TestOnBroker(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var events []hearth.BrokerEvent
		var gaps []hearth.Gap
		broker := newFakeBroker()
		opts := accepting()
		opts.Broker = broker
		opts.OnBroker = func(e hearth.BrokerEvent) { events = append(events, e) }
		opts.OnGap = func(g hearth.Gap) { gaps = append(gaps, g) }
		s := hearthtest.New(t, opts)
		if !s.Stats().Ready {
			t.Error("the server is not ready")
		}
		broker.node.Notify(hearth.BrokerEvent{State: hearth.BrokerDisconnected, Err: errBroken})
		if s.Stats().Ready {
			t.Error("the server is ready without its broker")
		}
		c := s.Connect(nil) // is let in all the same
		broker.node.Notify(hearth.BrokerEvent{State: hearth.BrokerResubscribing})
		broker.node.Notify(hearth.BrokerEvent{State: hearth.BrokerConnected})
		told := []hearth.Gap{{Missed: -1}, {Channel: hearth.ForRoom("r"), Missed: 2, Server: "other"}, {Missed: 3}}
		for _, g := range told {
			broker.node.ReportGap(g)
		}
		if st := s.Stats(); !st.Ready || st.Gaps != 3 || st.Missed != 5 {
			t.Errorf("stats say ready %t, %d gaps, %d missed", st.Ready, st.Gaps, st.Missed)
		}
		if diff := cmp.Diff(told, gaps); diff != "" {
			t.Errorf("gaps (-told +received):\n%s", diff)
		}
		if len(events) != 3 || events[0].Err != errBroken {
			t.Errorf("OnBroker gets %+v", events)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		c.ExpectClose()
		broker.node.Notify(hearth.BrokerEvent{State: hearth.BrokerConnected}) // too late
		if s.Stats().Ready {
			t.Error("the server is ready after Shutdown")
		}
	})
}
