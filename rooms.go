package hearth

import (
	"context"
	"errors"

	"github.com/hearthws/hearth/internal/hub"
	"github.com/hearthws/hearth/internal/wire"
)

// Join makes the client a member of rooms, whatever their names and number: the
// caller is trusted, and neither ValidateRooms nor MaxRooms is asked. What is sent to a room on this node
// reaches the client once Join has returned; what other nodes send, once the
// broker's subscription is live, for which Join does not wait. The error is
// [ErrNotAuthenticated] or [ErrClosed].
func (c *Client) Join(rooms ...string) error {
	switch {
	case c.state() == stateDisconnected:
		return ErrClosed
	case c.server.hub.Join(&c.hub, rooms, 0, nil) != nil:
		return ErrNotAuthenticated
	}
	return nil
}

// Leave ends the client's membership in rooms. Nothing that is sent to them
// afterwards reaches it.
func (c *Client) Leave(rooms ...string) { c.server.hub.Leave(&c.hub, rooms) }

// joinAsked handles a `join` message.
func (c *Client) joinAsked(m Message) {
	s := c.server
	asked, ok := wire.DecodeRooms(m.Data)
	if !ok {
		return
	}
	if len(asked) > s.opts.MaxRoomsPerJoin {
		c.refuseRooms("Options.MaxRoomsPerJoin")
		return
	}
	var rooms []string
	for _, r := range asked {
		if wire.ValidRoomName(r) && (!hub.IsClientID(r) || r == c.ID()) {
			rooms = append(rooms, r)
		}
	}
	if len(rooms) == 0 {
		return
	}
	hook := s.opts.ValidateRooms
	if hook == nil {
		s.opts.Logger.Debug("join refused, as there is no ValidateRooms hook", "client", c.ID())
		return
	}
	var allowed []string
	err := c.guard("ValidateRooms", func(ctx context.Context) (err error) {
		allowed, err = hook(ctx, c, rooms)
		return err
	})
	if err != nil || len(allowed) == 0 {
		return
	}
	s.await(c, func(live func(error)) {
		if err = s.hub.Join(&c.hub, allowed, s.opts.MaxRooms, live); err != nil {
			live(nil)
		}
	})
	if errors.Is(err, hub.ErrTooMany) {
		c.refuseRooms("Options.MaxRooms")
	}
}

// refuseRooms answers a join that is too large, of which nothing happens.
func (c *Client) refuseRooms(hint string) {
	c.server.refused(refusedRooms, "client", c.ID(), "hint", hint)
	c.sendError(errorTooManyRooms)
}

// leaveAsked handles a `leave` message.
func (c *Client) leaveAsked(m Message) {
	if rooms, ok := wire.DecodeRooms(m.Data); ok {
		c.Leave(rooms...)
	}
}
