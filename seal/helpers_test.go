package seal_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
	"github.com/hearthws/hearth/internal/frame"
	"github.com/hearthws/hearth/seal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newEncryption(t testing.TB, o seal.Options) *seal.Encryption {
	t.Helper()
	e, err := seal.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// sealing are options of a server that encrypts, and sends back what it is sent.
func sealing(e *seal.Encryption) hearth.Options {
	return hearth.Options{
		Encryption: e,
		Authenticate: func(context.Context, *hearth.Client, json.RawMessage) (hearth.Identity, error) {
			return hearth.Identity{}, nil
		},
		ValidateRooms: func(_ context.Context, _ *hearth.Client, rooms []string) ([]string, error) { return rooms, nil },
		OnMessage: func(_ context.Context, c *hearth.Client, m hearth.Message) error {
			_, err := c.Send(m.Event, m.Data)
			return err
		},
	}
}

// onBoth runs f with a server on each transport, over TCP.
func onBoth(t *testing.T, options func() hearth.Options, f func(t *testing.T, s *hearthtest.Server, dial func() *hearthtest.Client)) {
	t.Helper()
	transports := []hearth.Transport{hearth.TransportStream}
	if runtime.GOOS == "linux" {
		transports = append(transports, hearth.TransportLoop)
	}
	for _, transport := range transports {
		t.Run(string(transport), func(t *testing.T) {
			t.Helper()
			o := options()
			o.Transport = transport
			s := hearthtest.New(t, o)
			addr := listen(t, s)
			f(t, s, func() *hearthtest.Client {
				conn, err := net.Dial("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				return s.Over(conn)
			})
		})
	}
}

// listen serves over TCP, not Multipath TCP, and returns the address.
func listen(t testing.TB, s *hearthtest.Server) string {
	t.Helper()
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewUnstartedServer(s)
	web.Listener.Close()
	web.Listener = ln
	web.Start()
	t.Cleanup(web.Close)
	return ln.Addr().String()
}

// peer is a client with its half of the encryption.
type peer struct {
	t testing.TB
	*hearthtest.Client
	session   *seal.ClientSession
	connected hearthtest.Message
}

// connect authenticates and agrees on keys.
func connect(t testing.TB, c *hearthtest.Client, o seal.ClientOptions) *peer {
	t.Helper()
	offer, err := seal.NewOffer(o)
	if err != nil {
		t.Fatal(err)
	}
	connected := c.Authenticate(offer.Credentials())
	session, err := offer.Accept(connected.Data)
	if err != nil {
		t.Fatal(err)
	}
	return &peer{t, c, session, connected}
}

// say sends a message sealed.
func (p *peer) say(event string, data any) {
	p.t.Helper()
	p.SendText(string(p.session.Seal(message(p.t, event, data))))
}

func message(t testing.TB, event string, data any) []byte {
	t.Helper()
	m, err := json.Marshal(map[string]any{"event": event, "data": data})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// hear opens the next message, which must be sealed.
func (p *peer) hear() string {
	p.t.Helper()
	m := p.Next()
	plain, err := p.session.Open([]byte(m.String()))
	if err != nil {
		p.t.Fatalf("%s: %v", m, err)
	}
	return string(plain)
}

func (p *peer) expect(want string) {
	p.t.Helper()
	if got := p.hear(); got != want {
		p.t.Fatalf("received %s, want %s", got, want)
	}
}

// masked is a text frame of a client.
func masked(text []byte) []byte {
	return frame.AppendMasked(nil, frame.Text, true, false, text, [4]byte{1, 2, 3, 4})
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(hearthtest.Patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
