package sim

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/hearthws/hearth"
)

var quiet = slog.New(slog.DiscardHandler)

// node is a place where one server after the other runs.
type node struct {
	w     *world
	index int

	mu   sync.Mutex
	srv  *hearth.Server // nil: down
	gen  int
	ids  map[string]string // server ids to names, of all generations
	busy bool              // starting or stopping
}

func (n *node) name() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return fmt.Sprintf("n%d#%d", n.index, n.gen)
}

// named is the name under which a server ran here, or "".
func (n *node) named(serverID string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.ids[serverID]
}

func (n *node) server() *hearth.Server {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.srv
}

func (n *node) enter() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	was := n.busy
	n.busy = true
	return !was
}

func (n *node) leave() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.busy = false
}

func (n *node) start() {
	if n.server() != nil || !n.enter() {
		return
	}
	defer n.leave()
	n.mu.Lock()
	n.gen++
	n.mu.Unlock()
	name := n.name()
	s, err := hearth.New(context.Background(), n.options(name))
	if err != nil {
		if !errors.Is(err, hearth.ErrBrokerUnavailable) { // it was cut off at once
			n.w.fail("starting %s: %w", name, err)
		}
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.srv = s
	if n.ids == nil {
		n.ids = map[string]string{}
	}
	n.ids[s.ID()] = name
}

// stop shuts the server down. patience 0: what is there is cut.
func (n *node) stop(patience time.Duration) {
	s := n.server()
	if s == nil || !n.enter() {
		return
	}
	defer n.leave()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil && patience > 0 {
		n.w.note("%s was cut: %v", n.name(), err)
	}
	if err := s.Shutdown(context.Background()); err != nil && patience > 0 && !errors.Is(err, context.DeadlineExceeded) {
		n.w.fail("shutting down %s: %w", n.name(), err)
	}
	n.mu.Lock()
	n.srv = nil
	n.mu.Unlock()
}

func (n *node) options(name string) hearth.Options {
	w := n.w
	opts := hearth.Options{
		Identifier: name, Broker: w.broker, Transport: hearth.TransportStream, Loops: 2, Logger: quiet,
		AuthTimeout: 2 * time.Second, IdleTimeout: 8 * time.Second,
		HeartbeatInterval: 2 * time.Second, HeartbeatTimeout: 6 * time.Second,
		PerMessageDeflate: w.set.deflate, InlineHooks: w.set.inline, MaxPendingMessages: 8,
		Authenticate: authenticate,
		ValidateRooms: func(_ context.Context, _ *hearth.Client, rooms []string) ([]string, error) {
			return rooms, nil
		},
		OnMessage: w.onMessage,
		OnDisconnect: func(_ context.Context, c *hearth.Client, _ hearth.Cause) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.ends[c.Data().Metadata.(*visit).name]++
			return nil
		},
		OnGap: func(g hearth.Gap) {
			for _, room := range w.ledgerRooms(g.Channel) {
				w.cluster.Gap(name, room, g.From, g.To.Add(time.Millisecond))
			}
		},
	}
	if w.set.tight {
		opts.BackpressureLimit, opts.CloseOnBackpressureLimit = 4<<10, true
	}
	if w.set.transform {
		opts.Handshake = func(context.Context, *hearth.Client, json.RawMessage) (hearth.HandshakeResult, error) {
			return hearth.HandshakeResult{ServerPublicKey: "k"}, nil
		}
		opts.Transform = func(_ context.Context, c *hearth.Client, m hearth.Outgoing) (*hearth.Outgoing, error) {
			v := c.Data().Metadata.(*visit)
			if d := roll(w.seed, v.name, "transform", time.Now()); !w.set.inline && d.one(10) {
				time.Sleep(d.upTo(20 * time.Millisecond))
			}
			raw, err := json.Marshal(m.Data)
			return &hearth.Outgoing{Event: "wrapped:" + m.Event, Data: raw}, err
		}
	}
	return opts
}

// credentials are the data of authenticate.
type credentials struct {
	User      string `json:"user"`
	Mode      string `json:"mode"` // ok, refuse, fail, panic
	Millis    int    `json:"millis"`
	Deaf      bool   `json:"deaf"` // sleeps on when the client has gone
	PublicKey string `json:"publicKey,omitempty"`
}

func authenticate(ctx context.Context, _ *hearth.Client, data json.RawMessage) (hearth.Identity, error) {
	var c credentials
	if err := json.Unmarshal(data, &c); err != nil {
		return hearth.Identity{}, err
	}
	nap := time.Duration(c.Millis) * time.Millisecond
	if c.Deaf {
		time.Sleep(nap)
	} else if nap > 0 {
		select {
		case <-time.After(nap):
		case <-ctx.Done():
			return hearth.Identity{}, ctx.Err()
		}
	}
	switch c.Mode {
	case "refuse":
		return hearth.Identity{}, hearth.ErrRejected
	case "fail":
		return hearth.Identity{}, errors.New("a failure")
	case "panic":
		panic("in Authenticate")
	}
	return hearth.Identity{UserID: c.User}, nil
}

// serve answers a request that comes over conn.
func (n *node) serve(v *visit, s *hearth.Server, near net.Conn) {
	_ = near.SetReadDeadline(time.Now().Add(10 * time.Second)) // as every server in front does
	br := bufio.NewReader(near)
	r, err := http.ReadRequest(br)
	if err != nil {
		near.Close()
		return
	}
	_ = near.SetReadDeadline(time.Time{})
	r.RemoteAddr = near.RemoteAddr().String()
	rw := &responseWriter{ResponseRecorder: httptest.NewRecorder(), conn: near, br: br}
	c, _ := s.Upgrade(rw, r, hearth.UpgradeData{ClientID: v.id, Metadata: v})
	if !rw.taken {
		res := rw.Result()
		_ = res.Write(near)
		near.Close()
	}
	if c == nil {
		return
	}
	n.w.mu.Lock()
	if _, ok := n.w.ends[v.name]; !ok {
		n.w.ends[v.name] = 0 // one is due
	}
	n.w.mu.Unlock()
	v.served(c)
}

// responseWriter is an http.ResponseWriter whose connection can be taken over.
type responseWriter struct {
	*httptest.ResponseRecorder
	conn  net.Conn
	br    *bufio.Reader
	taken bool
}

func (w *responseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.taken = true
	return w.conn, bufio.NewReadWriter(w.br, bufio.NewWriter(w.conn)), nil
}
