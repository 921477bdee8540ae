package transport

import (
	"context"
	"io"
	"log/slog"
	"net"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/hearthws/hearth/internal/frame"
)

// guest is a connection that does nothing.
type guest struct {
	Conn
	_ [1 << 10]byte // so that it shares no memory with anything else
}

func (g *guest) Message(frame.Opcode, []byte) bool { return false }
func (g *guest) Control() bool                     { return false }
func (g *guest) Congested(bool)                    {}
func (g *guest) Dropped()                          {}
func (g *guest) Transform(*Frame)                  {}
func (g *guest) Seal(dst, _ []byte) []byte         { return dst }
func (g *guest) Closed(Cause)                      {}

// When the last connections have gone, nothing is known of them any more, though
// nobody comes and has the loop look after its connections.
func TestGoneAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := New(Config{
			Mode: Stream, Loops: 1, Frame: frame.Config{MaxMessage: 1 << 10}, BackpressureLimit: 1 << 20, MaxQueuedBytes: 1 << 30,
			IdleTimeout: time.Hour, Logger: slog.New(slog.DiscardHandler),
		})
		var gone []weak.Pointer[guest]
		for range 100 {
			gone = append(gone, visit(t, e))
		}
		time.Sleep(closeWrite + 2*tickEvery)
		synctest.Wait()
		runtime.GC()
		known := 0
		for _, p := range gone {
			if p.Value() != nil {
				known++
			}
		}
		if known > 1 { // the loop's reader may remember the last
			t.Errorf("%d of %d are known", known, len(gone))
		}
		if err := e.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// visit is a connection that comes, is sent away, and goes.
func visit(t *testing.T, e *Engine) weak.Pointer[guest] {
	t.Helper()
	g := &guest{}
	g.Init(e.Pick(), g)
	near, far := net.Pipe()
	if err := e.Serve(&g.Conn, Link{Conn: near}); err != nil {
		t.Fatal(err)
	}
	g.Loop().Post(Op{kind: opClose, conn: &g.Conn, arg: Cause{Code: 1000}})
	_, _ = io.ReadFull(far, make([]byte, 4))
	far.Close()
	return weak.Make(g)
}
