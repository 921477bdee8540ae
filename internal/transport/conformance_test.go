package transport_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hearthws/hearth/internal/frame"
	"github.com/hearthws/hearth/internal/transport"
)

func TestEcho(t *testing.T) {
	onEvery(t, nil, func(t *testing.T, b *bench) {
		_, p := b.connect(t, echo)
		for _, n := range []int{0, 1, 125, 126, 127, 65535, 65536, 1 << 20} {
			for _, op := range []frame.Opcode{frame.Text, frame.Binary} {
				want := strings.Repeat("y", n)
				done := make(chan struct{})
				go func() { p.write(op, want); close(done) }()
				if got := p.read(); got != (message{op, want}) {
					t.Fatalf("%s of %d bytes came back as %s of %d", op, n, got.op, len(got.payload))
				}
				<-done
			}
		}
	})
}

func TestInputInPieces(t *testing.T) {
	onEvery(t, nil, func(t *testing.T, b *bench) {
		_, p := b.connect(t, echo)
		raw := frame.AppendMasked(nil, frame.Text, false, false, []byte("frag"), [4]byte{9, 8, 7, 6})
		raw = frame.AppendMasked(raw, frame.Ping, true, false, []byte("between"), [4]byte{1, 1, 1, 1})
		raw = frame.AppendMasked(raw, frame.Continuation, true, false, []byte("ment"), [4]byte{5, 4, 3, 2})
		for _, c := range raw {
			p.writeRaw([]byte{c})
		}
		if got := p.read(); got != (message{frame.Pong, "between"}) {
			t.Errorf("got %v, want the pong", got)
		}
		if got := p.read(); got != (message{frame.Text, "fragment"}) {
			t.Errorf("got %v, want the message", got)
		}
	})
}

// TestOrder sends to one connection by two groups, directly and in batches, all
// from one goroutine.
func TestOrder(t *testing.T) {
	onEvery(t, nil, func(t *testing.T, b *bench) {
		s, p := b.connect(t, nil)
		one, two := transport.NewGroup(s.Loop()), transport.NewGroup(s.Loop())
		s.Loop().Post(transport.Join(&s.Conn, one), transport.Join(&s.Conn, two), transport.Join(&s.Conn, one))
		const messages = 5000
		go func() {
			for i := range messages {
				f := transport.FrameOf(frame.Text, true, []byte(numbered(i, rand.IntN(300))))
				switch rand.IntN(3) {
				case 0:
					s.Loop().Post(transport.ToGroup(one, f, nil))
				case 1:
					s.Loop().Post(transport.ToGroup(two, f, nil))
				case 2:
					s.Admit(f.Len())
					s.Loop().Post(transport.Admitted(&s.Conn, f))
				}
			}
		}()
		for i := range messages {
			if got := p.read().payload; !strings.HasPrefix(got, numbered(i, 0)) {
				t.Fatalf("message %d is %.9s", i, got)
			}
		}
	})
}

func TestGroupMembership(t *testing.T) {
	onEvery(t, nil, func(t *testing.T, b *bench) {
		a, pa := b.connect(t, nil)
		c, pc := b.connect(t, nil)
		for c.Loop() != a.Loop() {
			c, pc = b.connect(t, nil)
		}
		groups := make([]*transport.Group, 9) // more than a connection keeps in itself
		for i := range groups {
			groups[i] = transport.NewGroup(a.Loop())
			a.Loop().Post(transport.Join(&a.Conn, groups[i]), transport.Join(&c.Conn, groups[i]))
		}
		say := func(g *transport.Group, text string, skip ...*transport.Conn) {
			a.Loop().Post(transport.ToGroup(g, transport.FrameOf(frame.Text, true, []byte(text)), skip))
		}
		for i, g := range groups {
			say(g, numbered(i, 0))
		}
		a.Loop().Post(transport.Leave(&a.Conn, groups[4]), transport.Leave(&a.Conn, groups[4]))
		say(groups[4], "only c")
		say(groups[5], "only a", &c.Conn)
		say(groups[8], "both")
		for _, p := range []*peer{pa, pc} {
			for i := range groups {
				if got := p.read().payload; got != numbered(i, 0) {
					t.Fatalf("got %q from group %d", got, i)
				}
			}
		}
		for p, want := range map[*peer][]string{pa: {"only a", "both"}, pc: {"only c", "both"}} {
			for _, w := range want {
				if got := p.read().payload; got != w {
					t.Errorf("got %q, want %q", got, w)
				}
			}
		}
	})
}

