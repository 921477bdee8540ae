package client_test

import (
	"context"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/client"
	"github.com/hearthws/hearth/hearthtest"
	"github.com/hearthws/hearth/internal/transcript/servers"
)

func TestMain(m *testing.M) {
	code := servers.Main(m)
	if err := goleak.Find(); code == 0 && err != nil {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}

// patience is how long a test waits for anything.
const patience = 10 * time.Second

// memory starts a server in memory: users authenticate with {"user": …}, all
// rooms but those that start with "secret" may be joined, `echo` is echoed, and
// `say` {room, text} is published there.
func memory(t *testing.T, change ...func(*hearth.Options)) *hearthtest.Server {
	t.Helper()
	var s *hearthtest.Server
	opts := hearth.Options{
		Authenticate: func(_ context.Context, _ *hearth.Client, data json.RawMessage) (hearth.Identity, error) {
			var who struct{ User, Token string }
			if json.Unmarshal(data, &who) != nil || who.Token == "bad" {
				return hearth.Identity{}, hearth.ErrRejected
			}
			return hearth.Identity{UserID: who.User}, nil
		},
		ValidateRooms: func(_ context.Context, _ *hearth.Client, rooms []string) ([]string, error) {
			var allowed []string
			for _, room := range rooms {
				if len(room) < 6 || room[:6] != "secret" {
					allowed = append(allowed, room)
				}
			}
			return allowed, nil
		},
		OnMessage: func(ctx context.Context, c *hearth.Client, m hearth.Message) error {
			switch m.Event {
			case "echo":
				data := any(m.Data)
				if m.Data == nil {
					data = hearth.Absent
				}
				_, _ = c.Send("echo", data) // unless it has left
			case "end":
				_, _ = c.Send("end", hearth.Absent)
			case "say":
				said, err := hearth.DataOf[struct{ Room, Text string }](m)
				if err != nil {
					return err
				}
				return s.ToRoom(ctx, said.Room, "said", said.Text)
			}
			return nil
		},
	}
	for _, f := range change {
		f(&opts)
	}
	s = hearthtest.New(t, opts)
	return s
}

// as are credentials for memory.
func as(user string) func(context.Context) (any, error) {
	return func(context.Context) (any, error) { return map[string]string{"user": user}, nil }
}

// start makes a client that is closed at the end of the test.
func start(t *testing.T, opts client.Options) *client.Client {
	t.Helper()
	if opts.URL == "" {
		opts.URL = "ws://hearth.test/ws"
	}
	c, err := client.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func connect(t *testing.T, c *client.Client) client.Connection {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := c.Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func send(t *testing.T, c *client.Client, event string, data any, opts ...client.SendOption) {
	t.Helper()
	if err := c.Send(t.Context(), event, data, opts...); err != nil {
		t.Fatal(err)
	}
}

// inbox makes a channel of what a handler is told.
func inbox[T any](on func(func(T)) func()) <-chan T {
	c := make(chan T, 4096)
	on(func(v T) { c <- v })
	return c
}

// event makes a channel of the messages of an event.
func event(c *client.Client, name string) <-chan client.Message {
	return inbox(func(f func(client.Message)) func() { return c.On(name, f) })
}

func next[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("nothing came for %s", patience)
		panic("unreachable")
	}
}

// until takes what comes until it fits.
func until[T any](t *testing.T, c <-chan T, fits func(T) bool) T {
	t.Helper()
	for {
		if v := next(t, c); fits(v) {
			return v
		}
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

func TestConnect(t *testing.T) {
	s := memory(t)
	c := start(t, client.Options{Dial: s.DialContext, Credentials: as("ada")})
	states := inbox(c.OnState)
	if got := c.State(); got != client.Disconnected {
		t.Errorf("a new client is %s", got)
	}
	conn := connect(t, c)
	if conn.UserID != "ada" || s.Client(conn.ID) == nil || conn.Encrypted {
		t.Errorf("connected as %+v", conn)
	}
	if age := time.Since(conn.Time); age < -time.Minute || age > time.Minute {
		t.Errorf("the server's time is %s", conn.Time)
	}
	if got, ok := c.Connection(); !ok || got.ID != conn.ID {
		t.Errorf("Connection is %+v, %t", got, ok)
	}
	if got := connect(t, c); got.ID != conn.ID {
		t.Errorf("the second Connect made %+v", got)
	}

	echo := event(c, "echo")
	for _, test := range []struct {
		data any
		want string
	}{
		{nil, ""},
		{json.RawMessage("null"), "null"},
		{"<b>", `"<b>"`},
		{7, "7"},
		{map[string]any{"a": []int{1}}, `{"a":[1]}`},
		{json.RawMessage("1e400"), "1e400"},
	} {
		send(t, c, "echo", test.data)
		if got := next(t, echo); string(got.Data) != test.want || got.Event != "echo" {
			t.Errorf("%v is echoed as %s", test.data, got.Raw)
		}
	}

	c.Close()
	if _, ok := c.Connection(); ok || c.State() != client.Disconnected {
		t.Error("still connected")
	}
	var got []client.State
	for len(states) > 0 {
		change := <-states
		if change.Err != nil {
			t.Errorf("%s with %v", change.State, change.Err)
		}
		got = append(got, change.State)
	}
	if diff := cmp.Diff([]client.State{client.Connecting, client.Connected, client.Disconnected}, got); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	eventually(t, "the server knows", func() bool { return s.Client(conn.ID) == nil })
}
