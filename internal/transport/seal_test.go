package transport_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hearthws/hearth/internal/frame"
	"github.com/hearthws/hearth/internal/transport"
)

// eventFrame is a frame that can be sealed.
func eventFrame(payload string) *transport.Frame {
	f := transport.FrameOf(frame.Text, true, []byte(payload))
	f.Message, f.Event = true, "event"
	return f
}

// sendEvent queues a frame that can be sealed, and more of them in one piece.
func (s *server) sendEvent(t *testing.T, payloads ...string) {
	t.Helper()
	var frames []*transport.Frame
	var size int64
	for _, p := range payloads {
		f := eventFrame(p)
		frames = append(frames, f)
		size += f.Len()
	}
	if s.Admit(size) == transport.Refused {
		t.Fatal("refused")
	}
	s.Loop().Post(transport.Admitted(&s.Conn, frames[0], frames[1:]...))
}

// sealedSizes are payloads around the limits of headers and batches, and one
// that no socket takes at once.
var sealedSizes = []int{0, 9, 100, 123, 124, 125, 126, 65_530, 65_533, 65_534, 65_536, 300, 200_000, 10, 1 << 20, 70_000}

// Sealing begins exactly where it was asked for, happens once for each frame in
// the order in which they are sent, on whichever way, and leaves control frames
// alone. What has no event is not sent.
func TestSeal(t *testing.T) {
	t.Parallel()
	onEvery(t, nil, func(t *testing.T, b *bench) {
		s, p := b.connect(t, nil)
		group := transport.NewGroup(s.Loop())
		s.sendEvent(t, "plain")
		s.Loop().Post(transport.Seal(&s.Conn), transport.Join(&s.Conn, group))
		if a := s.send("without an event"); a == transport.Refused {
			t.Fatal("refused")
		}
		var want []message
		want = append(want, message{frame.Text, "plain"})
		n := 0
		sealed := func(payload string) {
			want = append(want, message{frame.Text, fmt.Sprintf("%d|%s", n, payload)})
			n++
		}
		for round := range 2 {
			for i, size := range sealedSizes {
				payload := numbered(100*round+i, size)
				switch i % 3 {
				case 0:
					s.sendEvent(t, payload)
				case 1:
					raw := transport.FrameOf(frame.Text, true, []byte("without an event"))
					s.Loop().Post(transport.ToGroup(group, raw, nil), transport.ToGroup(group, eventFrame(payload), nil))
				case 2:
					s.sendEvent(t, payload, "second")
				}
				sealed(payload)
				if i%3 == 2 {
					sealed("second")
				}
			}
			s.Loop().Post(transport.Control(&s.Conn, transport.FrameOf(frame.Ping, false, []byte("ping"))))
			want = append(want, message{frame.Ping, "ping"})
		}
		s.Close(4000, "done")
		for i, w := range want {
			if got := p.read(); got != w {
				t.Fatalf("frame %d is %v %.40q, want %v %.40q", i, got.op, got.payload, w.op, w.payload)
			}
		}
		if cause := p.end(); cause.Code != 4000 {
			t.Errorf("the connection ends with %+v", cause)
		}
	})
}

// Sealed frames are not compressed, whatever was negotiated, so that their length
// says nothing of what stands beside a secret; those before are. Fails when sealed
// frames go through the compressor.
func TestA35SealDoesNotCompress(t *testing.T) {
	t.Parallel()
	onEvery(t, nil, func(t *testing.T, b *bench) {
		near, far := b.link(t)
		s := &server{closed: make(chan transport.Cause, 2), congested: make(chan bool, 1024)}
		s.Init(b.Pick(), s)
		if err := b.Serve(&s.Conn, transport.Link{Conn: near, WindowBits: 15}); err != nil {
			t.Fatal(err)
		}
		p := newPeer(t, far)
		p.r.ResetClient(&frame.Config{MaxMessage: 64 << 20}, true)
		compressed := func(want string) bool {
			t.Helper()
			header := make([]byte, 1)
			_ = p.SetReadDeadline(time.Now().Add(patience))
			if _, err := p.Conn.Read(header); err != nil {
				t.Fatal(err)
			}
			if _, err := p.r.Feed(header, p); err != nil {
				t.Fatal(err)
			}
			if got := p.read().payload; got != want {
				t.Errorf("got %.40q, want %.40q", got, want)
			}
			return header[0]&0x40 != 0
		}
		text := numbered(1, 1000)
		s.sendEvent(t, text)
		if !compressed(text) {
			t.Error("a frame before is not compressed")
		}
		s.Loop().Post(transport.Seal(&s.Conn))
		s.sendEvent(t, text)
		if compressed("0|" + text) {
			t.Error("a sealed frame is compressed")
		}
	})
}

// What was handed to a stalled socket counts as queued until it is written, in
// the form in which it waits, and can be refused like everything else.
func TestSealBackpressure(t *testing.T) {
	t.Parallel()
	change := func(c *transport.Config) { c.BackpressureLimit = 1 << 20 }
	onEvery(t, change, func(t *testing.T, b *bench) {
		s, p := b.connect(t, nil)
		s.Loop().Post(transport.Seal(&s.Conn))
		sent := 0
		for ; ; sent++ {
			f := eventFrame(numbered(sent, 50_000))
			if s.Admit(f.Len()) == transport.Refused {
				break
			}
			s.Loop().Post(transport.Admitted(&s.Conn, f))
			if sent > 5000 {
				t.Fatal("nothing is refused")
			}
		}
		if q := s.Queued(); q < 1<<20 || q > 3<<20 {
			t.Errorf("%d bytes are queued", q)
		}
		for i := range sent {
			if got, want := p.read().payload, fmt.Sprintf("%d|%s", i, numbered(i, 50_000)); got != want {
				t.Fatalf("frame %d is %.40q", i, got)
			}
		}
		waitFor(t, "nothing is queued", func() bool { return s.Queued() == 0 })
	})
}
