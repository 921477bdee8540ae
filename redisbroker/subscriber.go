package redisbroker

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// proofInterval is the time between two probes of all nodes until they arrive
// on a new connection. The nodes of a Cluster may still be finding each other.
const proofInterval = 50 * time.Millisecond

// subscriber owns the connection that is subscribed, and the goroutine that
// makes it follow what is wanted. When the connection is lost, it makes
// another one and subscribes everything again.
type subscriber struct {
	// Static after construction.
	link  *link
	key   uint64        // chooses the node of a Cluster
	probe string        // the channel of probes, with the prefix
	moved chan struct{} // has an element when other nodes work than before

	// Owned by the goroutine.
	number uint64 // of the connection
	addr   string // of its node
	left   uint64 // topology.left when a node was subscribed to last
	todo   []*entry
}

func newSubscriber(l *link) *subscriber {
	id := rand.Text()
	return &subscriber{link: l, key: hashOf(id), probe: l.options.Prefix + probeChannel + id, moved: make(chan struct{}, 1)}
}

// run keeps a connection until ctx ends.
func (s *subscriber) run(ctx context.Context) {
	for attempt := 0; sleep(ctx, backoff(attempt)); attempt++ {
		n := s.link.topology.pick(s.key, s.addr)
		if n == nil {
			select {
			case <-s.moved:
			case <-ctx.Done():
			}
			attempt = -1
			continue
		}
		s.addr = n.addr
		if s.connect(ctx, n) {
			attempt = 0
		}
	}
}

// connect serves one connection until it is lost. It reports whether there was
// one.
func (s *subscriber) connect(ctx context.Context, n *node) bool {
	conn, _ := n.client.Dedicate()
	c := &subscription{
		subscriber: s,
		conn:       conn,
		done:       make(chan *batch, maxFlights),
		broken:     make(chan error, 1),
	}
	gone := conn.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: c.onMessage, OnSubscription: c.onSubscription})
	began := time.Now()
	err := ping(ctx, conn, s.link.options.DialTimeout)
	connected := err == nil
	if connected {
		c.aliveAt(began)
		s.number++
		connected, err = c.serve(ctx, gone)
		s.link.interest.connection.Store(0)
	}
	if ctx.Err() == nil {
		if connected {
			s.link.subscriberLost(s.link.timeOf(c.lastAlive()), err)
			s.link.interest.failWaiters(s.link.reason(), func(*waiter) bool { return true })
		} else {
			s.link.subscriberFailed(err)
		}
	}
	conn.Close()
	c.tasks.Wait()
	for range gone {
		// Until it is closed, the hooks may be called, and nothing of this
		// connection must mix with the next one.
	}
	return connected
}

// subscription is one connection of the subscriber.
type subscription struct {
	*subscriber
	conn   rueidis.DedicatedClient
	done   chan *batch // those of which every topic was confirmed or refused; has room for all
	broken chan error  // why the connection is of no use
	tasks  sync.WaitGroup

	alive atomic.Int64 // the moment when everything was last known to arrive
}

func (c *subscription) aliveAt(t time.Time) { c.alive.Store(int64(c.link.momentOf(t))) }

func (c *subscription) lastAlive() moment { return moment(c.alive.Load()) }

