package client_test

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/client"
	"github.com/hearthws/hearth/hearthtest"
	"github.com/hearthws/hearth/seal"
)

// sealing starts a server in memory that encrypts.
func sealing(t *testing.T, change ...func(*hearth.Options)) (*hearthtest.Server, *seal.Encryption) {
	t.Helper()
	encryption, err := seal.New(seal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return memory(t, append(change, func(o *hearth.Options) { o.Encryption = encryption })...), encryption
}

// Both directions are sealed, across connections, rooms and queued messages.
func TestEncryption(t *testing.T) {
	s, encryption := sealing(t, func(o *hearth.Options) { o.RequireSealedInbound = true })
	for name, opts := range map[string]seal.ClientOptions{
		"any key":    {},
		"pinned key": {ServerKeys: encryption.PublicKeys()},
	} {
		t.Run(name, func(t *testing.T) {
			var tapped tap
			c := start(t, client.Options{
				Encryption: &opts, Dial: tapped.dial(s), Credentials: as("ada"),
				Backoff: client.Backoff{Base: time.Millisecond, Cap: time.Millisecond},
			})
			errs, echo, said := inbox(c.OnError), event(c, "echo"), event(c, "said")
			changes := inbox(c.OnState)
			if err := c.Join("lobby"); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				send(t, c, "echo", "open secret")
				conn := connect(t, c)
				if !conn.Encrypted || conn.UserID != "ada" || !s.Client(conn.ID).Encrypted() {
					t.Errorf("connected as %+v", conn)
				}
				if got := string(next(t, echo).Data); got != `"open secret"` {
					t.Error(got)
				}
				send(t, c, "say", map[string]string{"room": "lobby", "text": "open secret"})
				next(t, said)
				s.Client(conn.ID).Close(hearth.CloseGoingAway, "")
				until(t, changes, func(ch client.Change) bool { return ch.Err != nil })
			}
			c.Close()
			if len(errs) > 0 {
				t.Error(<-errs)
			}
			if tapped.has("open secret") || !tapped.has("encrypted") || !tapped.has("connected") {
				t.Error("something was not sealed, or nothing was heard")
			}
		})
	}
}

// Heartbeats and their answers are sealed, too.
func TestEncryptedHeartbeat(t *testing.T) {
	s, _ := sealing(t, func(o *hearth.Options) { o.RequireSealedInbound = true })
	c := start(t, client.Options{
		Encryption: &seal.ClientOptions{}, Dial: s.DialContext,
		Heartbeat: client.Heartbeat{Interval: time.Millisecond},
	})
	errs := inbox(c.OnError)
	conn := connect(t, c)
	from := s.Stats().MessagesIn
	eventually(t, "heartbeats", func() bool { return s.Stats().MessagesIn > from+50 })
	if got, ok := c.Connection(); !ok || got.ID != conn.ID || len(errs) > 0 {
		t.Errorf("the connection is %+v, %t, with %d errors", got, ok, len(errs))
	}
}

// tap keeps what goes over connections, in both directions, unmasked only in
// the server's.
type tap struct {
	mu  sync.Mutex
	out strings.Builder // of the server
}

func (tp *tap) has(text string) bool {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	return strings.Contains(tp.out.String(), text)
}

func (tp *tap) dial(s *hearthtest.Server) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := s.DialContext(ctx, network, addr)
		return &tapped{conn, tp}, err
	}
}

type tapped struct {
	net.Conn
	tap *tap
}

func (c *tapped) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.tap.mu.Lock()
	defer c.tap.mu.Unlock()
	c.tap.out.Write(p[:n])
	return n, err
}

