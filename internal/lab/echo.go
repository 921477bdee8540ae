package main

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/hearthws/hearth/internal/frame"
	"github.com/hearthws/hearth/internal/handshake"
	"github.com/hearthws/hearth/internal/transport"
)

// echoLimit is the longest message that is echoed, in bytes.
const echoLimit = 32 << 20

// echo sends every message back, on the transport that serves clients, but
// without what makes a client of a connection.
type echo struct {
	engine    *transport.Engine
	handshake handshake.Options
}

func newEcho(_ context.Context, f *flags) (*echo, error) {
	mode := map[string]transport.Mode{"loop": transport.Epoll, "stream": transport.Stream}[f.transport]
	return &echo{
		handshake: handshake.Options{Deflate: true, AllowAnyOrigin: true},
		engine: transport.New(transport.Config{
			Frame:             frame.Config{MaxMessage: echoLimit},
			Mode:              mode,
			Loops:             f.loops,
			BackpressureLimit: 4 * echoLimit,
			MaxQueuedBytes:    16 * echoLimit,
			IdleTimeout:       time.Minute,
			Pings:             true,
			Logger:            slog.Default(),
		}),
	}, nil
}

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	res, err := handshake.Upgrade(w, r, &e.handshake)
	if err != nil {
		return
	}
	c := &echoConn{}
	c.Init(e.engine.Pick(), c)
	link := transport.Link{Conn: res.Conn, Buffered: res.Buffered}
	if res.Deflate {
		link.WindowBits = res.WindowBits
	}
	if e.engine.Serve(&c.Conn, link) != nil {
		res.Conn.Close()
	}
}

// Shutdown cuts all connections.
func (e *echo) Shutdown(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	_ = e.engine.Shutdown(ctx) // says that it had to cut
	return nil
}

type echoConn struct{ transport.Conn }

func (c *echoConn) Message(op frame.Opcode, payload []byte) (pause bool) {
	f := transport.FrameOf(op, true, payload)
	if c.Admit(f.Len()) != transport.Refused {
		c.Loop().Post(transport.Admitted(&c.Conn, f))
	}
	return false
}

func (c *echoConn) Control() (pause bool)      { return false }
func (c *echoConn) Congested(bool)             {}
func (c *echoConn) Transform(*transport.Frame) {}
func (c *echoConn) Seal(dst, _ []byte) []byte  { return dst }
func (c *echoConn) Dropped()                   {}
func (c *echoConn) Closed(transport.Cause)     {}
