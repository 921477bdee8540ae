package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/internal/ledger"
)

// sender is what servers and emitters have in common.
type sender interface {
	ToClient(ctx context.Context, id, event string, data any, opts ...hearth.SendOption) error
	ToUser(ctx context.Context, user, event string, data any, opts ...hearth.SendOption) error
	ToRoom(ctx context.Context, room, event string, data any, opts ...hearth.SendOption) error
	Broadcast(ctx context.Context, event string, data any, opts ...hearth.SendOption) error
}

// order is one message to be sent: to whom, and how.
type order struct {
	verb    string // room, user, client, own, all, send-all, send-room, send-client; raw, direct, batch on one node
	room    string
	user    string
	target  *visit
	exclude *visit
	async   bool
}

var (
	clusterVerbs = []string{"room", "room", "user", "client", "own", "all", "send-all", "send-room", "send-client"}
	emitterVerbs = []string{"room", "room", "user", "client", "own", "all"}
	localVerbs   = []string{"room", "user", "client", "all", "raw", "direct", "batch"}
)

func (w *world) order(d dice, verbs []string) order {
	o := order{
		verb: pick(d, verbs), room: fmt.Sprint("room", d.IntN(roomCount)), user: pick(d, users[1:]),
		target: w.anybody(d), exclude: w.anybody(d), async: d.one(2) || tidy(w.seed),
	}
	if d.one(8) {
		o.room = hearth.DefaultRoom
	}
	if !d.one(4) {
		o.exclude = nil
	}
	return o
}

// send carries out an order for a publisher, whose orders follow each other,
// and logs it. on is the node's name when it concerns one node only.
func (w *world) send(s sender, publisher, on string, o order) {
	l, prefix := w.cluster, ""
	if on != "" {
		l, prefix = w.local, on+"/"
	}
	var id string
	var c *hearth.Client
	if o.target != nil {
		c, id, _ = o.target.client()
	}
	var room string
	switch o.verb {
	case "room", "send-room":
		room = "r:" + o.room
	case "raw":
		room = "raw:" + o.room
	case "user":
		room = "u:" + o.user
	case "all", "send-all":
		room = "*"
	default:
		if id == "" || on != "" && (o.target.node != on || c == nil) {
			return
		}
		room = map[string]string{"client": "id:", "direct": "id:", "batch": "id:", "own": "own:", "send-client": "send:"}[o.verb] + o.target.name
	}
	room = prefix + room
	var except, ids []string
	if e := o.exclude; e != nil && strings.Contains("room own all", o.verb) {
		if _, id, _ := e.client(); id != "" {
			except, ids = []string{e.name}, []string{id}
		}
	}
	p := l.Publisher(publisher).Publish(room, except...)
	w.mu.Lock()
	w.open++
	w.mu.Unlock()
	answer := func(err error) {
		if err == nil {
			p.Answer(ledger.Accepted)
		} else {
			p.Answer(ledger.Lost)
		}
		w.mu.Lock()
		w.open--
		w.mu.Unlock()
	}
	opts := []hearth.SendOption{hearth.Exclude(ids...)}
	if on != "" {
		opts = append(opts, hearth.LocalOnly())
	}
	if o.async {
		opts = append(opts, hearth.Async(answer))
	}
	err := dispatch(s, o, c, id, note{on != "", publisher, room, p.N}, opts)
	if !o.async || strings.Contains("raw direct batch", o.verb) {
		answer(err)
	}
}

func dispatch(s sender, o order, c *hearth.Client, id string, data note, opts []hearth.SendOption) error {
	ctx := context.Background()
	switch o.verb {
	case "room":
		return s.ToRoom(ctx, o.room, "note", data, opts...)
	case "own":
		return s.ToRoom(ctx, id, "note", data, opts...)
	case "user":
		return s.ToUser(ctx, o.user, "note", data, opts...)
	case "client":
		return s.ToClient(ctx, id, "note", data, opts...)
	case "all":
		return s.Broadcast(ctx, "note", data, opts...)
	}
	srv := s.(*hearth.Server)
	switch o.verb {
	case "send-all":
		return srv.Send(ctx, "", "note", data, opts...)
	case "send-room":
		return srv.Send(ctx, o.room, "note", data, opts...)
	case "send-client":
		return srv.Send(ctx, id, "note", data, opts...)
	case "raw":
		raw, err := json.Marshal(map[string]any{"event": "note", "data": data})
		if err != nil {
			return err
		}
		return srv.Publish(o.room, hearth.Raw{Payload: raw})
	case "direct":
		_, err := c.Send("note", data)
		return err
	case "batch":
		_, err := c.Batch(func(b *hearth.Batch) { b.Send("note", data) })
		return err
	}
	panic("sim: unknown verb " + o.verb)
}

// ledgerRooms are the rooms of the ledger whose messages travel over a channel.
func (w *world) ledgerRooms(channel string) []string {
	name := func(id string) string {
		for _, p := range w.people {
			if v := p.current(); v != nil {
				if _, known, _ := v.client(); known == id {
					return v.name
				}
			}
		}
		return "?"
	}
	switch {
	case channel == hearth.ChannelBroadcast:
		return []string{"*"}
	case strings.HasPrefix(channel, hearth.UserPrefix):
		return []string{"u:" + channel[len(hearth.UserPrefix):]}
	case strings.HasPrefix(channel, hearth.ClientPrefix):
		n := name(channel[len(hearth.ClientPrefix):])
		return []string{"id:" + n, "send:" + n}
	case strings.HasPrefix(channel, hearth.RoomPrefix):
		room := channel[len(hearth.RoomPrefix):]
		n := name(room)
		return []string{"r:" + room, "own:" + n, "send:" + n}
	}
	return []string{""} // any
}

// onMessage is what servers do for their clients.
func (w *world) onMessage(_ context.Context, c *hearth.Client, m hearth.Message) error {
	v := c.Data().Metadata.(*visit)
	switch m.Event {
	case "sync":
		_, err := c.Send("synced", m.Data)
		return err
	case "say":
		var seed int
		if err := json.Unmarshal(m.Data, &seed); err != nil {
			return err
		}
		d := roll(w.seed, "say", seed)
		o := w.order(d, clusterVerbs)
		o.async = o.async || w.set.inline
		if s := w.serverOf(v.node); s != nil {
			w.send(s, "say/"+v.name, "", o)
		}
	case "nap":
		if !w.set.inline {
			sleepBriefly(roll(w.seed, v.name, "nap", len(m.Raw)))
		}
	case "boom":
		panic("in OnMessage")
	}
	return nil
}