// What a server, or somebody in the middle, may answer to an offer.
func TestEncryptionRefusals(t *testing.T) {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	own := seal.EncodePublicKey(key.PublicKey())
	other, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pin := func(keys ...string) seal.ClientOptions { return seal.ClientOptions{ServerKeys: keys} }
	salt := base64.StdEncoding.EncodeToString(make([]byte, 32))
	answer := func(members string) string { return `{"id":"c1","time":"2026-01-02T03:04:05.678Z"` + members + `}` }
	offer := `,"serverPublicKey":"` + own + `","salt":"` + salt + `"`
	for name, test := range map[string]struct {
		opts      seal.ClientOptions
		connected string
		next      string // a message after it
		want      client.ErrorCode
		final     bool
	}{
		"none":              {connected: answer(""), want: client.ErrEncryptionRefused, final: true},
		"no point":          {connected: answer(`,"serverPublicKey":"AAAA","salt":"` + salt + `"`), want: client.ErrEncryptionRefused, final: true},
		"no salt":           {connected: answer(`,"serverPublicKey":"` + own + `"`), want: client.ErrEncryptionRefused, final: true},
		"unknown version":   {connected: answer(offer + `,"seal":{"v":2}`), want: client.ErrEncryptionRefused, final: true},
		"another key":       {opts: pin(seal.EncodePublicKey(other.PublicKey())), connected: answer(offer + `,"seal":{"v":1,"inbound":true}`), want: client.ErrServerKey, final: true},
		"pinned, uncounted": {opts: pin(own), connected: answer(offer), want: client.ErrEncryptionRefused, final: true},
		"pinned, one way":   {opts: pin(own), connected: answer(offer + `,"seal":{"v":1}`), want: client.ErrEncryptionRefused, final: true},
		"plain message":     {connected: answer(offer), next: `{"event":"plain"}`, want: client.ErrSeal},
		"forged message":    {connected: answer(offer), next: `{"event":"encrypted","data":{"iv":"AAAAAAAAAAAAAAAA","ct":"AAAAAAAAAAAAAAAAAAAAAAAA"}}`, want: client.ErrSeal},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				s := upgrade(t, w, r)
				m, _ := s.read()
				var said seal.Credentials
				if err := json.Unmarshal(m.Data, &said); err != nil || said.Seal != 1 || said.PublicKey == "" {
					t.Errorf("the client offers %s", m.Data)
				}
				s.write(`{"event":"connected","data":` + test.connected + `}`)
				if test.next != "" {
					s.write(test.next)
				}
				s.drain()
			})
			c := start(t, client.Options{Dial: f.DialContext, Encryption: &test.opts})
			errs, changes, messages := inbox(c.OnError), inbox(c.OnState), inbox(c.OnMessage)
			c.Start()
			ch := until(t, changes, func(ch client.Change) bool { return ch.Err != nil })
			if !errors.Is(ch.Err, test.want) || ch.Err.Final() != test.final || (ch.State == client.Disconnected) != test.final {
				t.Errorf("%s: %v", ch.State, ch.Err)
			}
			if e := next(t, errs); e != ch.Err {
				t.Errorf("told is %v", e)
			}
			if len(messages) > 0 {
				t.Errorf("handed over: %s", (<-messages).Raw)
			}
		})
	}
}

// The original's server seals what it sends, uncounted, and opens nothing.
func TestEncryptionUncounted(t *testing.T) {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	salt := base64.StdEncoding.EncodeToString(make([]byte, 32))
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		s := upgrade(t, w, r)
		s.read()
		s.write(`{"event":"connected","data":{"id":"c1","time":"","serverPublicKey":"` +
			seal.EncodePublicKey(key.PublicKey()) + `","salt":"` + salt + `"}}`)
		m, _ := s.read()
		got <- m.Event
		s.drain()
	})
	lenient := seal.ClientOptions{ServerKeys: []string{seal.EncodePublicKey(key.PublicKey())}, Lenient: true}
	c := start(t, client.Options{Dial: f.DialContext, Encryption: &lenient})
	if conn := connect(t, c); !conn.Encrypted {
		t.Errorf("connected as %+v", conn)
	}
	send(t, c, "plain", 1)
	if got := next(t, got); got != "plain" {
		t.Errorf("the server received %s", got)
	}
}

func TestEncryptionUsage(t *testing.T) {
	for name, o := range map[string]seal.ClientOptions{
		"no key":         {ServerKeys: []string{"AAAA"}},
		"strict lenient": {Strict: true, Lenient: true},
	} {
		if _, err := client.New(client.Options{URL: "ws://x/ws", Encryption: &o}); !errors.Is(err, client.ErrUsage) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := start(t, client.Options{
		Encryption:  &seal.ClientOptions{},
		Credentials: func(context.Context) (any, error) { return json.RawMessage(`"ada"`), nil },
	})
	if _, err := c.Connect(t.Context()); !errors.Is(err, client.ErrUsage) {
		t.Errorf("credentials that are no object: %v", err)
	}
}
