package hearth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// echoing are options whose clients get back what they send.
func echoing() hearth.Options {
	opts := accepting()
	opts.OnMessage = func(_ context.Context, c *hearth.Client, m hearth.Message) error {
		_, err := c.Send(m.Event, m.Data)
		return err
	}
	return opts
}

// wrapped is a listener whose connections are not bare sockets.
type wrapped struct{ net.Listener }

type wrappedConn struct{ net.Conn }

func (l wrapped) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return wrappedConn{conn}, err
}

// Which transport serves what, so that nothing falls back in silence.
func TestTransports(t *testing.T) {
	loop := transports()[0]
	config := selfSigned(t)
	for _, test := range []struct {
		name   string
		listen func(net.Listener) net.Listener
		dial   func(addr string) (net.Conn, error)
		want   hearth.Transport
	}{
		{name: "plain TCP", want: loop},
		{
			name:   "TLS",
			listen: func(ln net.Listener) net.Listener { return tls.NewListener(ln, config) },
			dial:   func(addr string) (net.Conn, error) { return tls.Dial("tcp", addr, config) },
			want:   hearth.TransportStream,
		},
		{name: "wrapped", listen: func(ln net.Listener) net.Listener { return wrapped{ln} }, want: hearth.TransportStream},
	} {
		t.Run(test.name, func(t *testing.T) {
			opts := echoing()
			opts.Transport = hearth.TransportAuto
			s := hearthtest.New(t, opts)
			var lc net.ListenConfig
			lc.SetMultipathTCP(false)
			ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			addr := ln.Addr().String()
			if test.listen != nil {
				ln = test.listen(ln)
			}
			serve(t, ln, s)
			dial := test.dial
			if dial == nil {
				dial = func(addr string) (net.Conn, error) { return net.Dial("tcp", addr) }
			}
			conn, err := dial(addr)
			if err != nil {
				t.Fatal(err)
			}
			c := s.Over(conn)
			c.Authenticate(nil)
			if got := c.Conn().Transport(); got != test.want {
				t.Errorf("it is served by %s, want %s", got, test.want)
			}
			onLoops := map[bool]int64{true: 1, false: 0}[test.want == hearth.TransportLoop]
			if st := s.Stats(); st.OnLoops != onLoops || st.OnStreams != 1-onLoops {
				t.Errorf("stats count %d on loops, %d on streams", st.OnLoops, st.OnStreams)
			}
			if host, _, err := net.SplitHostPort(c.Conn().RemoteAddr()); err != nil || host != "127.0.0.1" {
				t.Errorf("the address is %s", c.Conn().RemoteAddr())
			}
			long := strings.Repeat("x", 100_000)
			for range 20 { // one at a time: together they may pass BackpressureLimit
				c.Send("echo", long)
				if m := c.Expect("echo"); len(m.Data) != len(long)+2 {
					t.Errorf("an echo has %d bytes", len(m.Data))
				}
			}
			c.Conn().Close(4000, "out")
			expectClose(t, c, 4000, "out")
			eventually(t, "it is gone", func() bool { return s.Stats().Connections == 0 })
		})
	}
}

// A server that insists on loops takes nothing else.
func TestTransportLoopInsists(t *testing.T) {
	if transports()[0] != hearth.TransportLoop {
		_, err := hearth.New(t.Context(), hearth.Options{Authenticate: accepting().Authenticate, Transport: hearth.TransportLoop})
		var option *hearth.OptionError
		if !errors.As(err, &option) || option.Field != "Transport" {
			t.Errorf("New returns %v on a system without loops", err)
		}
		return
	}
	opts := accepting()
	opts.Transport = hearth.TransportLoop
	causes := make(chan hearth.Cause, 1)
	opts.OnDisconnect = func(_ context.Context, _ *hearth.Client, cause hearth.Cause) error {
		causes <- cause
		return nil
	}
	s := hearthtest.New(t, opts)
	near, far := net.Pipe()
	failed := make(chan error, 1)
	go func() {
		_, err := s.Upgrade(pipeWriter{httptest.NewRecorder(), far}, hearthtest.NewRequest("/ws"), hearth.UpgradeData{})
		failed <- err
	}()
	answer, _ := io.ReadAll(near) // until it is cut
	if !strings.HasPrefix(string(answer), "HTTP/1.1 101 ") {
		t.Errorf("the answer is %q", answer)
	}
	if err := <-failed; err == nil {
		t.Error("Upgrade accepts a pipe")
	}
	if cause := <-causes; cause.Code != hearth.CloseAbnormal || cause.Err == nil {
		t.Errorf("OnDisconnect gets %+v", cause)
	}
}

