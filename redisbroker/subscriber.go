package redisbroker

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// subscriber owns the connection that is subscribed, and the goroutine that
// makes it follow what is wanted. When the connection is lost, it makes
// another one and subscribes everything again.
type subscriber struct {
	// Static after construction.
	link  *link
	key   uint64 // chooses the node of a Cluster
	probe string // the channel of probes, with the prefix

	// Owned by the goroutine.
	number uint64 // of the connection
	addr   string // of its node
	todo   []*entry
}

// run keeps a connection until ctx ends.
func (s *subscriber) run(ctx context.Context) {
	for attempt := 0; sleep(ctx, backoff(attempt)); attempt++ {
		addr, client := s.link.topology.pick(s.key, s.addr)
		if client == nil {
			continue
		}
		s.addr = addr
		if s.connect(ctx, client) {
			attempt = 0
		}
	}
}

// connect serves one connection until it is lost. It reports whether there was
// one.
func (s *subscriber) connect(ctx context.Context, client rueidis.Client) bool {
	conn, _ := client.Dedicate()
	c := &subscription{
		subscriber: s,
		conn:       conn,
		done:       make(chan *batch, maxFlights),
		broken:     make(chan error, 1),
	}
	gone := conn.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: c.onMessage, OnSubscription: c.onSubscription})
	// The hooks are not called any more once gone is closed, so that nothing
	// of this connection mixes with the next one.
	defer func() {
		for range gone {
		}
	}()
	defer conn.Close()

	began := time.Now()
	if err := ping(ctx, conn, s.link.options.DialTimeout); err != nil {
		s.link.subscriberFailed(err)
		return false
	}
	c.alive.Store(began.UnixNano())
	s.number++
	err := c.serve(ctx, gone)
	s.link.interest.connection.Store(0)
	if ctx.Err() == nil {
		s.link.subscriberLost(time.Unix(0, c.alive.Load()), err)
		lost := s.link.options.unavailable(errUnsubscribed)
		s.link.interest.failWaiters(lost, func(*waiter) bool { return true })
	}
	conn.Close()
	c.tasks.Wait()
	return true
}

// subscription is one connection of the subscriber.
type subscription struct {
	*subscriber
	conn   rueidis.DedicatedClient
	done   chan *batch // those of which every topic was confirmed or refused; has room for all
	broken chan error  // why the connection is of no use
	tasks  sync.WaitGroup

	alive atomic.Int64 // when everything was last known to arrive, in Unix ns
}

// serve makes Redis follow what is wanted, until the connection is lost.
func (c *subscription) serve(ctx context.Context, gone <-chan error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := c.startProbe(ctx); err != nil {
		return err
	}
	in := c.link.interest
	in.restoring.Store(0)
	in.connection.Store(c.number)
	c.link.subscriberConnected()

	var restored int // shards
	var flights int
	reported := false
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
		if !reported && restored == len(in.shards) && in.restoring.Load() == 0 {
			reported = true
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
		case err := <-c.broken:
			return err
		case err := <-gone:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// send sends one batch. The command returns with its first confirmation; done
// gets the batch with the last one.
func (c *subscription) send(b *batch) {
	if !refused(c.ask(b.kind, b.entries...)) {
		return
	}
	// A topic that the user may not subscribe to makes Redis refuse them all.
	for _, e := range b.entries {
		if err := c.ask(b.kind, e); refused(err) && c.link.interest.refuse(b, e, c.link.refused(e.topic, err)) {
			c.done <- b
		}
	}
}

// refused reports whether Redis answered with an error.
func refused(err error) bool {
	_, ok := rueidis.IsRedisErr(err)
	return ok
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
	topic := m.Channel
	if m.Pattern != "" {
		topic = m.Pattern
	}
	c.link.inbox.add(strings.TrimPrefix(topic, c.link.options.Prefix), m.Message)
}
