package hearth

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hearthws/hearth/internal/frame"
	"github.com/hearthws/hearth/internal/handshake"
	"github.com/hearthws/hearth/internal/hub"
	"github.com/hearthws/hearth/internal/transport"
)

// brokerWait bounds how long New waits for the broker.
const brokerWait = 30 * time.Second

// Server is one node: it upgrades HTTP requests to connections, and sends
// messages to their clients and, through its broker, to those of other nodes.
// It is an [http.Handler] and never listens itself. All methods may be called
// concurrently.
type Server struct {
	// Static after construction.
	id        string
	opts      Options
	handshake handshake.Options
	engine    *transport.Engine
	hub       *hub.Hub
	session   BrokerSession
	base      context.Context // of all hooks
	cancel    context.CancelFunc
	hello     *deadlines // for `authenticate`
	auth      *deadlines // for `connected`
	sealers   []*sealer  // by loop
	began     time.Time
	refusals  refusals
	doorway   *doorway

	// What a message and a byte of a client cost, in nanoseconds; see spend.
	messagePrice, bytePrice float64

	crew     crew
	late     late
	counters counters
	serving  atomic.Bool // from when hub is there until Shutdown
	brokerUp atomic.Bool

	// Guarded by mu.
	mu     sync.Mutex
	closed bool
	live   sync.WaitGroup // connections whose OnDisconnect has not returned; Add under mu

	sweeper  sync.WaitGroup
	stop     chan struct{}
	shutdown sync.Once
	down     chan struct{} // closed when Shutdown is through
	downErr  error         // of the first Shutdown; read after down
}

// New makes a server. It returns when the server is live: options are valid,
// the broker is connected and subscribed. It waits for the broker until ctx
// ends, and 30 seconds at most. ctx's values are seen by all hooks.
func New(ctx context.Context, opts Options) (*Server, error) {
	asked := opts
	opts = opts.withDefaults()
	if err := opts.validate(); err != nil {
		return nil, err
	}
	s := &Server{
		id:   hub.NewID().String(),
		opts: opts,
		handshake: handshake.Options{
			Deflate: opts.PerMessageDeflate, Subprotocol: opts.Subprotocol, Origins: opts.Origins,
			AllowAnyOrigin: opts.AllowAnyOrigin, TrustForwarded: opts.TrustForwarded,
		},
		began: time.Now(), refusals: newRefusals(), doorway: newDoorway(&asked, &opts),
		messagePrice: float64(time.Second) / float64(opts.MessageRate),
		bytePrice:    float64(time.Second) / float64(opts.ByteRate),
		stop:         make(chan struct{}),
		down:         make(chan struct{}),
	}
	s.opts.Logger = opts.Logger.With("server", opts.Identifier)
	s.base, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.engine = transport.New(transport.Config{
		Frame:             frame.Config{MaxMessage: opts.MaxPayload, MaxFragments: opts.MaxFragments},
		EarlyFrame:        &frame.Config{MaxMessage: min(opts.MaxAuthPayload, opts.MaxPayload), MaxFragments: opts.MaxFragments},
		Mode:              modes[opts.Transport],
		Loops:             opts.Loops,
		NoRing:            opts.DisableIOUring,
		BackpressureLimit: int64(opts.BackpressureLimit),
		MaxQueuedBytes:    opts.MaxQueuedBytes,
		IdleTimeout:       opts.IdleTimeout,
		Pings:             !opts.DisablePings,
		Logger:            s.opts.Logger,
	})
	for range s.engine.Loops() {
		s.sealers = append(s.sealers, &sealer{limit: opts.EncryptedBatchLimit})
	}
	s.hello = newDeadlines(opts.AuthTimeout, func(c *Client) { c.expireAuth(StateUnauthorized) })
	s.auth = newDeadlines(3*opts.AuthTimeout, func(c *Client) { c.expireAuth(StateAuthenticating) })
	if err := s.connectBroker(ctx); err != nil {
		s.cancel()
		return nil, err
	}
	s.sweeper.Add(1)
	go s.sweep()
	return s, nil
}

var modes = map[Transport]transport.Mode{
	TransportAuto: transport.Auto, TransportLoop: transport.Epoll, TransportStream: transport.Stream,
}

// connectBroker opens the session, and waits until broadcasts arrive.
func (s *Server) connectBroker(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, brokerWait)
	defer cancel()
	s.brokerUp.Store(true) // unless noteBroker hears otherwise
	session, err := s.opts.Broker.Open(ctx, BrokerNode{
		ServerID: s.id, Deliver: s.deliver, Notify: s.noteBroker, ReportGap: s.noteGap, Logger: s.opts.Logger,
	})
	if err != nil {
		return fmt.Errorf("hearth: broker: %w", err)
	}
	s.session = session
	var interest *hub.Interest
	if !session.Unfiltered() {
		interest = hub.NewInterest(session)
	}
	s.hub = hub.New(s.engine, interest)
	s.serving.Store(true)
	live := make(chan error, 1)
	session.Subscribe([]string{ChannelBroadcast}, func(err error) { live <- err })
	select {
	case err = <-live:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		closeCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = session.Close(closeCtx)
		return fmt.Errorf("hearth: broker: subscribing to %s: %w", ChannelBroadcast, err)
	}
	return nil
}

