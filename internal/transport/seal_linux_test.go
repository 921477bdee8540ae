package transport_test

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/hearthws/hearth/internal/transport"
)

// What a socket does not take at once is sealed only once, for every number of
// bytes that it takes, none included.
func TestSealShortWrites(t *testing.T) {
	for k := range 200 {
		cfg := defaults()
		cfg.Mode = transport.Epoll
		var calls atomic.Int64
		cfg.Faults = &transport.Faults{Write: func(_ int, p []byte, real func([]byte) (int, error)) (int, error) {
			if calls.Add(1)%3 == 0 || k == 0 && calls.Load()%2 == 0 {
				return 0, syscall.EAGAIN
			}
			if k == 0 {
				return real(p)
			}
			return real(p[:min(k, len(p))])
		}}
		b := &bench{Engine: newEngine(t, cfg), link: tcpPair, epoll: true}
		s, p := b.connect(t, nil)
		s.Loop().Post(transport.Seal(&s.Conn))
		sizes := []int{3, 40, 130, 0, 300}
		s.sendEvent(t, numbered(0, sizes[0]), numbered(1, sizes[1]), numbered(2, sizes[2]))
		s.sendEvent(t, numbered(3, sizes[3]))
		for i, size := range sizes {
			if i == 4 {
				s.sendEvent(t, numbered(i, size))
			}
			if got, want := p.read().payload, fmt.Sprintf("%d|%s", i, numbered(i, size)); got != want {
				t.Fatalf("with %d bytes a write: got %q, want %q", k, got, want)
			}
		}
	}
}
