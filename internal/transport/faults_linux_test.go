package transport_test

import (
	"errors"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/hearthws/hearth/internal/frame"
	"github.com/hearthws/hearth/internal/transport"
)

// TestShortWrites lets the socket take k bytes at a time, for every k.
func TestShortWrites(t *testing.T) {
	frames := []string{numbered(0, 3), numbered(1, 40), numbered(2, 130), numbered(3, 0)}
	for k := 1; k <= 200; k++ {
		cfg := defaults()
		cfg.Mode = transport.Epoll
		cfg.Faults = &transport.Faults{Write: func(_ int, p []byte, real func([]byte) (int, error)) (int, error) {
			return real(p[:min(k, len(p))])
		}}
		b := &bench{Engine: newEngine(t, cfg), link: tcpPair, epoll: true}
		s, p := b.connect(t, nil)
		for _, f := range frames {
			s.send(f)
		}
		for _, want := range frames {
			if got := p.read().payload; got != want {
				t.Fatalf("with %d bytes a write: got %q, want %q", k, got, want)
			}
		}
		if n := s.Loop().Stats().ShortWrites; k < 40 && n == 0 {
			t.Fatalf("with %d bytes a write no short write is counted", k)
		}
	}
}

func TestAgainAndInterrupted(t *testing.T) {
	cfg := defaults()
	cfg.Mode = transport.Epoll
	var calls atomic.Int64
	fail := func(real func([]byte) (int, error), p []byte) (int, error) {
		switch calls.Add(1) % 3 {
		case 0:
			return 0, syscall.EAGAIN
		case 1:
			return 0, syscall.EINTR
		}
		return real(p)
	}
	cfg.Faults = &transport.Faults{
		Write: func(_ int, p []byte, real func([]byte) (int, error)) (int, error) { return fail(real, p) },
		Read:  func(_ int, p []byte, real func([]byte) (int, error)) (int, error) { return fail(real, p) },
	}
	b := &bench{Engine: newEngine(t, cfg), link: tcpPair, epoll: true}
	_, p := b.connect(t, echo)
	for i := range 100 {
		p.write(frame.Text, numbered(i, 0))
		if got := p.read().payload; got != numbered(i, 0) {
			t.Fatalf("got %q", got)
		}
	}
}

func TestResetByPeer(t *testing.T) {
	for name, faults := range map[string]*transport.Faults{
		"writing": {Write: func(int, []byte, func([]byte) (int, error)) (int, error) { return 0, syscall.ECONNRESET }},
		"reading": {Read: func(int, []byte, func([]byte) (int, error)) (int, error) { return 0, syscall.ECONNRESET }},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := defaults()
			cfg.Mode = transport.Epoll
			cfg.Faults = faults
			b := &bench{Engine: newEngine(t, cfg), link: tcpPair, epoll: true}
			s, p := b.connect(t, echo)
			p.write(frame.Text, "x")
			s.send("y")
			if cause := s.ended(t); cause.Code != 1006 || !errors.Is(cause.Err, syscall.ECONNRESET) {
				t.Errorf("ended by %+v", cause)
			}
			waitFor(t, "the connection is gone", func() bool { return b.Count() == 0 })
			if len(s.closed) != 0 {
				t.Error("the end is told twice")
			}
		})
	}
}

func TestWhatEpollCannotServe(t *testing.T) {
	exhausted := &transport.Faults{Dup: func() error { return syscall.EMFILE }}
	for name, c := range map[string]struct {
		faults *transport.Faults
		link   func(*testing.T) (near, far net.Conn)
	}{
		"no descriptors": {exhausted, tcpPair},
		"wrapped":        {nil, func(t *testing.T) (net.Conn, net.Conn) { n, f := tcpPair(t); return struct{ net.Conn }{n}, f }},
		"MPTCP":          {nil, mptcpPair},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := defaults()
			cfg.Faults = c.faults
			b := &bench{Engine: newEngine(t, cfg), link: c.link, epoll: false}
			_, p := b.connect(t, echo)
			p.write(frame.Text, "served anyway")
			if got := p.read().payload; got != "served anyway" {
				t.Errorf("got %q", got)
			}

			cfg.Mode = transport.Epoll
			e := newEngine(t, cfg)
			near, _ := c.link(t)
			defer near.Close()
			var s server
			s.Init(e.Pick(), &s)
			if err := e.Serve(&s.Conn, transport.Link{Conn: near}); !errors.Is(err, transport.ErrNotEpoll) {
				t.Errorf("in mode Epoll: %v", err)
			}
		})
	}
}

func mptcpPair(t *testing.T) (near, far net.Conn) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(true)
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var d net.Dialer
	d.SetMultipathTCP(true)
	done := make(chan error, 1)
	go func() { far, err = d.DialContext(t.Context(), "tcp", ln.Addr().String()); done <- err }()
	near, aerr := ln.Accept()
	if err := errors.Join(aerr, <-done); err != nil {
		t.Fatal(err)
	}
	if on, _ := near.(*net.TCPConn).MultipathTCP(); !on {
		near.Close()
		far.Close()
		near, far = tcpPair(t) // this kernel has no MPTCP: nothing to refuse
		return struct{ net.Conn }{near}, far
	}
	return near, far
}

// TestStrangers lets connections come and go, so that descriptors and slots
// are used again at once, while every one is sent its own name all the time.
func TestStrangers(t *testing.T) {
	cfg := defaults()
	cfg.Mode = transport.Epoll
	b := &bench{Engine: newEngine(t, cfg), link: tcpPair, epoll: true}
	var wg sync.WaitGroup
	for worker := range 2 {
		wg.Go(func() {
			for i := range 40 {
				name := numbered(worker*1000+i, 200)
				s, p := b.connect(t, nil)
				g := transport.NewGroup(s.Loop())
				s.Loop().Post(transport.Join(&s.Conn, g))
				stop := make(chan struct{})
				var sender sync.WaitGroup
				sender.Go(func() {
					f := transport.FrameOf(frame.Text, true, []byte(name))
					for {
						select {
						case <-stop:
							return
						default:
							s.Loop().Post(transport.ToGroup(g, f, nil))
							if s.send(name) == transport.Behind {
								runtime.Gosched()
							}
						}
					}
				})
				for range 20 {
					if got := p.read().payload; got != name {
						t.Errorf("%.9s got %.9s", name, got)
					}
				}
				p.Conn.Close()
				s.ended(t)
				close(stop)
				sender.Wait()
			}
		})
	}
	wg.Wait()
}

// TestDescriptors counts what hundreds of connections leave behind.
func TestDescriptors(t *testing.T) {
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	cfg := defaults()
	cfg.Mode = transport.Epoll
	cfg.Loops = 1
	b := &bench{Engine: newEngine(t, cfg), link: tcpPair, epoll: true}
	s, p := b.connect(t, nil)
	p.Conn.Close()
	s.ended(t)
	waitFor(t, "the first is gone", func() bool { return b.Count() == 0 })
	before := count()
	for i := range 300 {
		s, p := b.connect(t, echo)
		switch i % 3 {
		case 0:
			p.Conn.Close()
		case 1:
			p.write(frame.Close, "")
			p.end()
			p.Conn.Close()
		case 2:
			s.Close(1001, "")
			p.end()
			p.Conn.Close()
		}
		s.ended(t)
	}
	waitFor(t, "all are gone", func() bool { return b.Count() == 0 })
	if after := count(); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}
