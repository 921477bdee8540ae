package main

import (
	"encoding/json"
	"net/http"
	"sync"

	"github.com/lxzan/gws"
)

// gwsRoom broadcasts with the library's Broadcaster.
type gwsRoom struct {
	gws.BuiltinEventHandler

	mu      sync.RWMutex
	members map[*gws.Conn]bool
}

func newGWS() (http.Handler, error) {
	room := &gwsRoom{members: map[*gws.Conn]bool{}}
	upgrader := gws.NewUpgrader(room, nil)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := upgrader.Upgrade(w, r); err == nil {
			go c.ReadLoop()
		}
	}), nil
}

func (s *gwsRoom) OnClose(c *gws.Conn, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.members, c)
}

func (s *gwsRoom) OnMessage(c *gws.Conn, m *gws.Message) {
	defer func() { _ = m.Close() }()
	if err := s.handle(c, m.Bytes()); err != nil {
		_ = c.WriteClose(1008, []byte(err.Error()))
	}
}

func (s *gwsRoom) handle(c *gws.Conn, text []byte) error {
	var r request
	if err := json.Unmarshal(text, &r); err != nil {
		return err
	}
	switch r.Event {
	case "authenticate":
		return c.WriteMessage(gws.OpcodeText, connected)
	case "join":
		s.mu.Lock()
		defer s.mu.Unlock()
		s.members[c] = true
	case "pub":
		message, err := r.published()
		if err != nil {
			return err
		}
		all := gws.NewBroadcaster(gws.OpcodeText, message)
		defer func() { _ = all.Close() }()
		s.mu.RLock()
		defer s.mu.RUnlock()
		for member := range s.members {
			_ = all.Broadcast(member) // one that has gone is taken out by OnClose
		}
	case "echo":
		message, err := r.echoed()
		if err != nil {
			return err
		}
		return c.WriteMessage(gws.OpcodeText, message)
	case "heartbeat":
	default:
		return errUnknown
	}
	return nil
}
