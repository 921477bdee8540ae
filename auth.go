package hearth

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hearthws/hearth/internal/frame"
	"github.com/hearthws/hearth/internal/hub"
	"github.com/hearthws/hearth/internal/transport"
	"github.com/hearthws/hearth/internal/wire"
)

// startAuth takes an `authenticate` message. Only the first one counts.
func (c *Client) startAuth(data []byte) {
	if !c.stateValue.CompareAndSwap(stateUnauthorized, stateAuthenticating) {
		if c.state() != stateDisconnected {
			c.scold(errorAlreadyAuthenticated)
		}
		return
	}
	credentials := json.RawMessage("{}")
	if data != nil && string(data) != "null" {
		credentials = slices.Clone(data)
	}
	c.server.auth.add(c)
	c.mu.Lock()
	w := c.workLocked()
	if w.cause != nil { // the end has overtaken it
		c.mu.Unlock()
		return
	}
	w.running = true
	c.mu.Unlock()
	c.server.crew.run(job{c, credentials})
}

// authenticate goes the way from credentials to `connected`; see PROTOCOL.md,
// "A connection's life".
func (c *Client) authenticate(credentials json.RawMessage) {
	s := c.server
	id := &identity{}
	err := c.guardAuth("Authenticate", func(ctx context.Context) (err error) {
		id.Identity, err = s.opts.Authenticate(ctx, c, credentials)
		return err
	})
	switch {
	case errors.Is(err, ErrRejected):
		s.counters.authRejected.Add(1)
		c.refuse(errorAuthFailed, CloseAuthenticationFailed, reasonAuthFailed)
		return
	case err != nil:
		s.counters.authFailed.Add(1)
		c.refuse(errorAuthError, CloseAuthenticationFailed, reasonAuthFailed)
		return
	}
	if c.state() != stateAuthenticating {
		return
	}
	c.identity.Store(id)
	if s.opts.RequireEncryption || s.opts.encrypts() && offersKey(credentials) {
		var agreed handshakeOutcome
		err := c.guardAuth("Handshake", func(ctx context.Context) (err error) {
			agreed, err = s.agree(ctx, c, credentials)
			return err
		})
		switch {
		case errors.Is(err, ErrRejected):
			s.counters.authRejected.Add(1)
			c.refuse(errorHandshakeFailed, CloseEncryptionRequired, reasonEncryptionRequired)
			return
		case err != nil:
			s.counters.authFailed.Add(1)
			c.refuse(errorAuthError, CloseAuthenticationFailed, reasonAuthFailed)
			return
		}
		id = &identity{id.Identity, &agreed}
		c.identity.Store(id)
		c.encrypted.Store(true)
	}
	c.welcome(id)
}

var errNoSession = errors.New("hearth: Encryption.Handshake returned neither a session nor an error")

// agree runs the handshake, of whichever kind.
func (s *Server) agree(ctx context.Context, c *Client, credentials json.RawMessage) (out handshakeOutcome, err error) {
	if s.opts.Encryption != nil {
		out.HandshakeResult, out.session, err = s.opts.Encryption.Handshake(ctx, c, credentials)
		if err == nil && out.session == nil {
			err = errNoSession
		}
		return out, err
	}
	out.HandshakeResult, err = s.opts.Handshake(ctx, c, credentials)
	return out, err
}

// guardAuth is guard for hooks whose refusal is no failure.
func (c *Client) guardAuth(hook string, f func(ctx context.Context) error) error {
	var refusal error
	err := c.guard(hook, func(ctx context.Context) error {
		err := f(ctx)
		if errors.Is(err, ErrRejected) {
			refusal = err
			return nil
		}
		return err
	})
	if refusal != nil {
		if debugging(c.server.opts.Logger) {
			c.server.opts.Logger.Debug("client refused", "hook", hook, "client", c.ID(), "error", refusal)
		}
		return refusal
	}
	return err
}

func offersKey(credentials json.RawMessage) bool {
	key, ok := wire.Member(credentials, "publicKey")
	return ok && string(key) != "null"
}

// refuse answers a failed attempt, and ends the connection. A hook that failed
// because the client was sent away meanwhile is answered to nobody.
func (c *Client) refuse(text string, code int, reason string) {
	if c.state() == stateDisconnected {
		return
	}
	c.sendError(text)
	c.Close(code, reason)
}

