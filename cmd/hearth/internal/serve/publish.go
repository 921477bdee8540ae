package serve

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/hearthws/hearth"
)

// eventPublish is the one event of clients that this server understands
// besides those of the protocol: {room, event, data} sends {event, data} to all
// members of a room, of which the sender must be one.
const eventPublish = "publish"

// publication is the data of eventPublish.
type publication struct {
	Room  string          `json:"room"`
	Event string          `json:"event"`
	Data  json.RawMessage `json:"data"`
}

// What a client is told when it cannot publish, or if others may have missed
// what it published.
const (
	errUnknownEvent  = "Unknown event; clients of this server can send join, leave, heartbeat and publish"
	errNoPublication = "A publish needs data of the form {room, event, data}"
	errReservedEvent = "The event belongs to the protocol and cannot be published"
	errNotMember     = "Not a member of the room"
	errNotAllowed    = "Not allowed to publish into the room"
	errOnlyHere      = "Clients of other servers may have missed the message"
	errBehind        = "Members of the room may have missed the message; the server is overloaded"
)

// onMessage is the server's hook.
func (n *node) onMessage(ctx context.Context, c *hearth.Client, m hearth.Message) error {
	switch {
	case m.Event == eventPublish:
		return n.publish(ctx, c, m)
	case hearth.IsProtocolEvent(m.Event): // an echo of ours, and no answer to an answer
		return nil
	}
	complain(c, m, "", errUnknownEvent)
	return nil
}

func (n *node) publish(ctx context.Context, c *hearth.Client, m hearth.Message) error {
	p, err := hearth.DataOf[publication](m)
	switch {
	case err != nil || p.Room == "" || p.Event == "":
		complain(c, m, p.Room, errNoPublication)
	case hearth.IsProtocolEvent(p.Event):
		complain(c, m, p.Room, errReservedEvent)
	case !c.InRoom(p.Room):
		complain(c, m, p.Room, errNotMember)
	case !n.access.mayUse(c, p.Room):
		complain(c, m, p.Room, errNotAllowed)
	default:
		return n.server.ToRoom(ctx, p.Room, p.Event, p.data(), hearth.Async(func(err error) {
			if err == nil {
				return
			}
			// That the broker is away is logged once, and metrics count what fails.
			n.log.Debug("message not published to everybody", "client", c.ID(), "error", err)
			if errors.Is(err, hearth.ErrBackpressure) {
				complain(c, m, p.Room, errBehind)
			} else {
				complain(c, m, p.Room, errOnlyHere)
			}
		}))
	}
	return nil
}

// data is what is sent: absent when it is.
func (p *publication) data() any {
	if p.Data == nil {
		return hearth.Absent
	}
	return p.Data
}

// problem is the data of an error event.
type problem struct {
	Message string          `json:"message"`
	Event   string          `json:"event"`          // of the client's message
	Room    string          `json:"room,omitempty"` // named by it
	ID      json.RawMessage `json:"id,omitempty"`   // of the message, if it has one
}

// complain tells the client what is wrong with its message. A client that has
// gone, or reads too slowly, does not hear it.
func complain(c *hearth.Client, m hearth.Message, room, text string) {
	_, _ = c.Send(hearth.EventError, problem{Message: text, Event: m.Event, Room: room, ID: m.ID})
}
