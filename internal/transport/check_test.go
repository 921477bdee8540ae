package transport

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hearthws/hearth/internal/frame"
)

type ear struct{}

func (ear) Message(frame.Opcode, []byte) bool { return false }
func (ear) Congested(bool)                    {}
func (ear) Control() bool                     { return false }
func (ear) Dropped()                          {}
func (ear) Transform(*Frame)                  {}
func (ear) Seal(dst, _ []byte) []byte         { return dst }
func (ear) Closed(Cause)                      {}

// Every kind of disagreement is found, so that silence means something.
func TestConsistencyCheck(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(l *Loop, c *Conn, g *Group)
		want  string // "": nothing is wrong
	}{
		{"nothing", func(*Loop, *Conn, *Group) {}, ""},
		{"lost slot", func(l *Loop, _ *Conn, _ *Group) { l.conns = append(l.conns, nil) }, "is lost"},
		{"slot twice", func(l *Loop, c *Conn, _ *Group) { l.free = append(l.free, c.slot) }, "free twice, or taken"},
		{"wrong slot", func(_ *Loop, c *Conn, _ *Group) { c.slot++ }, "believes to be in slot"},
		{"ended", func(_ *Loop, c *Conn, _ *Group) { c.flags &^= open }, "believes to be in slot"},
		{"wrong place", func(_ *Loop, c *Conn, g *Group) { c.setIndex(g, 1) }, "not where it believes"},
		{"forgotten group", func(_ *Loop, c *Conn, g *Group) { c.clearIndex(g) }, "does not know of it"},
		{"closed in a group", func(_ *Loop, c *Conn, _ *Group) { c.flags |= closing }, "is in 1 groups"},
		{"count", func(l *Loop, _ *Conn, _ *Group) { l.count.Add(1) }, "counts 3 connections, and has 2"},
		{"bytes of a connection", func(_ *Loop, c *Conn, _ *Group) { c.queued.Add(7) }, "counts 7 bytes queued, and holds 0"},
		{"bytes of a loop", func(l *Loop, _ *Conn, _ *Group) { l.queued.Add(7) }, "counts 7 bytes queued, its connections 0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := New(Config{
				Frame: frame.Config{MaxMessage: 1 << 20}, Mode: Stream, Loops: 1,
				BackpressureLimit: 1 << 20, MaxQueuedBytes: 1 << 24, IdleTimeout: time.Hour,
				Logger: slog.New(slog.DiscardHandler),
			})
			l := e.Loops()[0]
			g := NewGroup(l)
			var conns [2]Conn
			for i := range conns {
				near, far := net.Pipe()
				t.Cleanup(func() { far.Close() })
				c := &conns[i]
				c.Init(l, ear{})
				if err := e.Serve(c, Link{Conn: near}); err != nil {
					t.Fatal(err)
				}
				l.Post(Join(c, g))
			}
			if err := e.ConsistencyCheck(nil); err != nil {
				t.Fatal(err)
			}
			var err error
			l.onLoop(func() {
				c := &conns[0]
				slot, flags, inline := c.slot, c.flags, c.inline
				slots, free := l.conns, l.free
				members := append([]*Conn(nil), g.members...)
				count, queued := l.count.Load(), l.queued.Load()
				test.spoil(l, c, g)
				for _, e := range l.check(nil) {
					if err == nil || strings.Contains(e.Error(), test.want) {
						err = e
					}
				}
				// As it was, so that the engine can end.
				c.slot, c.flags, c.inline = slot, flags, inline
				c.queued.Store(0)
				l.conns, l.free, g.members = slots, free, members
				l.count.Store(count)
				l.queued.Store(queued)
			})
			switch {
			case test.want == "":
				if err != nil {
					t.Error(err)
				}
			case err == nil || !strings.Contains(err.Error(), test.want):
				t.Errorf("the check says: %v\nwant: %s", err, test.want)
			}
			expired, cancel := context.WithCancel(context.Background())
			cancel()
			_ = e.Shutdown(expired) // cuts
			if err := e.ConsistencyCheck(nil); err != nil {
				t.Errorf("after Shutdown: %v", err)
			}
		})
	}
}
