package serve

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// newNode makes a node with a server in memory, for what its hooks do, or what
// change makes of them.
func newNode(t *testing.T, who access, change ...func(n *node, o *hearth.Options)) (*node, *hearthtest.Server) {
	t.Helper()
	n := &node{access: who, log: slog.New(slog.DiscardHandler)}
	var opts hearth.Options
	n.hooks(&opts)
	for _, f := range change {
		f(n, &opts)
	}
	server := hearthtest.New(t, opts)
	n.server = server.Server
	return n, server
}

func tokensFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tokens")
	writeFile(t, file, text)
	return file
}

func writeFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDemoNames(t *testing.T) {
	_, server := newNode(t, demo{})
	longest := strings.Repeat("ä", maxName)
	for credentials, want := range map[string]string{
		`{"name":"ada"}`:                         "ada",
		`{"name":" Ada Lovelace "}`:              "Ada Lovelace",
		`{"name":"` + longest + `"}`:             longest,
		`{"token":"tom"}`:                        "tom",
		`{"name":"ada","token":"tom"}`:           "ada",
		`{"name":"","token":"tom"}`:              "tom",
		`{}`:                                     "guest-",
		`null`:                                   "guest-",
		`{"name":"   "}`:                         "guest-",
		`{"token":"` + longest + `x"}`:           "guest-", // a token of another kind
		`{"publicKey":"x"}`:                      "guest-",
		`{"name":"` + longest + `x"}`:            "",
		`{"name":"a\u0000b"}`:                    "",
		`{"name":"a\u202eb"}`:                    "",
		`{"name":7}`:                             "",
		`"ada"`:                                  "",
		`[]`:                                     "",
		`{"name":{"$ne":""},"token":"anything"}`: "",
	} {
		c := server.Dial()
		c.SendText(`{"event":"authenticate","data":` + credentials + `}`)
		if want == "" {
			c.Expect(hearth.EventError)
			if code, _ := c.ExpectClose(); code != hearth.CloseAuthenticationFailed {
				t.Errorf("%s: closed by %d", credentials, code)
			}
			continue
		}
		c.Expect(hearth.EventConnected)
		if got := c.Conn().UserID(); got != want && (want != "guest-" || !strings.HasPrefix(got, want)) {
			t.Errorf("%s: user %q, want %q", credentials, got, want)
		}
	}
}

// A client that was let in by the old file while the new one was read does not
// stay.
func TestReloadWhileConnecting(t *testing.T) {
	file := tokensFile(t, "one ada *\ntwo bob *\n")
	who, err := newMembers(file, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	_, server := newNode(t, who, func(n *node, o *hearth.Options) {
		authenticate := o.Authenticate
		o.Authenticate = func(ctx context.Context, c *hearth.Client, data json.RawMessage) (hearth.Identity, error) {
			id, err := authenticate(ctx, c, data)
			writeFile(t, file, "two bob *\n")
			n.reload(t.Context()) // finds nobody to send away
			return id, err
		}
	})
	c := server.Dial()
	c.Send(hearth.EventAuthenticate, map[string]string{"token": "one"})
	c.Expect(hearth.EventConnected)
	if code, reason := c.ExpectClose(); code != hearth.CloseAuthenticationFailed {
		t.Errorf("closed by %d %s", code, reason)
	}
	server.Connect(map[string]string{"token": "two"}).Close(hearth.CloseNormal, "")
}

// A client that was allowed a room by the old file, and was not in it yet when the
// new one was read, does not stay there.
func TestReloadWhileJoining(t *testing.T) {
	file := tokensFile(t, "one ada team\n")
	who, err := newMembers(file, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	n, server := newNode(t, who, func(n *node, o *hearth.Options) {
		validate := o.ValidateRooms
		o.ValidateRooms = func(ctx context.Context, c *hearth.Client, rooms []string) ([]string, error) {
			allowed, err := validate(ctx, c, rooms)
			writeFile(t, file, "one ada other\n")
			n.reload(t.Context()) // finds nobody in the room
			return allowed, err
		}
	})
	c := server.Connect(map[string]string{"token": "one"})
	c.Send(hearth.EventJoin, map[string][]string{"rooms": {"team"}})
	joined := false
	for end := time.Now().Add(10 * time.Second); !joined || c.Conn().InRoom("team"); time.Sleep(time.Millisecond) {
		joined = joined || c.Conn().InRoom("team")
		if time.Now().After(end) {
			t.Fatalf("the client was in the room: %t; is in it: %t", joined, c.Conn().InRoom("team"))
		}
	}
	n.workers.Wait()
}