// ID is the server's id, a UUID made by New.
func (s *Server) ID() string { return s.id }

// Identifier is Options.Identifier.
func (s *Server) Identifier() string { return s.opts.Identifier }

// Path is where the server is mounted.
func (s *Server) Path() string { return s.opts.Path }

// Client returns the client of this node with that id, in whatever state, or
// nil.
func (s *Server) Client(id string) *Client {
	if c := clientOf(s.hub.Client(id)); c != nil && c.state() != stateUpgrading {
		return c
	}
	return nil
}

// Filter selects clients. Empty fields select all.
type Filter struct {
	UserID string
	Room   string
	State  State
}

// Clients yields this node's clients that fit f, from a snapshot: the loop may
// take its time, and call anything.
func (s *Server) Clients(f Filter) iter.Seq[*Client] {
	return func(yield func(*Client) bool) {
		for _, c := range s.snapshot(f) {
			if c.state() == stateUpgrading || f.State != "" && c.State() != f.State || f.UserID != "" && c.UserID() != f.UserID ||
				f.Room != "" && !c.InRoom(f.Room) {
				continue
			}
			if !yield(c) {
				return
			}
		}
	}
}

// snapshot uses the narrowest index.
func (s *Server) snapshot(f Filter) []*Client {
	var all []*Client
	switch {
	case f.Room != "":
		known, n := s.hub.Members(f.Room)
		for _, c := range known {
			all = append(all, clientOfConn(c))
		}
		if all = slices.DeleteFunc(all, func(c *Client) bool { return !c.InRoom(f.Room) }); len(all) < n {
			return s.snapshot(Filter{}) // somebody has just joined
		}
	case f.UserID != "":
		for _, c := range s.hub.User(f.UserID) {
			all = append(all, clientOf(c))
		}
	default:
		s.hub.Each(func(c *hub.Client) { all = append(all, clientOf(c)) })
	}
	return all
}

// admit counts a connection, unless the server is shutting down.
func (s *Server) admit() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.live.Add(1)
	return true
}

// Shutdown refuses new connections, closes all there are with 1001, waits for
// their OnDisconnect hooks, and stops everything that the server runs, the
// broker session included; the [Broker] itself is the caller's. When ctx ends first it cuts what is left and returns ctx's error;
// hooks that still run then are not waited for. It may be called again, and
// then waits for the first call.
func (s *Server) Shutdown(ctx context.Context) error {
	s.shutdown.Do(func() {
		go func() {
			s.downErr = s.close(ctx)
			close(s.down)
		}()
	})
	select {
	case <-s.down:
		return s.downErr
	case <-ctx.Done():
	}
	// The call that closes has the same ctx, or will end by its own.
	select {
	case <-s.down:
		return s.downErr
	case <-time.After(shutdownGrace):
		return ctx.Err()
	}
}

// shutdownGrace is what cutting connections may take after ctx has ended.
const shutdownGrace = 5 * time.Second

func (s *Server) close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.serving.Store(false)
	close(s.stop)
	s.hello.stop()
	s.auth.stop()
	for c := range s.Clients(Filter{}) {
		c.Close(CloseGoingAway, reasonShutdown)
	}
	s.sweeper.Wait()
	hooks := make(chan struct{})
	go func() {
		s.live.Wait()
		close(hooks)
	}()
	var err error
	select {
	case <-hooks:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if cut := s.engine.Shutdown(ctx); err == nil {
		err = cut
	}
	if late := s.waitSealers(ctx); err == nil {
		err = late
	}
	s.crew.close()
	if err == nil {
		s.crew.hands.Wait()
	}
	s.cancel()
	if cerr := s.session.Close(ctx); err == nil {
		err = cerr
	}
	return err
}

// waitSealers waits for Transform hooks of clients that have gone, which
// nothing else waits for. No loop asks for any more.
func (s *Server) waitSealers(ctx context.Context) error {
	idle := make(chan struct{})
	go func() {
		for _, sealer := range s.sealers {
			sealer.working.Wait()
		}
		close(idle)
	}()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// uptime is the time since New in milliseconds, which no change of the
// system's clock makes longer or shorter.
func (s *Server) uptime() int64 { return time.Since(s.began).Milliseconds() }

// sweep closes silent clients.
func (s *Server) sweep() {
	defer s.sweeper.Done()
	ticker := time.NewTicker(s.opts.HeartbeatInterval)
	defer ticker.Stop()
	for {
		select {
		case <-s.stop:
			return
		case now := <-ticker.C:
			s.sweepAt(now)
		}
	}
}

func (s *Server) sweepAt(now time.Time) {
	silentSince := (now.Sub(s.began) - s.opts.HeartbeatTimeout).Milliseconds()
	var silent []*Client
	s.hub.Each(func(hc *hub.Client) {
		c := clientOf(hc)
		if c.state() == stateAuthenticated && c.lastActivity.Load() < silentSince {
			silent = append(silent, c)
		}
	})
	for _, c := range silent {
		if !c.silentSince(silentSince) {
			continue
		}
		s.counters.heartbeatTimeouts.Add(1)
		s.opts.Logger.Debug("heartbeat timeout", "client", c.ID())
		c.Close(CloseHeartbeatTimeout, reasonHeartbeatTimeout)
	}
}
