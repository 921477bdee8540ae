package client_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/client"
)

// real starts a server on loopback.
func real(t testing.TB, encrypted bool, change ...func(*hearth.Options)) (s *hearth.Server, web *httptest.Server) {
	t.Helper()
	opts := hearth.Options{
		Authenticate: func(context.Context, *hearth.Client, json.RawMessage) (hearth.Identity, error) {
			return hearth.Identity{}, nil
		},
		OnMessage: func(_ context.Context, c *hearth.Client, m hearth.Message) error {
			_, _ = c.Send(m.Event, m.Data) // unless it has left
			return nil
		},
	}
	for _, f := range change {
		f(&opts)
	}
	s, err := hearth.New(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	web = httptest.NewUnstartedServer(s)
	web.Config.ErrorLog = nil
	if encrypted {
		web.StartTLS()
	} else {
		web.Start()
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		web.Close()
	})
	return s, web
}

func trust(web *httptest.Server) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(web.Certificate())
	return &tls.Config{RootCAs: pool}
}

func TestTLS(t *testing.T) {
	s, web := real(t, true)
	c := start(t, client.Options{URL: "wss://" + web.Listener.Addr().String() + "/ws", TLS: trust(web)})
	conn := connect(t, c)
	echo := event(c, "big")
	send(t, c, "big", strings.Repeat("x", 100_000))
	if got := len(next(t, echo).Data); got != 100_002 {
		t.Errorf("%d bytes came back", got)
	}
	s.Client(conn.ID).Close(hearth.CloseGoingAway, "")
	eventually(t, "it comes back", func() bool { got, ok := c.Connection(); return ok && got.ID != conn.ID })
	c.Close()

	unsure := start(t, client.Options{URL: web.URL + "/ws"})
	changes := inbox(unsure.OnState)
	unsure.Start()
	ch := until(t, changes, func(ch client.Change) bool { return ch.Err != nil })
	var unknown x509.UnknownAuthorityError
	if !errors.Is(ch.Err, client.ErrNetwork) || !errors.As(ch.Err, &unknown) {
		t.Errorf("an unknown certificate: %v", ch.Err)
	}
}

// tunnel makes a proxy's connection one to web.
func tunnel(t *testing.T, w http.ResponseWriter, web *httptest.Server) {
	far, err := net.Dial("tcp", web.Listener.Addr().String())
	if err != nil {
		t.Error(err)
		return
	}
	defer far.Close()
	near, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	defer near.Close()
	_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(far, rw); far.Close() }()
	_, _ = io.Copy(near, far)
}

// The way through a proxy that has no time at first, and wants to know who it is
// that asks.
func TestProxy(t *testing.T) {
	_, web := real(t, true)
	var tunnels atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != "hearth.test:443" {
			http.Error(w, "only tunnels", http.StatusMethodNotAllowed)
			return
		}
		switch {
		case r.Header.Get("Proxy-Authorization") == "":
			http.Error(w, "who are you?", http.StatusProxyAuthRequired)
			return
		case tunnels.Add(1) == 1:
			http.Error(w, "later", http.StatusServiceUnavailable)
			return
		}
		tunnel(t, w, web)
	}))
	defer proxy.Close()
	unknown, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	way := *unknown
	way.User = url.UserPassword("ada", "s3cret")
	config := trust(web)
	config.ServerName = "example.com"
	c := start(t, client.Options{
		URL: "wss://hearth.test/ws", TLS: config, Proxy: http.ProxyURL(&way),
		Backoff: client.Backoff{Base: time.Millisecond, Cap: time.Millisecond},
	})
	changes := inbox(c.OnState)
	connect(t, c)
	ch := until(t, changes, func(ch client.Change) bool { return ch.Err != nil })
	if !errors.Is(ch.Err, client.ErrHTTP) || ch.Err.Status != http.StatusServiceUnavailable || ch.State != client.Connecting ||
		!strings.Contains(ch.Err.Error(), "the proxy "+way.Host+" answers 503") {
		t.Errorf("the proxy's refusal: %+v", ch.Err)
	}
	echo := event(c, "echo")
	send(t, c, "echo", 1)
	next(t, echo)
	c.Close()

	stranger := start(t, client.Options{URL: "wss://hearth.test/ws", TLS: config, Proxy: http.ProxyURL(unknown)})
	_, err = stranger.Connect(t.Context())
	var e *client.Error
	if !errors.As(err, &e) || e.Code != client.ErrRejected || e.Status != http.StatusProxyAuthRequired {
		t.Errorf("without credentials: %+v", err)
	}
}

