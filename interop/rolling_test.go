//go:build unix

package interop

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hearthws/hearth/internal/ledger"
	"github.com/hearthws/hearth/internal/redistest"
)

// rollingRooms are the rooms of the traffic during a migration.
var rollingRooms = []string{"red", "green", "blue"}

// period is how long traffic flows between two changes of the cluster, and
// inFlight how long a message may be on its way.
const (
	period   = 1200 * time.Millisecond
	inFlight = time.Second
)

// commuter is a client with traffic of its own that goes to another node when
// its node goes away.
type commuter struct {
	walker
	ledger *ledger.Ledger
	route  *route
}

// route is the nodes that clients may connect to, and who is where.
type route struct {
	mu    sync.Mutex
	nodes []*node
	next  int
	at    map[*commuter]*node
}

func (r *route) take(c *commuter) *node {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next++
	n := r.nodes[r.next%len(r.nodes)]
	r.at[c] = n
	return n
}

func (r *route) add(n *node) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.nodes = append(r.nodes, n)
}

// remove takes a node off the route. From now on its clients may miss
// messages.
func (r *route) remove(n *node) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.nodes = slices.DeleteFunc(r.nodes, func(other *node) bool { return other == n })
	for c, at := range r.at {
		if at == n {
			c.log.Disconnecting()
		}
	}
}

// travel sends to rooms and follows the route until ctx ends.
func (c *commuter) travel(ctx context.Context) error {
	for failed := 0; ctx.Err() == nil; {
		if err := c.arrive(); err == nil {
			failed = 0
			c.talk(ctx)
		} else if failed++; failed == 10 {
			return err
		}
		if c.member != nil && ctx.Err() == nil {
			c.end(func() {})
		}
	}
	return nil
}

// arrive fails when the node goes away meanwhile.
func (c *commuter) arrive() error {
	c.lives++
	if err := c.connect(c.route.take(c)); err != nil {
		c.log.Disconnected()
		return err
	}
	for _, room := range rollingRooms[:len(rollingRooms)-1] {
		if err := c.join(room); err != nil {
			return err
		}
	}
	return nil
}

// talk publishes until the connection or ctx ends. A message is accepted when
// the node has answered what was sent after it.
func (c *commuter) talk(ctx context.Context) {
	name := c.life()
	p := c.ledger.Publisher(name)
	for i := 0; ctx.Err() == nil; i++ {
		room := rollingRooms[i%len(rollingRooms)]
		m := p.Publish(inRoom(room))
		c.do("pub", map[string]any{"room": room, "body": body{name, inRoom(room), m.N}})
		if err := c.echo(); err != nil {
			return
		}
		m.Answer(ledger.Accepted)
		time.Sleep(2 * time.Millisecond) // a pace, not a wait: the machine has other work
	}
}

// emit has an emitter send to rooms until ctx ends.
func emit(ctx context.Context, l *ledger.Ledger, to emitter) error {
	p := l.Publisher("emitter")
	for i := 0; ctx.Err() == nil; i++ {
		room := rollingRooms[i%len(rollingRooms)]
		m := p.Publish(inRoom(room))
		if err := to(emission{Kind: "room", Target: room, Event: "msg", Data: body{"emitter", inRoom(room), m.N}}); err != nil {
			return err
		}
		m.Answer(ledger.Accepted)
		time.Sleep(2 * time.Millisecond) // a pace, as above
	}
	return nil
}

// TestRollingMigration replaces four original nodes by Hearth nodes one by one
// under traffic, that of an original emitter included, which stays. Whoever is
// connected to a node that stays loses nothing.
func TestRollingMigration(t *testing.T) {
	t.Parallel()
	c := &cluster{t: t, redis: redistest.Start(t)}
	for range 4 {
		c.add(original) // each in a process of its own, so that it can go
	}
	r := &route{nodes: slices.Clone(c.nodes), at: map[*commuter]*node{}}
	l := ledger.New(ledger.Options{InFlight: inFlight})
	ctx, arrive := context.WithCancel(t.Context())
	var traffic sync.WaitGroup
	defer traffic.Wait()
	defer arrive()
	var commuters []*commuter
	for i := range 12 {
		name := fmt.Sprintf("commuter%d", i)
		one := &commuter{walker{name: name, user: name, log: l.Client(name)}, l, r}
		commuters = append(commuters, one)
		traffic.Go(func() {
			if err := one.travel(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	theirs := startOriginalEmitter(t, c.redis.Addr())
	traffic.Go(func() {
		if err := emit(ctx, l, theirs); err != nil {
			t.Error(err)
		}
	})
	for _, k := range []kind{loop, stream, loop, stream} {
		old := c.nodes[0]
		c.add(k)
		c.connected()
		r.add(c.nodes[len(c.nodes)-1])
		time.Sleep(period)
		r.remove(old)
		old.stop()
		c.nodes = c.nodes[1:]
	}
	time.Sleep(period)
	arrive()
	traffic.Wait()
	var members []*member
	for _, one := range commuters {
		members = append(members, one.member)
	}
	if err := c.settle(members...); err != nil {
		t.Fatal(err)
	}
	report := l.Check()
	if err := report.Err(); err != nil {
		t.Error(err)
	}
	if report.Delivered < 2000 {
		t.Errorf("hardly any traffic: %s", report)
	}
	t.Log(report)
}
