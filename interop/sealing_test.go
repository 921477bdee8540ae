//go:build unix

package interop

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/internal/redistest"
	"github.com/hearthws/hearth/internal/transcript"
	"github.com/hearthws/hearth/internal/transcript/plays"
	"github.com/hearthws/hearth/internal/transcript/servers"
)

// startSealing starts a server of this process that demands encryption, with
// the hooks of the lab that matter here. It returns its address.
func startSealing(t *testing.T, transport hearth.Transport) string {
	t.Helper()
	s, err := newSessions()
	if err != nil {
		t.Fatal(err)
	}
	var server *hearth.Server
	server, err = hearth.New(t.Context(), hearth.Options{
		Transport:         transport,
		Logger:            slog.New(slog.NewTextHandler(t.Output(), nil)),
		RequireEncryption: true,
		Handshake:         s.handshake,
		Transform:         s.transform,
		OnDisconnect:      s.forget,
		Authenticate: hearth.AuthenticateWith(func(_ context.Context, _ *hearth.Client, d struct{ Token, UserID string }) (hearth.Identity, error) {
			if d.Token == "bad" {
				return hearth.Identity{}, hearth.ErrRejected
			}
			return hearth.Identity{UserID: "u"}, nil
		}),
		ValidateRooms: func(_ context.Context, _ *hearth.Client, rooms []string) ([]string, error) { return rooms, nil },
		OnMessage: func(ctx context.Context, c *hearth.Client, m hearth.Message) error {
			d, err := hearth.DataOf[struct {
				Room string
				Body json.RawMessage
			}](m)
			switch m.Event {
			case "echo":
				if m.Data == nil {
					return server.ToClient(ctx, c.ID(), "echo", hearth.Absent)
				}
				return server.ToClient(ctx, c.ID(), "echo", m.Data)
			case "local":
				return errors.Join(err, server.ToRoom(ctx, d.Room, "msg", d.Body, hearth.LocalOnly()))
			case "bcast":
				return errors.Join(err, server.Broadcast(ctx, "msg", d.Body))
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var lc net.ListenConfig
	lc.SetMultipathTCP(false) // which event loops do not take over
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web := &http.Server{Handler: server}
	served := make(chan error, 1)
	go func() { served <- web.Serve(ln) }()
	t.Cleanup(func() {
		err := errors.Join(web.Shutdown(context.Background()), server.Shutdown(context.Background()))
		if served := <-served; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		if err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

// secrets is what a client sends once it has a key, and what it then receives
// sealed. Errors may come before answers to earlier messages, and the original
// lets sealed messages overtake each other, so the order is open.
var secrets = struct {
	send     []string
	received []string
}{
	send: []string{
		`{"event":"echo","data":{"x":"é🦊\u0000","y":[1,null]}}`,
		`{"event":"echo"}`,
		`no JSON`,
		`{"event":"join","data":{"rooms":["r"]}}`,
		`{"event":"local","data":{"room":"r","body":[1,2]}}`,
		`{"event":"bcast","data":{"body":null}}`,
		`{"event":"echo","data":"` + strings.Repeat("long", 20_000) + `"}`,
	},
	received: []string{
		`{"event":"echo","data":"<long>"}`,
		`{"event":"echo","data":{"x":"é🦊\u0000","y":[1,null]}}`,
		`{"event":"echo"}`,
		`{"event":"error","data":{"message":"Invalid message format"}}`,
		`{"event":"msg","data":[1,2]}`,
		`{"event":"msg","data":null}`,
	},
}

// sealingClients are clients that send secrets and return what they receive.
var sealingClients = map[string]func(t *testing.T, addr string) []string{
	"the original's ECDH class": func(t *testing.T, addr string) []string {
		messages, err := json.Marshal(secrets.send)
		if err != nil {
			t.Fatal(err)
		}
		out, err := bun(t, "client.ts", "ws://"+addr+"/ws", string(messages), strconv.Itoa(len(secrets.received))).Output()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return strings.Split(strings.TrimSpace(string(out)), "\n")
	},
	"Go": func(t *testing.T, addr string) []string {
		key, err := ecdh.P256().GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		m, err := (&node{name: "sealing", addr: addr}).open("client", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer m.drop()
		m.do("authenticate", map[string]any{"publicKey": base64.StdEncoding.EncodeToString(key.PublicKey().Bytes())})
		var connected struct{ ServerPublicKey, Salt string }
		if err := m.waitConnected(&connected); err != nil {
			t.Fatal(err)
		}
		salt, err := base64.StdEncoding.DecodeString(connected.Salt)
		if err != nil {
			t.Fatal(err)
		}
		aead, err := newSession(key, connected.ServerPublicKey, salt)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range secrets.send {
			m.write(text)
		}
		if err := m.wait("sealed messages", func(got []message) bool { return len(got) == len(secrets.received) }); err != nil {
			t.Fatal(err)
		}
		var opened []string
		for _, data := range m.take("encrypted") {
			var sealed sealedData
			if err := json.Unmarshal([]byte(data), &sealed); err != nil {
				t.Fatal(err)
			}
			plain, err := open(aead, sealed)
			if err != nil {
				t.Fatal(err)
			}
			opened = append(opened, string(plain))
		}
		return opened
	},
}

// TestSealing has clients of both kinds talk to servers of both kinds.
func TestSealing(t *testing.T) {
	t.Parallel()
	addrs := map[string]string{
		"original":                   startOriginal(t, peer{Redis: redistest.Start(t).Addr(), Seal: true}).Addr(),
		"hooks, on loops":            startSealing(t, hearth.TransportLoop),
		"hooks, on streams":          startSealing(t, hearth.TransportStream),
		"package seal, on loops":     servers.Hearth(t, "-require-encryption", "-transport", "loop").Addr(),
		"package seal, on streams":   servers.Hearth(t, "-require-encryption", "-transport", "stream").Addr(),
		"package seal, if asked for": servers.Hearth(t, "-seal").Addr(),
	}
	for server, addr := range addrs {
		for client, run := range sealingClients {
			t.Run(client+" with "+server, func(t *testing.T) {
				got := run(t, addr)
				for i, text := range got {
					text = strings.ReplaceAll(text, strings.Repeat("long", 20_000), "<long>")
					canonical, err := transcript.Canonical([]byte(text))
					if err != nil {
						t.Fatalf("%q: %v", text, err)
					}
					got[i] = canonical
				}
				slices.Sort(got)
				if diff := cmp.Diff(secrets.received, got); diff != "" {
					t.Errorf("opened messages (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// TestPlaysSealing plays what goes wrong in a handshake, with the same hooks on
// both servers. (Package seal refuses what these fail at: 4004 instead of 4003.)
func TestPlaysSealing(t *testing.T) {
	t.Parallel()
	for _, transport := range []hearth.Transport{hearth.TransportLoop, hearth.TransportStream} {
		t.Run(string(transport), func(t *testing.T) {
			plays.Perform(t, plays.Hearth, map[string]string{plays.Sealed: startSealing(t, transport)})
		})
	}
}
