//go:build unix

package interop

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/hearthws/hearth/client"
	"github.com/hearthws/hearth/internal/redistest"
	hseal "github.com/hearthws/hearth/seal"
)

// The Go client at the original's server, plain and sealed: messages, rooms,
// heartbeats with their questions, a lost connection, refused credentials.
func TestGoClient(t *testing.T) {
	redis := redistest.Start(t)
	original := startOriginal(t, peer{Redis: redis.Addr()}, peer{Redis: redis.Addr(), Seal: true})
	for i, test := range []struct {
		name       string
		encryption *hseal.ClientOptions
	}{
		{"plain", nil},
		{"sealed", &hseal.ClientOptions{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			opts := client.Options{
				URL: "ws://" + original.Addrs[i] + "/ws", Encryption: test.encryption,
				Heartbeat:   client.Heartbeat{Interval: 20 * time.Millisecond},
				Backoff:     client.Backoff{Base: 10 * time.Millisecond, Cap: 10 * time.Millisecond},
				Credentials: func(context.Context) (any, error) { return map[string]string{"userId": "ada"}, nil },
			}
			c := goClient(t, opts)
			errs := make(chan error, 100)
			c.OnError(func(e *client.Error) { errs <- e })
			if err := c.Join("lobby", "secret"); err != nil {
				t.Fatal(err)
			}
			conn := goConnect(t, c)
			if conn.UserID != "ada" || conn.ID == "" || conn.Time.IsZero() || conn.Encrypted != (test.encryption != nil) {
				t.Errorf("connected as %+v", conn)
			}
			if got := goAsk(t, c, "echo", json.RawMessage(`{"ä":[1,null]}`)); string(got) != `{"ä":[1,null]}` {
				t.Errorf("the echo is %s", got)
			}
			inLobby := func() {
				t.Helper()
				var who struct{ Rooms []string }
				for end := time.Now().Add(waitLimit); !slices.Contains(who.Rooms, "lobby"); {
					if err := json.Unmarshal(goAsk(t, c, "whoami", nil), &who); err != nil || time.Now().After(end) {
						t.Fatalf("in %v, %v", who.Rooms, err)
					}
				}
				if slices.Contains(who.Rooms, "secret") {
					t.Errorf("in %v", who.Rooms)
				}
			}
			inLobby()
			time.Sleep(200 * time.Millisecond) // ten heartbeats, some of which ask
			if got, _ := c.Connection(); got.ID != conn.ID {
				t.Errorf("connected as %+v", got)
			}

			back := make(chan client.Connection, 1)
			c.OnState(func(ch client.Change) {
				if ch.State == client.Connected {
					back <- ch.Connection
				}
			})
			if err := c.Send(t.Context(), "kick", map[string]any{"id": conn.ID, "code": 1001}); err != nil {
				t.Fatal(err)
			}
			select {
			case again := <-back:
				if again.ID == conn.ID {
					t.Error("the same connection is back")
				}
			case <-time.After(waitLimit):
				t.Fatal("it does not come back")
			}
			inLobby()
			if len(errs) > 0 {
				t.Error(<-errs)
			}

			opts.Credentials, opts.Token = nil, "bad"
			if _, err := goClient(t, opts).Connect(t.Context()); !errors.Is(err, client.ErrRejected) {
				t.Errorf("refused credentials: %v", err)
			}
		})
	}
	// Who demands encryption is not served without, and a pinned key demands a
	// server that counts.
	plain := client.Options{URL: "ws://" + original.Addrs[1] + "/ws"}
	if _, err := goClient(t, plain).Connect(t.Context()); !errors.Is(err, client.ErrEncryptionRequired) {
		t.Errorf("a plain client: %v", err)
	}
	plain.Encryption = &hseal.ClientOptions{Strict: true}
	if _, err := goClient(t, plain).Connect(t.Context()); !errors.Is(err, client.ErrEncryptionRefused) {
		t.Errorf("a strict client: %v", err)
	}
}

func goClient(t *testing.T, opts client.Options) *client.Client {
	t.Helper()
	c, err := client.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func goConnect(t *testing.T, c *client.Client) client.Connection {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	conn, err := c.Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// goAsk sends an event, and returns the data of the next one of that name.
func goAsk(t *testing.T, c *client.Client, event string, data any) json.RawMessage {
	t.Helper()
	answer := make(chan json.RawMessage, 1)
	defer c.Once(event, func(m client.Message) { answer <- m.Data })()
	if err := c.Send(t.Context(), event, data); err != nil {
		t.Fatal(err)
	}
	select {
	case data := <-answer:
		return data
	case <-time.After(waitLimit):
		t.Fatalf("no answer to %s", event)
		return nil
	}
}
