// Package hearthtest runs Hearth servers and clients in memory, without a
// port, for the tests of applications: their hooks see real clients, frames
// and rooms.
//
//	s := hearthtest.New(t, hearth.Options{Authenticate: …, OnMessage: …})
//	c := s.Connect(map[string]string{"token": "secret"})
//	c.Send("greet", "world")
//	m := c.Expect("greeting")
//
// Everything works in the bubbles of testing/synctest as well, where timeouts
// of hours pass at once: make server and clients inside of the bubble.
//
// What goes wrong is reported to the test. Functions and methods that wait,
// which their comments say, end the test with FailNow, and so belong on its
// goroutine; the others may be called from any.
package hearthtest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/hearthws/hearth"
)

// Patience is how long a function or method waits before it fails the test; in
// a synctest bubble, of the bubble's time. Whoever expects something later than
// that sleeps before.
const Patience = 10 * time.Second

// Server is a [hearth.Server] for one test. It is shut down by t.Cleanup,
// which fails the test if that does not succeed.
type Server struct {
	*hearth.Server

	t       testing.TB
	log     *testLog
	running sync.WaitGroup // goroutines of requests
	life    context.Context
	end     context.CancelFunc // of life

	// Guarded by mu.
	mu      sync.Mutex
	clients []*Client
	foreign []net.Conn // of DialContext
	down    bool       // Shutdown was called by the test
}

// New starts a server. Transport is [hearth.TransportStream] unless opts says
// otherwise, since in a synctest bubble there must be nothing else, and
// [Server.Dial] needs it; Logger writes to the output of the test.
func New(t testing.TB, opts hearth.Options) *Server {
	t.Helper()
	s := &Server{t: t, log: &testLog{to: t.Output()}}
	s.life, s.end = context.WithCancel(context.Background())
	if opts.Transport == "" {
		opts.Transport = hearth.TransportStream
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.NewTextHandler(s.log, nil))
	}
	srv, err := hearth.New(t.Context(), opts)
	if err != nil {
		t.Fatalf("hearthtest: %v", err)
	}
	s.Server = srv
	t.Cleanup(s.finish)
	return s
}

// NewCluster starts n servers that share a memory broker, or opts.Broker if
// that is set. Server number i has the identifier of opts and "-i".
func NewCluster(t testing.TB, n int, opts hearth.Options) []*Server {
	t.Helper()
	if opts.Broker == nil {
		opts.Broker = hearth.NewMemoryBroker()
	}
	if opts.Identifier == "" {
		opts.Identifier = "hearth"
	}
	servers := make([]*Server, n)
	for i := range servers {
		o := opts
		o.Identifier = fmt.Sprintf("%s-%d", opts.Identifier, i)
		servers[i] = New(t, o)
	}
	return servers
}

// Shutdown is that of [hearth.Server]. Once a test has called it, its outcome
// is the test's affair.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.down = true
	s.mu.Unlock()
	return s.Server.Shutdown(ctx)
}

// finish ends what the test has left running.
func (s *Server) finish() {
	s.mu.Lock()
	clients, foreign, down := s.clients, s.foreign, s.down
	s.mu.Unlock()
	for _, c := range clients {
		c.cutStalled() // a server waits some seconds for one that does not read
	}
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := s.Server.Shutdown(ctx); err != nil && !down {
		s.t.Errorf("hearthtest: shutdown: %v", err)
	}
	for _, c := range clients {
		c.Drop()
		<-c.done
	}
	for _, conn := range foreign {
		conn.Close()
	}
	s.end()
	s.running.Wait()
	s.log.close()
	if !down {
		s.checkEmpty()
	}
}

// checkEmpty looks at what a server that was shut down still knows.
func (s *Server) checkEmpty() {
	if err := s.ConsistencyCheck(); err != nil {
		s.t.Errorf("hearthtest: after shutdown: %v", err)
	}
	if st := s.Stats(); st.Connections != 0 || st.Rooms != 0 || st.QueuedBytes != 0 || st.Accepted != st.Disconnected {
		s.t.Errorf("hearthtest: after shutdown there are left %d connections, %d rooms, %d bytes queued; %d of %d clients have ended",
			st.Connections, st.Rooms, st.QueuedBytes, st.Disconnected, st.Accepted)
	}
}

func (s *Server) track(c *Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients = append(s.clients, c)
}

// testLog is the output of a test while that runs: a hook that outlives its
// server must not write to it.
type testLog struct {
	mu sync.Mutex
	to io.Writer // nil: closed
}

func (l *testLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.to == nil {
		return len(p), nil
	}
	return l.to.Write(p)
}

func (l *testLog) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.to = nil
}
