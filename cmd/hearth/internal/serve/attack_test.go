package serve

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hearthws/hearth/internal/frame"
)

// A crowd that begins handshakes, and goes on with them by a byte a second, is cut
// off, and holds up nobody meanwhile. Fails without readHeaderTimeout and
// readTimeout.
func TestA04SlowHandshakes(t *testing.T) {
	t.Parallel()
	const size = 5000
	const least = 50 // honest ones while all of the crowd are connected
	addr := run(t)
	var alone, meanwhile []time.Duration
	for range least {
		alone = append(alone, enter(t, addr))
	}
	var crowd []net.Conn
	for i := range size {
		conn := dial(t, addr)
		fmt.Fprint(conn, []string{"", "GET", "GET /ws HTTP/1.1\r\nHost: localhost\r\nX-Slow: "}[i%3])
		crowd = append(crowd, conn)
		if i%50 == 0 {
			enter(t, addr)
		}
	}

	var slow sync.WaitGroup
	first, all := make(chan struct{}), make(chan struct{}) // are cut
	slow.Go(func() { drip(crowd, all) })
	slow.Go(func() {
		defer close(all)
		for i, conn := range crowd {
			if _, err := io.ReadAll(conn); os.IsTimeout(err) {
				t.Errorf("connection %d is still open after 30 s", i)
				return
			}
			if i == 0 {
				close(first) // who came first is cut first
			}
		}
	})
	defer slow.Wait()
	next := time.NewTicker(10 * time.Millisecond)
	defer next.Stop()
	for there := true; there; <-next.C {
		took := enter(t, addr)
		select {
		case <-first:
			there = false
		case <-all: // which is too late
			there = false
		default:
			meanwhile = append(meanwhile, took)
		}
	}
	if len(meanwhile) < least {
		t.Errorf("%d honest clients were admitted while the crowd was there, want at least %d", len(meanwhile), least)
	}
	slow.Wait()
	t.Logf("connecting and authenticating: %s alone, %s beside %d slow handshakes", quantiles(alone), quantiles(meanwhile), size)
}

// drip sends a byte on each connection about once a second.
func drip(crowd []net.Conn, done <-chan struct{}) {
	const parts = 100
	next := time.NewTicker(time.Second / parts)
	defer next.Stop()
	for part := 0; ; part = (part + 1) % parts {
		select {
		case <-done:
			return
		case <-next.C:
		}
		for i := part; i < len(crowd); i += parts {
			_, _ = crowd[i].Write([]byte("x")) // it may be cut
		}
	}
}

// enter is an honest client that connects, authenticates and leaves. It returns
// how long it took to be admitted.
func enter(t *testing.T, addr string) time.Duration {
	t.Helper()
	began := time.Now()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(began.Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	in := bufio.NewReader(conn)
	answer, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("an honest request is answered %s", answer.Status)
	}
	if _, err := conn.Write(frame.AppendMasked(nil, frame.Text, true, false, []byte(`{"event":"authenticate","data":{"name":"ann"}}`), [4]byte{1, 2, 3, 4})); err != nil {
		t.Fatal(err)
	}
	var got [128]byte
	n, err := io.ReadAtLeast(in, got[:], 32)
	if err != nil || !bytes.Contains(got[:n], []byte(`{"event":"connected",`)) {
		t.Fatalf("an honest client receives %q: %v", got[:n], err)
	}
	return time.Since(began)
}

func quantiles(all []time.Duration) string {
	slices.Sort(all)
	return fmt.Sprintf("p50 %s, p99 %s, slowest %s", all[len(all)/2], all[len(all)*99/100], all[len(all)-1])
}