// An independent client, unmodified, with and without compression.
func TestForeignClient(t *testing.T) {
	onBoth(t, func(t *testing.T, n *network) {
		for name, mode := range map[string]websocket.CompressionMode{
			"plain":      websocket.CompressionDisabled,
			"compressed": websocket.CompressionNoContextTakeover,
			"context":    websocket.CompressionContextTakeover,
		} {
			t.Run(name, func(t *testing.T) {
				opts := echoing()
				opts.PerMessageDeflate = true
				s := n.serve(t, opts)
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				conn, res, err := websocket.Dial(ctx, "ws://"+n.addrs[s]+"/ws", &websocket.DialOptions{
					CompressionMode: mode, CompressionThreshold: 1, Subprotocols: []string{"a", "b"},
				})
				if err != nil {
					t.Fatal(err)
				}
				defer conn.CloseNow()
				conn.SetReadLimit(1 << 20)
				if conn.Subprotocol() != "a" || (res.Header.Get("Sec-WebSocket-Extensions") != "") != (mode != websocket.CompressionDisabled) {
					t.Errorf("the answer is %v", res.Header)
				}
				type message struct {
					Event string `json:"event"`
					Data  any    `json:"data"`
				}
				roundTrip := func(event string, data any, want string) {
					t.Helper()
					if err := wsjson.Write(ctx, conn, message{event, data}); err != nil {
						t.Fatal(err)
					}
					var m message
					if err := wsjson.Read(ctx, conn, &m); err != nil || m.Event != want {
						t.Fatalf("received %+v, %v, want %s", m, err, want)
					}
					if event == want && m.Data != data {
						t.Errorf("the echo is %.50v", m.Data)
					}
				}
				roundTrip("hello", nil, "error")
				roundTrip("authenticate", nil, "connected")
				for _, size := range []int{0, 1, 125, 126, 5000, 65535, 65536, 100_000} {
					roundTrip("echo", strings.Repeat("é", size/2), "echo")
				}
				conn.CloseRead(ctx) // reads for Ping
				if err := conn.Ping(ctx); err != nil {
					t.Errorf("ping: %v", err)
				}
				if err := conn.Close(4321, "bye"); err != nil {
					t.Errorf("the closing handshake: %v", err)
				}
				eventually(t, "it is gone", func() bool { return s.Stats().Connections == 0 })
			})
		}
	})
}

// Closes and refusals as an independent client sees them.
func TestForeignClientIsClosed(t *testing.T) {
	onBoth(t, func(t *testing.T, n *network) {
		s := n.serve(t, echoing())
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		url := "ws://" + n.addrs[s] + "/ws"
		_, res, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {"https://evil.example"}}})
		if err == nil || res.StatusCode != http.StatusForbidden {
			t.Errorf("a foreign page: %v, %v", res, err)
		}
		conn, _, err := websocket.Dial(ctx, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.CloseNow()
		down := make(chan error, 1)
		go func() { down <- s.Shutdown(ctx) }()
		if _, _, err := conn.Read(ctx); websocket.CloseStatus(err) != hearth.CloseGoingAway {
			t.Errorf("Read returns %v", err)
		}
		if err := <-down; err != nil {
			t.Error(err)
		}
		if _, res, err = websocket.Dial(ctx, url, nil); err == nil || res.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("after Shutdown: %v, %v", res, err)
		}
	})
}

// selfSigned is a TLS configuration for both sides.
func selfSigned(t testing.TB) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, RootCAs: roots}
}
