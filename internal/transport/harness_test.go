package transport_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hearthws/hearth/internal/frame"
	"github.com/hearthws/hearth/internal/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait for something that has to happen.
const patience = 20 * time.Second

// kinds are the ways in which connections are made and served.
var kinds = map[string]struct {
	mode  transport.Mode
	epoll bool // must serve
	link  func(t *testing.T) (server, client net.Conn)
	alone bool // each write is a system call
}{
	"epoll":          {transport.Epoll, true, tcpPair, false},
	"epoll, unix":    {transport.Epoll, true, unixPair, false},
	"epoll, no ring": {transport.Epoll, true, tcpPair, true},
	"stream, tcp":    {transport.Stream, false, tcpPair, false},
	"stream, tls":    {transport.Auto, false, tlsPair, false},
	"pipe":           {transport.Auto, false, pipePair, false},
}

// onEvery runs f for every kind of connection.
func onEvery(t *testing.T, change func(*transport.Config), f func(t *testing.T, b *bench)) {
	for name, kind := range kinds {
		if kind.epoll && runtime.GOOS != "linux" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of the time goes by waiting
			cfg := defaults()
			cfg.Mode, cfg.NoRing = kind.mode, kind.alone
			if change != nil {
				change(&cfg)
			}
			f(t, &bench{Engine: newEngine(t, cfg), link: kind.link, epoll: kind.epoll})
		})
	}
}

func defaults() transport.Config {
	return transport.Config{
		Frame:             frame.Config{MaxMessage: 16 << 20},
		Loops:             2,
		BackpressureLimit: 64 << 20,
		MaxQueuedBytes:    256 << 20,
		IdleTimeout:       time.Minute,
		Pings:             true,
		Logger:            slog.New(slog.DiscardHandler),
	}
}

func newEngine(t *testing.T, cfg transport.Config) *transport.Engine {
	e := transport.New(cfg)
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := e.Shutdown(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("Shutdown: %v", err)
		}
		for i, l := range e.Loops() {
			if s := l.Stats(); s.Rescued != 0 || s.QueuedBytes != 0 || s.Connections != 0 {
				t.Errorf("loop %d is left with %+v", i, s)
			}
		}
	})
	return e
}

// bench is an engine with a way to connect to it.
type bench struct {
	*transport.Engine
	link  func(t *testing.T) (server, client net.Conn)
	epoll bool
}

// connect makes a connection. handle gets each message; nil: messages are
// only recorded.
func (b *bench) connect(t *testing.T, handle func(c *server, op frame.Opcode, p []byte) (pause bool)) (*server, *peer) {
	t.Helper()
	near, far := b.link(t)
	s := &server{handle: handle, closed: make(chan transport.Cause, 2), congested: make(chan bool, 1024)}
	s.Init(b.Pick(), s)
	if err := b.Serve(&s.Conn, transport.Link{Conn: near, WindowBits: 0}); err != nil {
		t.Fatalf("Serve: %v", err)
	}
	if s.OnEpoll() != b.epoll {
		t.Fatalf("served by epoll: %v, want %v", s.OnEpoll(), b.epoll)
	}
	return s, newPeer(t, far)
}

// server is the near side of a connection.
type server struct {
	transport.Conn
	handle    func(c *server, op frame.Opcode, p []byte) bool
	closed    chan transport.Cause
	congested chan bool
	seals     int // owned by the loop

	mu      sync.Mutex
	got     []string
	dropped int
}

func (s *server) Message(op frame.Opcode, p []byte) bool {
	if s.handle != nil {
		return s.handle(s, op, p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, string(p))
	return false
}

func (s *server) Control() bool                { return false }
func (s *server) Congested(on bool)            { s.congested <- on }
func (s *server) Transform(*transport.Frame)   {}
func (s *server) Closed(cause transport.Cause) { s.closed <- cause }

// Seal puts a number in front of the payload.
func (s *server) Seal(dst, payload []byte) []byte {
	dst = fmt.Appendf(dst, "%d|", s.seals)
	s.seals++
	return append(dst, payload...)
}

func (s *server) Dropped() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped++
}

func (s *server) received() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.got...)
}

// send queues a text message.
func (s *server) send(p string) transport.Admission {
	f := transport.FrameOf(frame.Text, true, []byte(p))
	a := s.Admit(f.Len())
	if a != transport.Refused {
		s.Loop().Post(transport.Admitted(&s.Conn, f))
	}
	return a
}

