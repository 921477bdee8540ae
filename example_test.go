package hearth_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// A chat in which everybody hears everybody, and a client of another library.
// The other examples use package hearthtest instead of a port.
func Example() {
	ctx := context.Background()
	var server *hearth.Server
	server, err := hearth.New(ctx, hearth.Options{
		Authenticate: hearth.AuthenticateWith(func(_ context.Context, _ *hearth.Client, who struct{ Name string }) (hearth.Identity, error) {
			return hearth.Identity{UserID: who.Name}, nil
		}),
		OnMessage: func(ctx context.Context, c *hearth.Client, m hearth.Message) error {
			text, err := hearth.DataOf[string](m)
			if err != nil {
				return err
			}
			return server.Broadcast(ctx, "said", map[string]string{"by": c.UserID(), "text": text})
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(server.Path(), server)
	web := httptest.NewServer(mux)

	conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(web.URL, "http")+"/ws", nil)
	if err != nil {
		log.Fatal(err)
	}
	_ = wsjson.Write(ctx, conn, map[string]any{"event": "authenticate", "data": map[string]string{"name": "ada"}})
	_, _, _ = conn.Read(ctx) // connected
	_ = wsjson.Write(ctx, conn, map[string]any{"event": "say", "data": "hello"})
	_, said, _ := conn.Read(ctx)
	fmt.Println(string(said))

	closed := conn.CloseRead(ctx) // answers the close frame
	fmt.Println(server.Shutdown(ctx))
	<-closed.Done()
	web.Close()
	// Output:
	// {"event":"said","data":{"by":"ada","text":"hello"}}
	// <nil>
}

// New says which option cannot be used, and why.
func ExampleNew_invalid() {
	_, err := hearth.New(context.Background(), hearth.Options{
		Authenticate:     byName,
		HeartbeatTimeout: -1,
	})
	fmt.Println(err)
	var wrong *hearth.OptionError
	fmt.Println(errors.As(err, &wrong), wrong.Field)
	// Output:
	// hearth: option HeartbeatTimeout is -1ns: must be from 1ms to 8760h0m0s
	// true HeartbeatTimeout
}

// The hooks of one client, in the order in which they run.
func ExampleOptions_hooks() {
	t, end := exampleT()
	defer end()
	gone := make(chan struct{})
	server := hearthtest.New(t, hearth.Options{
		Authenticate: hearth.AuthenticateWith(func(_ context.Context, _ *hearth.Client, token string) (hearth.Identity, error) {
			if token != "s3cret" {
				return hearth.Identity{}, hearth.ErrRejected
			}
			return hearth.Identity{UserID: "ada"}, nil
		}),
		OnConnect: func(_ context.Context, c *hearth.Client) error {
			fmt.Println("connected:", c.UserID())
			return nil
		},
		ValidateRooms: func(_ context.Context, c *hearth.Client, rooms []string) ([]string, error) {
			fmt.Println("asks for:", rooms)
			return slices.DeleteFunc(rooms, func(r string) bool { return r == "board" }), nil
		},
		OnMessage: func(_ context.Context, c *hearth.Client, m hearth.Message) error {
			fmt.Println("message:", m.Event, string(m.Data), c.InRoom("lobby"), c.InRoom("board"))
			_, err := c.Send("heard", hearth.Absent)
			return err
		},
		OnDisconnect: func(_ context.Context, c *hearth.Client, cause hearth.Cause) error {
			fmt.Println("disconnected:", cause.Code, cause.Reason, c.Rooms())
			close(gone)
			return nil
		},
	})

	ada := server.Connect("s3cret")
	ada.Send("join", map[string][]string{"rooms": {"lobby", "board"}})
	ada.Send("say", "hello")
	ada.Expect("heard")
	ada.Close(1000, "bye")
	<-gone
	// Output:
	// connected: ada
	// asks for: [lobby board]
	// message: say "hello" true false
	// disconnected: 1000 bye []
}

// A client that is refused is told so, and the connection ends.
func ExampleAuthenticateWith() {
	t, end := exampleT()
	defer end()
	server := hearthtest.New(t, hearth.Options{
		Authenticate: hearth.AuthenticateWith(func(_ context.Context, _ *hearth.Client, in struct{ User, Password string }) (hearth.Identity, error) {
			if in.Password != "correct horse" {
				return hearth.Identity{}, fmt.Errorf("%w: wrong password of %s", hearth.ErrRejected, in.User)
			}
			return hearth.Identity{UserID: in.User}, nil
		}),
	})
	c := server.Dial()
	c.Send("authenticate", map[string]string{"user": "eve", "password": "guess"})
	fmt.Println(c.Expect("error"))
	fmt.Println(c.ExpectClose())
	// Output:
	// {"event":"error","data":{"message":"Authentication failed"}}
	// 4003 Authentication failed
}

// Metadata is of any type, and kept with the client.
func ExampleMetadataOf() {
	t, end := exampleT()
	defer end()
	type account struct{ Plan string }
	server := hearthtest.New(t, hearth.Options{
		Authenticate: hearth.AuthenticateWith(func(_ context.Context, _ *hearth.Client, user string) (hearth.Identity, error) {
			return hearth.Identity{UserID: user, Metadata: account{Plan: "free"}}, nil
		}),
		OnMessage: func(_ context.Context, c *hearth.Client, m hearth.Message) error {
			mine, _ := hearth.MetadataOf[account](c)
			order, err := hearth.DataOf[struct{ Pieces int }](m)
			if err != nil {
				return err // logged; the client is not told
			}
			_, err = c.Send("ordered", fmt.Sprintf("%d for %s, who is on plan %s", order.Pieces, c.UserID(), mine.Plan))
			return err
		},
	})
	ada := server.Connect("ada")
	ada.Send("order", map[string]int{"pieces": 3})
	fmt.Println(ada.Expect("ordered"))
	// Output: {"event":"ordered","data":"3 for ada, who is on plan free"}
}

// A handler that has authenticated the HTTP request passes on what it knows.
// Authenticate still decides.
func ExampleServer_Upgrade() {
	t, end := exampleT()
	defer end()
	server := hearthtest.New(t, hearth.Options{
		Authenticate: hearth.AuthenticateWith(func(_ context.Context, c *hearth.Client, _ struct{}) (hearth.Identity, error) {
			user := c.Data().UserID
			if user == "" {
				return hearth.Identity{}, hearth.ErrRejected
			}
			return hearth.Identity{UserID: user}, nil
		}),
	})
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _, ok := r.BasicAuth()
		if !ok {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		_, _ = server.Upgrade(w, r, hearth.UpgradeData{UserID: user}) // it has answered the request
	})

	request := hearthtest.NewRequest("/socket")
	request.SetBasicAuth("ada", "s3cret")
	c := server.DialHandler(handler, request)
	c.Authenticate(nil)
	fmt.Println(c.Conn().UserID())
	// Output: ada
}

// Shutdown tells all clients to come back, which they do at another server, and
// returns when the last hook has.
func ExampleServer_Shutdown() {
	t, end := exampleT()
	defer end()
	server := hearthtest.New(t, hearth.Options{
		Authenticate: byName,
		OnDisconnect: func(_ context.Context, c *hearth.Client, cause hearth.Cause) error {
			fmt.Println(c.UserID(), "is gone")
			return nil
		},
	})
	ada := server.Connect("ada")
	fmt.Println(server.Shutdown(context.Background()))
	fmt.Println(ada.ExpectClose())
	_, err := ada.Conn().Send("late", nil)
	fmt.Println(err)
	// Output:
	// ada is gone
	// <nil>
	// 1001 Server shutting down
	// hearth: closed
}