// serve makes Redis follow what is wanted, until the connection is lost, or shows
// to be of no use at once.
func (c *subscription) serve(ctx context.Context, gone <-chan error) (useful bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := c.startProbe(ctx); err != nil {
		return false, err
	}
	in := c.link.interest
	c.link.inbox.interrupt()
	in.restoring.Store(0)
	in.connection.Store(c.number)
	left := c.link.topology.left.Load()
	c.link.subscriberConnected(c.link.options.Sentinel.Master != "" && left != c.left)
	c.left = left

	var restored, flights int // shards, batches
	live := false
	proof := time.NewTicker(proofInterval)
	defer proof.Stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		c.todo = in.work.take(c.todo)
		for restored < len(in.shards) && len(c.todo) < maxTopics {
			c.todo = in.restore(c.todo, c.number, &in.shards[restored])
			restored++
		}
		for flights < maxFlights {
			var b *batch
			if b, c.todo = in.nextBatch(c.todo, c.number, c.link.isPattern); b == nil {
				break
			}
			flights++
			c.tasks.Go(func() { c.send(b) })
		}
		if !live && restored == len(in.shards) && in.restoring.Load() == 0 && c.link.topology.proven() {
			live = true
			proof.Stop()
			c.link.subscriberRestored()
		}
		if next := in.expire(time.Now()); !next.IsZero() {
			timer.Reset(time.Until(next))
		}
		select {
		case <-in.work.wake:
		case <-c.done:
			flights--
		case <-timer.C:
		case <-proof.C:
			c.link.topology.suspectAll()
		case <-c.moved:
			if !c.link.topology.isKnown(c.addr) {
				return true, errNodeLeft
			}
		case err := <-c.broken:
			return true, err
		case err := <-gone:
			return true, err
		case <-ctx.Done():
			return true, ctx.Err()
		}
	}
}

// send sends one batch. The command returns with its first confirmation; done
// gets the batch with the last one.
func (c *subscription) send(b *batch) {
	err := c.ask(b.kind, b.entries...)
	if !forbidden(err) {
		c.fail(err)
		return
	}
	// A topic that the user may not subscribe to makes Redis refuse them all.
	for _, e := range b.entries {
		switch err := c.ask(b.kind, e); {
		case !forbidden(err):
			c.fail(err)
		case c.link.interest.refuse(b, e, c.link.refused(e.topic, err)):
			c.done <- b
		}
	}
}

// fail gives the connection up, if there is an error.
func (c *subscription) fail(err error) {
	if err == nil {
		return
	}
	select {
	case c.broken <- err:
	default: // it is being given up
	}
}

// forbidden reports whether Redis answered that the user may not do that. Any other
// error passes, such as BUSY, which it answers while a script runs for long: then
// to ask another connection helps.
func forbidden(err error) bool {
	answer, ok := rueidis.IsRedisErr(err)
	return ok && strings.HasPrefix(answer.Error(), "NOPERM")
}

// ask sends one command.
func (c *subscription) ask(k kind, entries ...*entry) error {
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = c.link.options.Prefix + e.topic
	}
	var command rueidis.Completed
	switch b := c.conn.B(); k {
	case kind{subscribe: true}:
		command = b.Subscribe().Channel(names...).Build()
	case kind{subscribe: true, pattern: true}:
		command = b.Psubscribe().Pattern(names...).Build()
	case kind{pattern: true}:
		command = b.Punsubscribe().Pattern(names...).Build()
	default:
		command = b.Unsubscribe().Channel(names...).Build()
	}
	return c.conn.Do(context.Background(), command).Error()
}

// onSubscription runs on the connection's reader.
func (c *subscription) onSubscription(p rueidis.PubSubSubscription) {
	topic := strings.TrimPrefix(p.Channel, c.link.options.Prefix)
	subscribed := p.Kind == "subscribe" || p.Kind == "psubscribe"
	if !subscribed {
		c.link.inbox.add(received{channel: topic, topic: topic, ended: true})
	}
	if b := c.link.interest.confirm(topic, subscribed); b != nil {
		c.done <- b
	}
}

// onMessage runs on the connection's reader: it must not wait.
func (c *subscription) onMessage(m rueidis.PubSubMessage) {
	if m.Channel == c.probe {
		c.probeArrived(m.Message)
		return
	}
	r := received{
		channel: strings.TrimPrefix(m.Channel, c.link.options.Prefix), payload: m.Message, alive: c.lastAlive(),
	}
	r.topic = r.channel
	if m.Pattern != "" {
		r.topic = strings.TrimPrefix(m.Pattern, c.link.options.Prefix)
	}
	c.link.inbox.add(r)
}
