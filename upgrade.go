package hearth

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/hearthws/hearth/internal/handshake"
	"github.com/hearthws/hearth/internal/transport"
)

// ServeHTTP upgrades requests for Options.Path.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.opts.Path != "*" && r.URL.Path != s.opts.Path {
		http.NotFound(w, r)
		return
	}
	_, _ = s.Upgrade(w, r, UpgradeData{})
}

// Upgrade makes a connection of a request, whatever its path. The client has
// not authenticated yet. Upgrade answers the request in any case; the error says
// why it did not become a connection: [ErrClosed], [ErrTooManyConnections],
// [ErrClientIDInUse], or what is wrong with the request.
func (s *Server) Upgrade(w http.ResponseWriter, r *http.Request, data UpgradeData) (*Client, error) {
	opts := s.handshake
	opts.Header = data.Header
	plan, refusal := handshake.Check(r, &opts)
	if refusal != nil {
		s.logRefusal(r, refusal)
		refusal.Write(w)
		return nil, refusal
	}
	if !s.admit() {
		w.Header().Set("Connection", "close")
		http.Error(w, "The server is shutting down; try another one.", http.StatusServiceUnavailable)
		return nil, ErrClosed
	}
	remote := s.remoteAddr(r)
	if reason := s.enter(remote); reason != "" {
		s.live.Done()
		s.turnAway(w, remote, reason)
		return nil, ErrTooManyConnections
	}
	now := time.Now().UnixMilli()
	c := &Client{server: s, remote: remote, connected: now}
	c.lastActivity.Store(s.uptime())
	if data.ClientID != "" || data.UserID != "" || data.Metadata != nil {
		c.data = &data
	}
	c.hub.Init(s.engine.Pick(), (*handler)(c))
	c.hub.SetID(data.ClientID)
	if !s.hub.Add(&c.hub) {
		s.doorway.leave(remote)
		s.live.Done()
		http.Error(w, "The client id is in use by another connection.", http.StatusConflict)
		return nil, ErrClientIDInUse
	}
	res, err := plan.Accept(w)
	if err != nil {
		s.hub.Remove(&c.hub)
		s.doorway.leave(remote)
		s.live.Done()
		s.opts.Logger.Debug("upgrade failed", "remote", c.remote, "error", err)
		return nil, err
	}
	s.counters.connections.Add(1)
	link := transport.Link{Conn: res.Conn, Buffered: res.Buffered, Serving: func() {
		c.stateValue.Store(stateUnauthorized)
		s.hello.add(c)
	}}
	if res.Deflate {
		link.WindowBits = res.WindowBits
	}
	if err := s.engine.Serve(&c.hub.Conn, link); err != nil {
		res.Conn.Close()
		c.end(Cause{Code: CloseAbnormal, Err: err}, true)
		s.opts.Logger.Warn("connection cannot be served", "client", c.ID(), "remote", c.remote, "error", err)
		if errors.Is(err, transport.ErrClosed) {
			err = ErrClosed
		}
		return nil, err
	}
	s.catchUp(c)
	if debugging(s.opts.Logger) {
		s.opts.Logger.Debug("connected", "client", c.ID(), "remote", c.remote, "transport", c.Transport())
	}
	return c, nil
}

// catchUp closes a connection that was to be closed before it was served: by
// Shutdown, which may have overlooked it, or by whoever has found its id.
func (s *Server) catchUp(c *Client) {
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		c.Close(CloseGoingAway, reasonShutdown)
	}
	c.mu.Lock()
	var cause *Cause
	if c.work != nil {
		cause = c.work.cause
	}
	c.mu.Unlock()
	if cause != nil {
		c.hub.Close(cause.Code, cause.Reason)
	}
}

// enter lets one more unauthenticated client of that address in, or returns why
// not.
func (s *Server) enter(remote string) (reason string) {
	if s.engine.Count() >= int64(s.opts.MaxConnections) {
		return refusedConnections
	}
	return s.doorway.enter(remote)
}

// turnAway answers a request for which there is no room. Who sent it may come
// back.
func (s *Server) turnAway(w http.ResponseWriter, remote, reason string) {
	s.counters.refusals.Add(1)
	s.refused(reason, "remote", remote)
	status, text := http.StatusServiceUnavailable, "The server has too many connections; try again later."
	if reason == refusedAddress {
		status, text = http.StatusTooManyRequests, "Too many connections of this address are not authenticated yet; try again later."
	}
	w.Header().Set("Connection", "close")
	w.Header().Set("Retry-After", "1")
	http.Error(w, text, status)
}

func (s *Server) logRefusal(r *http.Request, refusal *handshake.Error) {
	s.counters.refusals.Add(1)
	s.refusals[refusal.Reason].count.Add(1)
	attrs := []any{"remote", r.RemoteAddr, "status", refusal.Status, "reason", refusal.Reason}
	if refusal.Reason == "origin" {
		attrs = append(attrs, "origin", r.Header.Get("Origin"), "host", r.Host,
			"hint", "allow it with Options.Origins, or TrustForwarded behind a proxy that rewrites Host")
	}
	s.opts.Logger.Info("upgrade refused", attrs...)
}

// remoteAddr is the peer's address.
func (s *Server) remoteAddr(r *http.Request) string {
	if s.opts.TrustForwarded {
		if list := r.Header.Values("X-Forwarded-For"); len(list) > 0 {
			// The last address is the one that the trusted proxy has seen.
			parts := strings.Split(list[len(list)-1], ",")
			last := strings.TrimSpace(parts[len(parts)-1])
			if addr, err := netip.ParseAddrPort(last); err == nil { // some proxies add the port
				return addr.Addr().String()
			}
			if addr, err := netip.ParseAddr(last); err == nil {
				return addr.String()
			}
		}
	}
	return strings.Clone(r.RemoteAddr)
}
