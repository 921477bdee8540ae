package conformance_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
	"github.com/hearthws/hearth/internal/frame"
	"github.com/hearthws/hearth/internal/handshake"
	"github.com/hearthws/hearth/internal/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// endpoint is something that echoes.
type endpoint struct {
	name  string
	addr  string
	path  string
	tls   *tls.Config   // nil: plain
	hello func(p *peer) // follows the handshake

	// wrap makes a message of text, and unwrap text of the echo; the path of
	// messages wants JSON.
	wrap, unwrap func(text string) string

	// text says that only text comes back as it was: a binary frame has to hold
	// a message, whose echo is text.
	text bool
}

const maxMessage = 32 << 20

// endpoints are all combinations of path, transport and encryption. Under the race
// detector, which makes a hundred times the work of unmasking 16 MiB, they are the
// path of messages on either transport.
func endpoints(t *testing.T) []*endpoint {
	secure := selfSigned(t)
	if underRace {
		return []*endpoint{messages(t, hearth.TransportAuto, nil), messages(t, hearth.TransportStream, secure)}
	}
	var all []*endpoint
	kinds := []hearth.Transport{hearth.TransportStream}
	if runtime.GOOS == "linux" {
		kinds = append(kinds, hearth.TransportLoop)
	}
	for _, kind := range kinds {
		all = append(all, rawEcho(t, kind, nil), messages(t, kind, nil))
	}
	return append(all, rawEcho(t, hearth.TransportStream, secure), messages(t, hearth.TransportStream, secure))
}

func title(path string, kind hearth.Transport, secure *tls.Config) string {
	if secure != nil {
		return path + ", TLS"
	}
	return path + ", " + string(kind)
}

func listen(t *testing.T, h http.Handler, secure *tls.Config) (addr string) {
	t.Helper()
	var lc net.ListenConfig
	lc.SetMultipathTCP(false) // loops serve plain TCP
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr = ln.Addr().String()
	if secure != nil {
		ln = tls.NewListener(ln, secure)
	}
	web := &http.Server{Handler: h, ReadHeaderTimeout: patience}
	served := make(chan struct{})
	go func() {
		_ = web.Serve(ln)
		close(served)
	}()
	t.Cleanup(func() {
		web.Close()
		<-served
	})
	return addr
}

// rawEcho sends every message back as it came.
func rawEcho(t *testing.T, kind hearth.Transport, secure *tls.Config) *endpoint {
	mode := map[hearth.Transport]transport.Mode{hearth.TransportLoop: transport.Epoll, hearth.TransportStream: transport.Stream}[kind]
	engine := transport.New(transport.Config{
		Frame: frame.Config{MaxMessage: maxMessage}, Mode: mode, Loops: 1,
		BackpressureLimit: 4 * maxMessage, MaxQueuedBytes: 16 * maxMessage,
		IdleTimeout: time.Minute, Pings: true, Logger: slog.New(slog.DiscardHandler),
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = engine.Shutdown(ctx) // says that it had to cut
	})
	opts := &handshake.Options{Deflate: true}
	addr := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		res, err := handshake.Upgrade(w, r, opts)
		if err != nil {
			return
		}
		c := &echoing{}
		c.Init(engine.Pick(), c)
		link := transport.Link{Conn: res.Conn, Buffered: res.Buffered}
		if res.Deflate {
			link.WindowBits = res.WindowBits
		}
		if engine.Serve(&c.Conn, link) != nil {
			res.Conn.Close()
		}
	}), secure)
	same := func(text string) string { return text }
	return &endpoint{name: title("echo", kind, secure), addr: addr, path: "/", tls: secure, wrap: same, unwrap: same}
}

type echoing struct{ transport.Conn }

func (c *echoing) Message(op frame.Opcode, payload []byte) (pause bool) {
	fr := transport.FrameOf(op, true, payload)
	if c.Admit(fr.Len()) != transport.Refused {
		c.Loop().Post(transport.Admitted(&c.Conn, fr))
	}
	return false
}

func (c *echoing) Control() (pause bool)           { return false }
func (c *echoing) Congested(bool)                  {}
func (c *echoing) Transform(*transport.Frame)      {}
func (c *echoing) Seal(dst, payload []byte) []byte { return append(dst, payload...) }
func (c *echoing) Dropped()                        {}
func (c *echoing) Closed(transport.Cause)          {}

// messages is a server whose clients get back what they send.
func messages(t *testing.T, kind hearth.Transport, secure *tls.Config) *endpoint {
	s := hearthtest.New(t, hearth.Options{
		Transport: kind, PerMessageDeflate: true, MaxPayload: maxMessage, MaxAuthPayload: maxMessage, BackpressureLimit: 4 * maxMessage, MaxQueuedBytes: 16 * maxMessage,
		MaxPendingBytes: 4 * maxMessage, MessageRate: 1_000_000, ByteRate: 1 << 40, Logger: slog.New(slog.DiscardHandler),
		Authenticate: func(context.Context, *hearth.Client, json.RawMessage) (hearth.Identity, error) {
			return hearth.Identity{}, nil
		},
		OnMessage: func(_ context.Context, c *hearth.Client, m hearth.Message) error {
			_, err := c.Send(m.Event, m.Data)
			return err
		},
	})
	before, after := `{"event":"e","data":"`, `"}`
	return &endpoint{
		name: title("messages", kind, secure), addr: listen(t, s, secure), path: s.Path(), tls: secure, text: true,
		hello: func(p *peer) {
			p.write(f(fin|opText, `{"event":"authenticate"}`))
			if m, ok := p.read(); !ok || !bytes.Contains(m.payload, []byte(`"connected"`)) && !m.compressed {
				p.t.Fatalf("not authenticated: %v", m)
			}
		},
		wrap: func(text string) string { return before + text + after },
		unwrap: func(text string) string {
			if len(text) < len(before)+len(after) {
				return "not an echo: " + text
			}
			return text[len(before) : len(text)-len(after)]
		},
	}
}

func selfSigned(t *testing.T) *tls.Config {
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
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, RootCAs: roots, ServerName: "127.0.0.1"}
}
