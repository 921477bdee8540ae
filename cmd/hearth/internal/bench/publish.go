package bench

import (
	"context"
	"fmt"
	"time"
)

// publishes is Fanout, Rooms and Cluster: messages go to rooms, and whoever is
// in there checks them.
func (r *run) publishes(ctx context.Context) error {
	clients, publishers := r.cast()
	open, err := r.connect(ctx, clients, nil)
	if err != nil {
		return err
	}
	if r.cfg.Publishers == 0 && r.cfg.Scenario != Rooms {
		return r.listen(ctx, open)
	}
	if len(publishers) == 0 { // the first client of each room
		publishers = open[:min(len(open), r.cfg.Rooms)]
	} else {
		own := r.openAll(ctx, publishers, nil)
		if len(own) < len(publishers) {
			return fmt.Errorf("publishers: %s", r.faults().First)
		}
		open = append(open, own...)
		publishers = own
	}
	p := r.newPublishing(open, publishers)
	if err := r.gather(ctx, p, open); err != nil {
		return err
	}
	r.start(p)
	return r.publishUntilEnd(ctx, p, open)
}

// cast makes the connections of the scenario: those who receive and those who
// publish. In Rooms the first member of a room publishes into it.
func (r *run) cast() (clients, publishers []*conn) {
	cfg := &r.cfg
	rooms, members := 1, cfg.URLs
	switch cfg.Scenario {
	case Rooms:
		rooms = cfg.Rooms
	case Cluster:
		members = cfg.URLs[1:]
	}
	r.roomName = func(room int) string {
		if rooms > 1 {
			return fmt.Sprintf("%s-%d", cfg.Room, room)
		}
		return cfg.Room
	}
	streams := func(room int) []expect {
		if cfg.Scenario == Rooms {
			return []expect{{stream: uint32(room)}}
		}
		all := make([]expect, max(1, cfg.Publishers))
		for i := range all {
			all[i].stream = uint32(i)
		}
		return all
	}
	for i := range cfg.Clients {
		clients = append(clients, &conn{number: i, room: i % rooms, url: members[i%len(members)], streams: streams(i % rooms)})
	}
	if cfg.Scenario == Rooms {
		return clients, nil
	}
	for i := range cfg.Publishers {
		c := &conn{number: cfg.Clients + i, room: noRoom, url: cfg.URLs[0]}
		if r.dialect.Members || cfg.Room == "" {
			c.room, c.streams = 0, streams(0)
		}
		publishers = append(publishers, c)
	}
	return clients, publishers
}

func (r *run) newPublishing(open, publishers []*conn) *publishing {
	p := &publishing{run: r, publishers: publishers, limit: int64(r.cfg.Messages)}
	rooms, streams := 1, len(publishers)
	if r.cfg.Scenario == Rooms {
		rooms, streams = len(publishers), len(publishers)
	}
	p.sent = make([]uint32, streams)
	p.receivers = make([]int64, rooms)
	var all int64
	for _, c := range open {
		if c.room != noRoom {
			p.receivers[c.room]++
			all++
		}
	}
	for room := range rooms {
		p.messages = append(p.messages, split(fill(r.dialect.Publish, "$room", escaped(r.roomName(room)))))
	}
	if r.cfg.Rate == 0 {
		p.share = (all + int64(rooms) - 1) / int64(rooms)
		p.window = int64(r.cfg.Window) * p.share
	}
	r.result.Receivers = all
	r.result.Publishers = len(publishers)
	return p
}

// gather sends messages that do not count into rooms until everybody has
// received one: a join has no answer.
func (r *run) gather(ctx context.Context, p *publishing, open []*conn) error {
	var want int64
	for _, c := range open {
		if c.room != noRoom {
			want++
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.goroutines.Go(func() {
		for wait := 100 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, 2*time.Second) {
			for room := range missing(open) {
				p.probe(room)
			}
			sleepUntil(ctx, now()+int64(wait))
		}
	})
	last, at := int64(-1), now()
	for {
		n := r.joined.Load()
		switch {
		case n >= want:
			return nil
		case n != last:
			last, at = n, now()
		case now()-at > int64(r.cfg.Patience):
			return fmt.Errorf("%d of %d clients receive nothing from the room that they joined%s", want-n, want, because(r.faults().First))
		}
		sleepUntil(ctx, now()+int64(2*time.Millisecond))
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

func because(first string) string {
	if first == "" {
		return "; is --dialect right?"
	}
	return ": " + first
}

// missing are the rooms in which somebody has not received anything yet.
func missing(conns []*conn) map[int]bool {
	rooms := map[int]bool{}
	for _, c := range conns {
		if c.room == noRoom || rooms[c.room] {
			continue
		}
		c.w.mu.Lock()
		if !c.joined {
			rooms[c.room] = true
		}
		c.w.mu.Unlock()
	}
	return rooms
}

// start lets messages flow.
func (r *run) start(p *publishing) {
	for _, w := range r.workers { // which look at it with their lock
		w.mu.Lock()
	}
	r.publishing = p
	for _, w := range r.workers {
		w.mu.Unlock()
	}
	p.running.Store(true)
	if r.cfg.Rate > 0 {
		r.workers[0].poller.arm(newSchedule(r.cfg.Rate, p.at))
		return
	}
	p.advance()
}

func (r *run) publishUntilEnd(ctx context.Context, p *publishing, open []*conn) error {
	lost, gaveUp := r.lost(p.complete), false
	err := r.measure(ctx, func() bool {
		gaveUp = p.limit > 0 && lost() // else the time ends it
		return gaveUp || !p.running.Load() && p.complete()
	})
	p.running.Store(false)
	if err != nil {
		return err
	}
	if gaveUp {
		r.tally(p, open)
		return nil
	}
	return r.conclude(ctx, p, open)
}

// conclude waits for what is on its way, and counts what does not come.
func (r *run) conclude(ctx context.Context, p *publishing, open []*conn) error {
	if err := r.settled(ctx, "waiting for the last messages", p.complete); err != nil {
		return err
	}
	r.tally(p, open)
	return nil
}

// tally is for when nothing is published any more.
func (r *run) tally(p *publishing, open []*conn) {
	r.result.Published = p.published()
	if p.limit > 0 {
		r.result.Faults.Unpublished = p.limit - r.result.Published
	}
	r.account(open, p.sent)
}

// account counts what has not arrived, given how many messages each stream had.
func (r *run) account(conns []*conn, sent []uint32) {
	for _, c := range conns {
		c.w.mu.Lock()
		for i := range c.streams {
			r.result.Faults.Missing += c.streams[i].missing(sent[c.streams[i].stream])
		}
		c.w.mu.Unlock()
	}
}

// listen receives what another process publishes.
func (r *run) listen(ctx context.Context, open []*conn) error {
	r.progress.say("waiting for %d messages", r.cfg.Messages)
	r.result.Receivers = int64(len(open))
	want := int64(len(open)) * int64(r.cfg.Messages)
	r.cfg.Warmup = 0
	// Who publishes may take any time to begin.
	lost := r.lost(func() bool { return r.delivered() == 0 })
	if err := r.measure(ctx, func() bool { return r.delivered() >= want || lost() }); err != nil {
		return err
	}
	r.result.Published = int64(r.cfg.Messages)
	r.account(open, []uint32{uint32(r.cfg.Messages)})
	return nil
}
