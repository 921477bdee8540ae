package serve

import (
	"context"
	"slices"

	"github.com/hearthws/hearth"
)

// hooks sets those of the server.
func (n *node) hooks(o *hearth.Options) {
	o.Authenticate = n.access.authenticate()
	o.ValidateRooms = n.validateRooms
	o.OnMessage = n.onMessage
	o.OnConnect = func(_ context.Context, c *hearth.Client) error {
		n.review(c) // the files may have been read again since it was let in
		return nil
	}
}

func (n *node) validateRooms(_ context.Context, c *hearth.Client, rooms []string) ([]string, error) {
	return slices.DeleteFunc(rooms, func(room string) bool { return !n.access.mayUse(c, room) }), nil
}

// review sends away a client whose token has gone, and takes the others out of
// rooms that they may not use any more.
func (n *node) review(c *hearth.Client) {
	if !n.access.stands(c) {
		n.log.Info("client sent away, its token has gone", "client", c.ID(), "user", c.UserID())
		c.Close(hearth.CloseAuthenticationFailed, "Authentication failed")
		return
	}
	for _, room := range c.Rooms() {
		if room != c.ID() && !n.isDefaultRoom(room) && !n.access.mayUse(c, room) {
			c.Leave(room)
		}
	}
}

// isDefaultRoom reports whether every client is in the room.
func (n *node) isDefaultRoom(room string) bool {
	if n.cfg.Options.DefaultRooms == nil {
		return room == hearth.DefaultRoom || room == hearth.DefaultNotificationRoom
	}
	return slices.Contains(n.cfg.Options.DefaultRooms, room)
}
