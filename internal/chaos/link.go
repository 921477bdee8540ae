//go:build unix

package chaos

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Link is a TCP proxy between clients and a node, and can be a bad one. Its
// methods may be called concurrently.
type Link struct {
	Latency atomic.Int64 // in ns, of each piece in either direction
	Piece   atomic.Int64 // the longest piece in bytes; 0: as they come
	Cuts    atomic.Int64 // of a million pieces, those at which the connection is cut
	Silent  atomic.Bool  // nothing passes, and nothing is closed

	listener net.Listener
	target   string
	done     chan struct{}
	tasks    sync.WaitGroup
}

// NewLink makes a link to a node, which clients use from now on.
func NewLink(t testing.TB, n *Node) *Link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &Link{listener: listener, target: n.addr, done: make(chan struct{})}
	l.tasks.Go(l.accept)
	t.Cleanup(func() {
		close(l.done)
		_ = listener.Close()
		l.tasks.Wait()
	})
	addr := listener.Addr().String()
	n.via.Store(&addr)
	return l
}

func (l *Link) accept() {
	for {
		client, err := l.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", l.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		ended := make(chan struct{})
		end := sync.OnceFunc(func() {
			_, _ = client.Close(), server.Close()
			close(ended)
		})
		l.tasks.Go(func() {
			select {
			case <-l.done:
				end()
			case <-ended:
			}
		})
		l.tasks.Go(func() { defer end(); l.forward(client, server, ended) })
		l.tasks.Go(func() { defer end(); l.forward(server, client, ended) })
	}
}

// forward copies until either end is closed, or the link cuts it.
func (l *Link) forward(dst io.Writer, src io.Reader, ended <-chan struct{}) {
	buffer := make([]byte, 16<<10)
	for {
		n, err := src.Read(buffer)
		if err != nil {
			return
		}
		for rest := buffer[:n]; len(rest) > 0; {
			piece := rest
			if most := int(l.Piece.Load()); most > 0 && len(piece) > most {
				piece = piece[:1+rand.N(most)]
			}
			rest = rest[len(piece):]
			if d := time.Duration(l.Latency.Load()); d > 0 && !pause(d, ended) {
				return
			}
			for l.Silent.Load() {
				if !pause(5*time.Millisecond, ended) {
					return
				}
			}
			if rand.Int64N(1e6) < l.Cuts.Load() {
				return
			}
			if _, err := dst.Write(piece); err != nil {
				return
			}
		}
	}
}

func pause(d time.Duration, ended <-chan struct{}) bool {
	select {
	case <-ended:
		return false
	case <-time.After(d):
		return true
	}
}
