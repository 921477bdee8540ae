package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/internal/wire"
)

type lab struct{ server *hearth.Server }

func (l *lab) hooks(o *hearth.Options) {
	o.Authenticate = authenticate
	o.ValidateRooms = validateRooms
	o.OnMessage = l.onMessage
	o.OnGap = func(g hearth.Gap) {
		_ = l.server.ToRoom(context.Background(), gapRoom, "gap", g, hearth.LocalOnly())
	}
}

// gapRoom is the room whose members here hear of gaps.
const gapRoom = "lab:gaps"

// metadata is the same for every client, and shared.
var metadata = map[string]any{"a": 1}

func authenticate(ctx context.Context, _ *hearth.Client, data json.RawMessage) (hearth.Identity, error) {
	var d struct{ Token, UserID json.RawMessage }
	_ = json.Unmarshal(data, &d) // what is no object counts as {}
	var token string
	_ = json.Unmarshal(d.Token, &token)
	switch {
	case token == "bad":
		return hearth.Identity{}, hearth.ErrRejected
	case token == "throw":
		panic("asked to")
	case strings.HasPrefix(token, "slow:"):
		ms, _ := strconv.Atoi(token[len("slow:"):])
		select {
		case <-time.After(time.Duration(ms) * time.Millisecond):
		case <-ctx.Done():
		}
	}
	id := hearth.Identity{UserID: "u", Metadata: metadata}
	if d.UserID != nil && string(d.UserID) != "null" {
		if json.Unmarshal(d.UserID, &id.UserID) != nil {
			id.UserID = string(d.UserID) // a number, as its digits
		}
		id.EmptyUserID = id.UserID == ""
	}
	return id, nil
}

func validateRooms(_ context.Context, _ *hearth.Client, rooms []string) ([]string, error) {
	var allowed []string
	for _, r := range rooms {
		if r == "throw" {
			return nil, errors.New("asked to")
		}
		if !strings.HasPrefix(r, "secret") {
			allowed = append(allowed, r)
		}
	}
	return allowed, nil
}

// order is the data of the events that ask for something.
type order struct {
	Room, UserID, ID, Reason string
	Body                     json.RawMessage
	Exclude                  json.RawMessage
	Code                     *int
	MS                       int
	N                        json.RawMessage
}

// body is what is sent: absent when it is.
func (o *order) body() any {
	if o.Body == nil {
		return hearth.Absent
	}
	return o.Body
}

// exclude is nobody when it is not an array of strings.
func (o *order) exclude() hearth.SendOption {
	var ids []string
	if json.Unmarshal(o.Exclude, &ids) != nil {
		ids = nil
	}
	return hearth.Exclude(ids...)
}

// onMessage does what the event asks for. Messages to the cluster are sent
// without waiting for the broker's answer, which keeps their order.
func (l *lab) onMessage(ctx context.Context, c *hearth.Client, m hearth.Message) error {
	s := l.server
	switch m.Event {
	case "echo":
		return l.reply(c, "echo", m.Data)
	case "pub": // what is measured most
		if room, body, ok := roomAndBody(m.Data); ok {
			return s.Send(ctx, room, "msg", body, hearth.Async(logFailure))
		}
	}
	var o order
	_ = json.Unmarshal(m.Data, &o)
	async := hearth.Async(logFailure)
	switch m.Event {
	case "pub":
		return s.Send(ctx, o.Room, "msg", o.body(), async)
	case "send": // is pub, and answered
		return s.Send(ctx, o.Room, "msg", o.body(), hearth.Async(func(err error) { answer(c, o.N, err) }))
	case "bcast":
		return s.Send(ctx, "", "msg", o.body(), async)
	case "local":
		return s.ToRoom(ctx, o.Room, "msg", o.body(), o.exclude(), hearth.LocalOnly())
	case "user":
		return s.ToUser(ctx, o.UserID, "msg", o.body(), async)
	case "client":
		return s.ToClient(ctx, o.ID, "msg", o.body(), async)
	case "room":
		return s.ToRoom(ctx, o.Room, "msg", o.body(), o.exclude(), async)
	case "all":
		return s.Broadcast(ctx, "msg", o.body(), o.exclude(), async)
	case "kick":
		if victim := s.Client(o.ID); victim != nil {
			code := hearth.CloseNormal
			if o.Code != nil {
				code = *o.Code
			}
			victim.Close(code, o.Reason)
		}
	case "enter":
		return c.Join(o.Room)
	case "exit":
		c.Leave(o.Room)
	case "whoami":
		return l.whoami(c)
	case "stats":
		_, err := c.Send("stats", s.Stats())
		return err
	case "longest":
		_, err := c.Send("longest", longest(s))
		return err
	case "panic":
		panic("asked to")
	case "sleep":
		time.Sleep(time.Duration(o.MS) * time.Millisecond)
		_, err := c.Send("slept", nil)
		return err
	}
	return nil
}

// roomAndBody are those of an order, by the server's own reader: encoding/json would
// take a fifth of what a message costs that goes to one member on another node. ok is
// false for an order that needs more attention.
func roomAndBody(data json.RawMessage) (room string, body json.RawMessage, ok bool) {
	literal, ok := wire.Member(data, "room")
	if !ok {
		return "", nil, false
	}
	if room, ok = wire.DecodeString(literal); !ok {
		return "", nil, false
	}
	body, ok = wire.Member(data, "body")
	return room, body, ok
}

// longest is the bytes queued for the client for whom most are.
func longest(s *hearth.Server) (bytes int) {
	for c := range s.Clients(hearth.Filter{}) {
		bytes = max(bytes, int(c.Snapshot().QueuedBytes))
	}
	return bytes
}

// answer tells a client what became of its message.
func answer(c *hearth.Client, n json.RawMessage, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	_, _ = c.Send("sent", map[string]any{"n": n, "error": text}) // it may have gone
}

func logFailure(err error) {
	if err != nil {
		slog.Warn("message not sent to the cluster", "error", err)
	}
}

func (l *lab) reply(c *hearth.Client, event string, data json.RawMessage) error {
	var body any = data
	if data == nil {
		body = hearth.Absent
	}
	_, err := c.Send(event, body)
	if errors.Is(err, hearth.ErrClosed) || errors.Is(err, hearth.ErrBackpressure) {
		return nil
	}
	return err
}

func (l *lab) whoami(c *hearth.Client) error {
	s := c.Snapshot()
	who := struct {
		ID            string       `json:"id"`
		UserID        *string      `json:"userId,omitempty"`
		Rooms         []string     `json:"rooms"`
		State         hearth.State `json:"state"`
		Encrypted     bool         `json:"encrypted"`
		Backpressured bool         `json:"backpressured"`
		Metadata      any          `json:"metadata"`
	}{s.ID, nil, s.Rooms, s.State, s.Encrypted, s.Backpressured, s.Metadata}
	if s.HasUserID {
		who.UserID = &s.UserID
	}
	if _, err := c.Send("whoami", who); err != nil {
		return fmt.Errorf("whoami: %w", err)
	}
	return nil
}
