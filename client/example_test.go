package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/client"
)

// chat is a server of a chat: who has the token may join all rooms and talk
// there.
func chat() (url string, stop func()) {
	var server *hearth.Server
	server, err := hearth.New(context.Background(), hearth.Options{
		Authenticate: hearth.AuthenticateWith(func(_ context.Context, _ *hearth.Client, who struct{ Token string }) (hearth.Identity, error) {
			if who.Token != "s3cret" {
				return hearth.Identity{}, hearth.ErrRejected
			}
			return hearth.Identity{UserID: "ada"}, nil
		}),
		ValidateRooms: func(_ context.Context, _ *hearth.Client, rooms []string) ([]string, error) { return rooms, nil },
		OnMessage: func(ctx context.Context, c *hearth.Client, m hearth.Message) error {
			said, err := hearth.DataOf[struct{ Room, Text string }](m)
			if err != nil {
				return err
			}
			return server.ToRoom(ctx, said.Room, "chat", c.UserID()+": "+said.Text)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	web := &http.Server{Handler: server}
	go func() { _ = web.Serve(listener) }()
	return "ws://" + listener.Addr().String() + server.Path(), func() {
		_ = server.Shutdown(context.Background())
		web.Close()
	}
}

func Example() {
	url, stop := chat()
	defer stop()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := client.New(client.Options{URL: url, Token: "s3cret"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	heard := make(chan string)
	c.On("chat", func(m client.Message) {
		text, _ := client.DataOf[string](m)
		heard <- text
	})
	if err := c.Join("lobby"); err != nil {
		fmt.Println(err)
		return
	}
	// Waits for the connection, and so do rooms.
	if err := c.Send(ctx, "say", map[string]string{"room": "lobby", "text": "hello"}); err != nil {
		fmt.Println(err)
		return
	}
	conn, err := c.Connect(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("connected as", conn.UserID)
	fmt.Println(<-heard)
	// Output:
	// connected as ada
	// ada: hello
}

func ExampleClient_OnState() {
	url, stop := chat()

	c, err := client.New(client.Options{URL: url, Token: "s3cret"})
	if err != nil {
		fmt.Println(err)
		return
	}
	changes := make(chan client.Change, 10)
	c.OnState(func(ch client.Change) { changes <- ch })
	c.Start()
	show := func() {
		switch ch := <-changes; {
		case ch.State == client.Connecting && ch.Err != nil:
			fmt.Printf("lost, attempt %d soon: %v\n", ch.Attempt, ch.Err)
		default:
			fmt.Println(ch.State)
		}
	}
	show()
	show()
	stop()
	show()
	c.Close()
	for len(changes) > 1 { // attempts that may have been made meanwhile
		<-changes
	}
	show()
	// Output:
	// connecting
	// connected
	// lost, attempt 1 soon: hearth: closed by the server: 1001 Server shutting down
	// disconnected
}

func ExampleError() {
	url, stop := chat()
	defer stop()

	c, err := client.New(client.Options{URL: url, Token: "of last year"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	_, err = c.Connect(context.Background())
	var e *client.Error
	if errors.As(err, &e) && e.Final() {
		fmt.Println("gave up:", e)
	}
	fmt.Println(errors.Is(err, client.ErrRejected))
	// Output:
	// gave up: hearth: the server refused the credentials (Authentication failed): get new ones, then connect again
	// true
}

func ExampleClient_Send() {
	c, err := client.New(client.Options{
		URL:   "ws://localhost:8080/ws",
		Queue: client.Queue{Messages: 2, Overflow: client.DropOldest},
	})
	if err != nil {
		log.Fatal(err)
	}
	dropped := make(chan string, 1)
	c.OnError(func(e *client.Error) {
		if e.Code == client.ErrDropped {
			dropped <- string(e.Message.Raw)
		}
	})
	for n := range 3 {
		if err := c.Send(context.Background(), "reading", n); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println("dropped", <-dropped)
	fmt.Println(c.Queued(), "wait")
	// What is only of interest now is not kept.
	err = c.Send(context.Background(), "cursor", 7, client.NoQueue())
	fmt.Println(err)
	// Output:
	// dropped {"event":"reading","data":0}
	// 2 wait
	// hearth: the message "cursor" was dropped: there was no connection in time, see Options.Queue
}