// ended waits for the end of the connection.
func (s *server) ended(t *testing.T) transport.Cause {
	t.Helper()
	select {
	case cause := <-s.closed:
		return cause
	case <-time.After(patience):
		t.Fatal("the connection does not end")
		panic("unreachable")
	}
}

func echo(c *server, op frame.Opcode, p []byte) bool {
	f := transport.FrameOf(op, true, p)
	if c.Admit(f.Len()) != transport.Refused {
		c.Loop().Post(transport.Admitted(&c.Conn, f))
	}
	return false
}

// peer is the far side.
type peer struct {
	t *testing.T
	net.Conn
	r      frame.Reader
	queue  []message
	buf    []byte
	closed *transport.Cause
}

type message struct {
	op      frame.Opcode
	payload string
}

func newPeer(t *testing.T, conn net.Conn) *peer {
	p := &peer{t: t, Conn: conn, buf: make([]byte, 64<<10)}
	p.r.ResetClient(&frame.Config{MaxMessage: 64 << 20}, false)
	t.Cleanup(func() { conn.Close() })
	return p
}

func (p *peer) Message(op frame.Opcode, payload []byte) bool {
	p.queue = append(p.queue, message{op, string(payload)})
	return false
}

func (p *peer) Control(op frame.Opcode, payload []byte) bool {
	if op == frame.Close {
		code, reason := frame.ParseClose(payload)
		p.closed = &transport.Cause{Code: code, Reason: string(reason)}
		return false
	}
	p.queue = append(p.queue, message{op, string(payload)})
	return false
}

// write sends a masked frame.
func (p *peer) write(op frame.Opcode, payload string) {
	p.t.Helper()
	p.writeRaw(frame.AppendMasked(nil, op, true, false, []byte(payload), [4]byte{1, 2, 3, 4}))
}

func (p *peer) writeRaw(b []byte) {
	p.t.Helper()
	_ = p.SetWriteDeadline(time.Now().Add(patience))
	if _, err := p.Conn.Write(b); err != nil {
		p.t.Fatalf("peer cannot write: %v", err)
	}
}

// read waits for the next message, ping or pong.
func (p *peer) read() message {
	p.t.Helper()
	for len(p.queue) == 0 {
		if err := p.more(); err != nil {
			p.t.Fatalf("peer cannot read: %v", err)
		}
	}
	m := p.queue[0]
	p.queue = p.queue[1:]
	return m
}

func (p *peer) more() error {
	_ = p.SetReadDeadline(time.Now().Add(patience))
	n, err := p.Conn.Read(p.buf)
	if n > 0 {
		if _, ferr := p.r.Feed(p.buf[:n], p); ferr != nil {
			p.t.Fatalf("the server has sent a bad frame: %v", ferr)
		}
	}
	return err
}

// end reads until the connection ends. Without a close frame the code is 1006.
func (p *peer) end() transport.Cause {
	p.t.Helper()
	for {
		if err := p.more(); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				p.t.Fatal("the server does not close the connection")
			}
			break
		}
	}
	if p.closed == nil {
		return transport.Cause{Code: 1006}
	}
	return *p.closed
}

func tcpPair(t *testing.T) (server, client net.Conn) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	return pair(t, ln, err)
}

func unixPair(t *testing.T) (server, client net.Conn) {
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	return pair(t, ln, err)
}

func pair(t *testing.T, ln net.Listener, err error) (server, client net.Conn) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	done := make(chan error, 1)
	go func() {
		var err error
		client, err = net.Dial(ln.Addr().Network(), ln.Addr().String())
		done <- err
	}()
	server, err = ln.Accept()
	if err := errors.Join(err, <-done); err != nil {
		t.Fatal(err)
	}
	return server, client
}

func pipePair(*testing.T) (server, client net.Conn) { return net.Pipe() }

func tlsPair(t *testing.T) (server, client net.Conn) {
	s, c := tcpPair(t)
	web := httptest.NewUnstartedServer(nil) // for its certificate
	web.StartTLS()
	defer web.Close()
	near := tls.Server(s, &tls.Config{Certificates: web.TLS.Certificates})
	far := tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	done := make(chan error, 1)
	go func() { done <- far.Handshake() }()
	if err := errors.Join(near.Handshake(), <-done); err != nil {
		t.Fatal(err)
	}
	return near, far
}

// waitFor waits for a condition.
func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !is() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
		runtime.Gosched()
		time.Sleep(time.Millisecond)
	}
}

// numbered is a payload of n bytes that tells its number.
func numbered(i, n int) string {
	s := fmt.Sprintf("%08d.", i)
	return s + string(bytes.Repeat([]byte{'x'}, max(0, n-len(s))))
}
