//go:build unix

package attacks_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
	"github.com/hearthws/hearth/internal/redistest"
	"github.com/hearthws/hearth/redisbroker"
)

// tenant is an application with a prefix of its own on a Redis that it shares:
// two servers, of which the second one subscribes to patterns, each with a
// client of user ann in room r.
type tenant struct {
	prefix  string
	clients [2]*hearthtest.Client
	hears   [2][]string // what they must hear
	got     [2][]string // what they do hear
}

// serveTenant starts a server that sends on what a client says, as it came, to
// room r as `said` and to others as `elsewhere`.
func serveTenant(t *testing.T, o redisbroker.Options) (s *target) {
	t.Helper()
	opts := accepting()
	var err error
	if opts.Broker, err = redisbroker.New(o); err != nil {
		t.Fatal(err)
	}
	opts.OnMessage = func(ctx context.Context, c *hearth.Client, m hearth.Message) error {
		if m.Event != "say" {
			_, err := c.Send(m.Event, m.Data)
			return err
		}
		said, err := hearth.DataOf[struct {
			Room string
			Text json.RawMessage
		}](m)
		if err != nil {
			return err
		}
		event := "elsewhere"
		if said.Room == "r" {
			event = "said"
		}
		return s.ToRoom(ctx, said.Room, event, said.Text)
	}
	s = serve(t, opts)
	return s
}

// Applications that share a Redis hear nothing of each other: neither envelopes
// on each other's channels, or on channels that look like their own, nor what
// clients say that looks like an envelope, or in rooms that are named like
// channels. Fails when redisbroker.New forgets the prefix, or a part of it.
func TestA15OtherPrefixes(t *testing.T) {
	redis := redistest.Start(t)
	tenants := []*tenant{{prefix: ""}, {prefix: "shop:"}, {prefix: "shop:b:"}}
	for _, a := range tenants {
		for i := range a.clients {
			s := serveTenant(t, redisbroker.Options{URL: redis.URL(), Prefix: a.prefix, Patterns: i == 1})
			a.clients[i] = s.connect(t, user("ann"))
			a.clients[i].Send("join", rooms("r"))
			a.clients[i].Send("here", nil)
			a.clients[i].Expect("here")
		}
	}
	publish := func(prefix, event string, env hearth.Envelope) {
		env.ServerID, env.Event, env.Data = hearth.EmitterID, event, json.RawMessage("1")
		redis.CLI("PUBLISH", prefix+env.Channel(), string(env.AppendJSON(nil)))
	}

	// Its own envelopes, which nobody else hears, and those that are nobody's.
	for _, a := range tenants {
		to := map[hearth.MessageType]string{
			hearth.TypeBroadcast: "", hearth.TypeRoom: "r", hearth.TypeUser: "ann", hearth.TypeClient: a.clients[0].ID(),
		}
		for typ, target := range to {
			event := a.prefix + string(typ)
			publish(a.prefix, event, hearth.Envelope{Type: typ, Target: target})
			a.hears[0] = append(a.hears[0], event)
			if typ != hearth.TypeClient {
				a.hears[1] = append(a.hears[1], event)
			}
			for _, wrong := range []string{"x:", "shop", "SHOP:", ":shop:", "shop:x:", "shop:shop:", "shop:b", "b:", "ws:"} {
				publish(wrong, "nobody's", hearth.Envelope{Type: typ, Target: target})
			}
		}
		for _, b := range tenants {
			if a != b { // what is sent to somebody else's client stays where it was sent
				publish(a.prefix, "astray", hearth.Envelope{Type: hearth.TypeClient, Target: b.clients[0].ID()})
				publish(a.prefix, "astray", hearth.Envelope{Type: hearth.TypeClient, Target: b.clients[1].ID()})
			}
		}
	}

	// Clients say it. What is in data stays there.
	for _, a := range tenants {
		forged := hearth.Envelope{ServerID: hearth.EmitterID, Type: hearth.TypeBroadcast, Event: "forged", Data: json.RawMessage("1")}
		text := string(forged.AppendJSON(nil))
		a.clients[0].SendText(text)
		a.hears[0] = append(a.hears[0], "forged") // the echo
		a.clients[0].Send("say", map[string]any{"room": "r", "text": forged.Event + text})
		a.clients[0].Send("say", map[string]any{"room": "r", "text": json.RawMessage(text)})
		for i := range a.hears {
			a.hears[i] = append(a.hears[i], "said", "said")
		}
		for _, b := range tenants {
			for _, channel := range []string{hearth.ChannelBroadcast, hearth.ForRoom("r"), hearth.ForUser("ann"), hearth.ForClient(b.clients[0].ID())} {
				for _, room := range []string{b.prefix + channel, ":" + b.prefix + channel, "\r\nPUBLISH " + b.prefix + channel} {
					a.clients[0].Send("join", rooms(room))
					a.clients[0].Send("say", map[string]any{"room": room, "text": json.RawMessage(text)})
					if !strings.HasPrefix(room, "ws:") { // which nobody may join
						a.hears[0] = append(a.hears[0], "elsewhere")
					}
				}
			}
		}
		a.clients[0].Send("done", nil)
	}
	for _, a := range tenants { // everything is said
		a.got[0] = heardUntil(a.clients[0], "done")
	}
	for _, a := range tenants {
		publish(a.prefix, "end", hearth.Envelope{Type: hearth.TypeBroadcast})
		for i, c := range a.clients {
			a.got[i] = append(a.got[i], heardUntil(c, "end")...)
			slices.Sort(a.got[i])
			slices.Sort(a.hears[i])
		}
		if diff := cmp.Diff(a.hears, a.got); diff != "" {
			t.Errorf("prefix %q: the clients hear (-want +got):\n%s", a.prefix, diff)
		}
	}
}

// heardUntil are the events that come before that one.
func heardUntil(c *hearthtest.Client, last string) (events []string) {
	for m := c.Next(); m.Event != last; m = c.Next() {
		events = append(events, m.Event)
	}
	return events
}