// welcome waits for the broker and lets the client in.
func (c *Client) welcome(id *identity) {
	s := c.server
	a := &hub.Admission{User: id.UserID, MostOfUser: s.opts.MaxConnectionsPerUser, Rooms: s.roomsFor(c), Hello: c.connectedFrame(id)}
	admitted := false
	a.Commit = func() {
		if admitted = c.stateValue.CompareAndSwap(stateAuthenticating, stateAuthenticated); admitted {
			c.hub.Trust()
			s.doorway.leave(c.remote)
		}
	}
	s.await(c, func(live func(error)) { s.hub.Prepare(&c.hub, a, live) })
	c.mu.Lock() // EnableEncryption comes before, or after with an operation of its own
	switch {
	case !c.encrypted.Load():
	case s.opts.Encryption != nil:
		a.Encrypt = transport.Seal
	case s.opts.Transform != nil:
		a.Encrypt = transport.Transform
	}
	ok := s.hub.Admit(&c.hub, a)
	c.mu.Unlock()
	if !ok {
		s.hub.Abandon(&c.hub, a)
		if a.Crowded {
			s.refused(refusedUser, "client", c.ID(), "user", id.UserID, "hint", "Options.MaxConnectionsPerUser")
			c.Close(ClosePolicy, reasonUser)
		}
		return
	}
	if !admitted {
		return
	}
	c.lastActivity.Store(s.uptime())
	s.counters.authenticated.Add(1)
	if debugging(s.opts.Logger) {
		s.opts.Logger.Debug("authenticated", "client", c.ID(), "user", id.UserID, "encrypted", c.Encrypted())
	}
	if hook := s.opts.OnConnect; hook != nil {
		_ = c.guard("OnConnect", func(ctx context.Context) error { return hook(ctx, c) })
	}
}

// roomsFor are the default rooms, each once, without the client's own.
func (s *Server) roomsFor(c *Client) []string {
	rooms := make([]string, 0, len(s.opts.DefaultRooms))
	for _, r := range s.opts.DefaultRooms {
		if r != c.ID() && !slices.Contains(rooms, r) {
			rooms = append(rooms, r)
		}
	}
	return rooms
}

// await calls subscribe and waits until what it subscribes to is live, for
// SubscribeWait at most, and no longer than the client lives.
func (s *Server) await(c *Client, subscribe func(live func(error))) {
	live := make(chan error, 1)
	var settled atomic.Bool // the answer has come, or the client has gone on
	subscribe(func(err error) {
		if settled.CompareAndSwap(false, true) {
			live <- err
		} else {
			s.late.end(s, !errors.Is(err, ErrClosed)) // else all clients are sent away
		}
	})
	var err error
	select {
	case err = <-live:
	default:
		timer := time.NewTimer(s.opts.SubscribeWait)
		defer timer.Stop()
		select {
		case err = <-live:
		case <-timer.C:
			s.late.begin() // before the answer can come to end it
			if settled.CompareAndSwap(false, true) {
				err = context.DeadlineExceeded
			} else {
				err = <-live
				s.late.end(s, false)
			}
		case <-c.ended(false):
			return
		}
	}
	if err != nil {
		s.counters.subscribeTimeouts.Add(1)
		s.opts.Logger.Debug("client goes on before its subscriptions are live", "client", c.ID(), "error", err)
	}
}

const isoMillis = "2006-01-02T15:04:05.000Z"

// connectedFrame encodes `connected`.
func (c *Client) connectedFrame(id *identity) *transport.Frame {
	return transport.NewFrame(frame.Text, true, 256, func(dst []byte) []byte {
		dst = append(dst, `{"event":"connected","data":{"id":`...)
		dst = wire.AppendString(dst, c.ID())
		if id.UserID != "" || id.EmptyUserID {
			dst = append(dst, `,"userId":`...)
			dst = wire.AppendString(dst, id.UserID)
		}
		dst = append(dst, `,"time":"`...)
		dst = time.Now().UTC().AppendFormat(dst, isoMillis)
		dst = append(dst, '"')
		if h := id.handshake; h != nil && h.ServerPublicKey != "" {
			dst = append(dst, `,"serverPublicKey":`...)
			dst = wire.AppendString(dst, h.ServerPublicKey)
			if h.Salt != "" {
				dst = append(dst, `,"salt":`...)
				dst = wire.AppendString(dst, h.Salt)
			}
			if h.Counted {
				dst = append(dst, `,"seal":{"v":1,"inbound":true}`...)
			}
		}
		return append(dst, "}}"...)
	})
}

// expireAuth closes a client that is still in state when its time is over.
func (c *Client) expireAuth(state State) {
	if c.State() == state {
		c.server.counters.authTimeouts.Add(1)
		c.Close(CloseAuthTimeout, reasonAuthTimeout)
	}
}