func TestClose(t *testing.T) {
	onEvery(t, nil, func(t *testing.T, b *bench) {
		t.Run("by the server, behind what is queued", func(t *testing.T) {
			s, p := b.connect(t, nil)
			p.write(frame.Text, "never read by anybody in time")
			s.send("last words")
			s.Close(4003, "Authentication failed")
			s.Close(1000, "too late")
			if got := p.read().payload; got != "last words" {
				t.Errorf("got %q", got)
			}
			done := make(chan transport.Cause)
			go func() { done <- p.end() }()
			if cause := s.ended(t); cause.Code != 4003 || cause.Reason != "Authentication failed" {
				t.Errorf("the handler is told %+v", cause)
			}
			if cause := <-done; cause.Code != 4003 || cause.Reason != "Authentication failed" {
				t.Errorf("the peer is told %+v", cause)
			}
		})
		for name, c := range map[string]struct {
			frame string
			want  transport.Cause
		}{
			"by the peer":                {string(frame.AppendClose(nil, 4999, "bye")[2:]), transport.Cause{Code: 4999, Reason: "bye"}},
			"by the peer without a code": {"", transport.Cause{Code: 1005}},
		} {
			t.Run(name, func(t *testing.T) {
				s, p := b.connect(t, nil)
				p.write(frame.Text, "before")
				p.write(frame.Close, c.frame)
				if cause := s.ended(t); cause.Code != c.want.Code || cause.Reason != c.want.Reason {
					t.Errorf("the handler is told %+v, want %+v", cause, c.want)
				}
				if cause := p.end(); cause != c.want {
					t.Errorf("the answer is %+v, want %+v", cause, c.want)
				}
				if got := s.received(); len(got) != 1 || got[0] != "before" {
					t.Errorf("received %q", got)
				}
			})
		}
		t.Run("by the end of the connection", func(t *testing.T) {
			s, p := b.connect(t, nil)
			p.Conn.Close()
			if cause := s.ended(t); cause.Code != 1006 || cause.Err == nil {
				t.Errorf("the handler is told %+v", cause)
			}
		})
		t.Run("for a violation", func(t *testing.T) {
			s, p := b.connect(t, nil)
			p.writeRaw(frame.Append(nil, frame.Text, []byte("not masked")))
			if cause := p.end(); cause.Code != 1002 {
				t.Errorf("the peer is told %+v", cause)
			}
			if cause := s.ended(t); cause.Code != 1002 {
				t.Errorf("the handler is told %+v", cause)
			}
		})
		t.Run("while sending", func(t *testing.T) {
			s, p := b.connect(t, nil)
			stop := make(chan struct{})
			done := make(chan struct{})
			go func() {
				defer close(done)
				for {
					select {
					case <-stop:
						return
					default:
						s.send(numbered(0, 100))
						runtime.Gosched()
					}
				}
			}()
			p.read()
			p.Conn.Close()
			s.ended(t)
			close(stop)
			<-done
		})
	})
}

// TestCloseOfDeafPeer closes a connection whose peer never closes in turn.
func TestCloseOfDeafPeer(t *testing.T) {
	onEvery(t, nil, func(t *testing.T, b *bench) {
		s, p := b.connect(t, nil)
		s.Close(1001, "")
		s.ended(t)
		if p.end().Code != 1001 && b.epoll {
			t.Error("the peer did not see the close frame")
		}
		waitFor(t, "the connection is cut", func() bool { return b.Count() == 0 })
	})
}

func TestPause(t *testing.T) {
	onEvery(t, nil, func(t *testing.T, b *bench) {
		got := make(chan string, 1000)
		s, p := b.connect(t, func(_ *server, _ frame.Opcode, m []byte) bool {
			got <- string(m)
			return true
		})
		const messages = 200
		go func() {
			var raw []byte
			for i := range messages {
				raw = frame.AppendMasked(raw, frame.Text, true, false, []byte(numbered(i, 50)), [4]byte{})
			}
			_, _ = p.Conn.Write(raw)
		}()
		for i := range messages {
			select {
			case m := <-got:
				if m != numbered(i, 50) {
					t.Fatalf("message %d is %q", i, m)
				}
			case <-time.After(patience):
				t.Fatalf("message %d does not come", i)
			}
			select {
			case m := <-got:
				t.Fatalf("%q came while reading was paused", m)
			default:
			}
			s.Resume()
		}
	})
}

func TestHangUpWhilePaused(t *testing.T) {
	onEvery(t, nil, func(t *testing.T, b *bench) {
		paused := make(chan struct{})
		s, p := b.connect(t, func(*server, frame.Opcode, []byte) bool { close(paused); return true })
		p.write(frame.Text, "x")
		<-paused
		p.Conn.Close()
		s.Resume()
		if cause := s.ended(t); cause.Code != 1006 {
			t.Errorf("ended by %+v", cause)
		}
	})
}

func TestIdle(t *testing.T) {
	const timeout = 600 * time.Millisecond
	onEvery(t, func(c *transport.Config) { c.IdleTimeout = timeout }, func(t *testing.T, b *bench) {
		s, p := b.connect(t, nil)
		var answered time.Time
		for range 3 { // pings keep a peer that answers
			if m := p.read(); m.op != frame.Ping {
				t.Fatalf("got %v, want a ping", m)
			}
			answered = time.Now()
			p.write(frame.Pong, "")
		}
		if m := p.read(); m.op != frame.Ping {
			t.Fatalf("got %v, want a ping", m)
		}
		if cause := s.ended(t); cause.Code != 1006 || time.Since(answered) < timeout {
			t.Errorf("ended by %+v, %s after the last answer", cause, time.Since(answered))
		}
	})
}

func TestShutdown(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			cfg := defaults()
			cfg.Mode = kind.mode
			e := transport.New(cfg)
			b := &bench{Engine: e, link: kind.link, epoll: kind.epoll}
			var servers []*server
			for range 10 {
				s, _ := b.connect(t, echo)
				servers = append(servers, s)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if err := e.Shutdown(ctx); err == nil {
				t.Error("Shutdown did not have to cut connections that nobody closed")
			}
			for _, s := range servers {
				if cause := s.ended(t); cause.Code != 1006 {
					t.Errorf("ended by %+v", cause)
				}
			}
			if err := e.Shutdown(t.Context()); err != nil {
				t.Errorf("a second Shutdown: %v", err)
			}
			near, _ := kind.link(t)
			defer near.Close()
			var late server
			late.Init(e.Pick(), &late)
			if err := e.Serve(&late.Conn, transport.Link{Conn: near}); err != transport.ErrClosed {
				t.Errorf("Serve after Shutdown: %v", err)
			}
		})
	}
}