// Compressed messages are taken where the server compresses.
func TestCompression(t *testing.T) {
	_, web := real(t, false, func(o *hearth.Options) { o.PerMessageDeflate = true })
	var received atomic.Int64
	c := start(t, client.Options{
		URL: web.URL + "/ws", MaxMessage: 50_000,
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			return &counting{conn, &received}, err
		},
	})
	changes := inbox(c.OnState)
	echo := event(c, "text")
	conn := connect(t, c)
	send(t, c, "text", strings.Repeat("x", 40_000))
	if got := len(next(t, echo).Data); got != 40_002 {
		t.Errorf("%d bytes came back", got)
	}
	if n := received.Load(); n > 20_000 {
		t.Errorf("the server has sent %d bytes: not compressed", n)
	}
	// What is too long when inflated is refused.
	send(t, c, "text", strings.Repeat("x", 60_000))
	ch := until(t, changes, func(ch client.Change) bool { return ch.Err != nil })
	if !errors.Is(ch.Err, client.ErrNetwork) || !strings.Contains(ch.Err.Error(), "too long") {
		t.Errorf("a bomb: %v", ch.Err)
	}
	eventually(t, "it comes back", func() bool { got, ok := c.Connection(); return ok && got.ID != conn.ID })
}

// counting counts what is read.
type counting struct {
	net.Conn
	n *atomic.Int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// Frames in pieces of any size are the same messages.
func TestPieces(t *testing.T) {
	s := memory(t)
	for _, size := range []int{1, 2, 3, 7, 100} {
		c := start(t, client.Options{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := s.DialContext(ctx, network, addr)
			return &slow{conn, size}, err
		}})
		echo := event(c, "echo")
		connect(t, c)
		for _, n := range []int{1, 125, 126, 5_000} {
			send(t, c, "echo", strings.Repeat("ä", n))
			if got := len(next(t, echo).Data); got != 2*n+2 {
				t.Errorf("%d bytes in pieces of %d: %d came back", n, size, got)
			}
		}
		c.Close()
	}
}

// slow reads little at once.
type slow struct {
	net.Conn
	size int
}

func (s *slow) Read(p []byte) (int, error) { return s.Conn.Read(p[:min(len(p), s.size)]) }

// A thousand clients cost a goroutine each, and leave nothing.
func TestManyClients(t *testing.T) {
	const n = 1000
	s, web := real(t, false)
	before := runtime.NumGoroutine()
	clients := make([]*client.Client, n)
	var wg sync.WaitGroup
	var failed atomic.Int32
	gate := make(chan struct{}, 64)
	for i := range clients {
		clients[i] = start(t, client.Options{URL: web.URL + "/ws"})
		wg.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			if _, err := clients[i].Connect(t.Context()); err != nil {
				failed.Add(1)
			}
		})
	}
	wg.Wait()
	if failed.Load() != 0 {
		t.Fatalf("%d did not connect", failed.Load())
	}
	eventually(t, "the handshakes' goroutines end", func() bool { return (runtime.NumGoroutine()-before)/n <= 1 })
	var got atomic.Int32
	for _, c := range clients {
		c.On("all", func(client.Message) { got.Add(1) })
	}
	if err := s.Broadcast(t.Context(), "all", 1); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all get it", func() bool { return got.Load() == n })
	for _, c := range clients {
		wg.Go(c.Close)
	}
	wg.Wait()
	eventually(t, "nothing is left", func() bool { return runtime.NumGoroutine() < before+20 })
}

// BenchmarkIdle measures what an idle client costs.
func BenchmarkIdle(b *testing.B) {
	_, web := real(b, false)
	var clients []*client.Client
	memory := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.StackInuse
	}
	before, goroutines := memory(), runtime.NumGoroutine()
	for b.Loop() {
		c, err := client.New(client.Options{URL: web.URL + "/ws"})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := c.Connect(b.Context()); err != nil {
			b.Fatal(err)
		}
		clients = append(clients, c)
	}
	time.Sleep(100 * time.Millisecond)
	b.ReportMetric(float64(memory()-before)/float64(len(clients)), "B/client")
	b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/float64(len(clients)), "goroutines/client")
	for _, c := range clients {
		c.Close()
	}
}

// BenchmarkEcho measures messages to a server on loopback and back, many on the
// way at once.
func BenchmarkEcho(b *testing.B) {
	_, web := real(b, false)
	c, err := client.New(client.Options{URL: web.URL + "/ws"})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	window := make(chan struct{}, 256)
	c.On("echo", func(client.Message) { <-window })
	if _, err := c.Connect(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		window <- struct{}{}
		if err := c.Send(b.Context(), "echo", "0123456789"); err != nil {
			b.Fatal(err)
		}
	}
}
