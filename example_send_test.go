package hearth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// The four verbs of a server reach clients wherever they are connected.
func ExampleServer_ToRoom() {
	t, end := exampleT()
	defer end()
	server := hearthtest.New(t, hearth.Options{Authenticate: byName})
	ada, bob := server.Connect("ada"), server.Connect("bob")
	_ = ada.Conn().Join("kitchen")

	ctx := context.Background()
	_ = server.ToRoom(ctx, "kitchen", "smoke", map[string]int{"level": 3})
	_ = server.ToUser(ctx, "bob", "mail", hearth.Absent)
	_ = server.ToClient(ctx, bob.ID(), "note", nil)
	_ = server.Broadcast(ctx, "bell", "all but ada", hearth.Exclude(ada.ID()))
	_ = server.Broadcast(ctx, "end", nil)

	for m := ada.Next(); m.Event != "end"; m = ada.Next() {
		fmt.Println("ada:", m)
	}
	for m := bob.Next(); m.Event != "end"; m = bob.Next() {
		fmt.Println("bob:", m)
	}
	// Output:
	// ada: {"event":"smoke","data":{"level":3}}
	// bob: {"event":"mail"}
	// bob: {"event":"note","data":null}
	// bob: {"event":"bell","data":"all but ada"}
}

// Send finds out by itself what a destination is, as the original's send does.
func ExampleServer_Send() {
	t, end := exampleT()
	defer end()
	server := hearthtest.New(t, hearth.Options{Authenticate: byName})
	ada := server.Connect("ada")
	_ = ada.Conn().Join("kitchen")

	ctx := context.Background()
	_ = server.Send(ctx, "kitchen", "to", "a room")
	_ = server.Send(ctx, ada.ID(), "to", "a client")
	_ = server.Send(ctx, "", "to", "everybody")
	_ = server.Send(ctx, "kitchen", "to", hearth.Absent) // sends nothing
	_ = server.Send(ctx, "", "end", nil)
	for m := ada.Next(); m.Event != "end"; m = ada.Next() {
		fmt.Println(m)
	}
	// Output:
	// {"event":"to","data":"a room"}
	// {"event":"to","data":"a client"}
	// {"event":"to","data":"everybody"}
}

// What was dropped is told at once. Whatever was sent or queued arrives in
// order, if the connection lives.
func ExampleClient_Send() {
	t, end := exampleT()
	defer end()
	server := hearthtest.New(t, hearth.Options{Authenticate: byName, BackpressureLimit: 10_000})
	ada := server.Connect("ada")
	ada.Stall() // reads nothing from here on
	for i := range 3 {
		result, err := ada.Conn().Send("page", strings.Repeat(".", 6_000))
		fmt.Println(i, result == hearth.Dropped, err)
	}
	ada.Unstall()
	ada.Expect("page")
	ada.Expect("page")
	// Output:
	// 0 false <nil>
	// 1 false <nil>
	// 2 true hearth: message dropped, the client reads too slowly
}

// A batch is taken as a whole, or not at all, and nothing gets between.
func ExampleClient_Batch() {
	t, end := exampleT()
	defer end()
	server := hearthtest.New(t, hearth.Options{Authenticate: byName})
	ada := server.Connect("ada")
	_, err := ada.Conn().Batch(func(b *hearth.Batch) {
		b.Send("begin", hearth.Absent)
		b.Send("row", []int{1, 2})
		b.Send("end", hearth.Absent)
	})
	fmt.Println(err)
	fmt.Println(ada.Next(), ada.Next(), ada.Next())
	// Output:
	// <nil>
	// {"event":"begin"} {"event":"row","data":[1,2]} {"event":"end"}
}

// A frame of any content, to one client or to the members of a room here.
func ExampleClient_SendRaw() {
	t, end := exampleT()
	defer end()
	server := hearthtest.New(t, hearth.Options{Authenticate: byName})
	ada := server.Connect("ada")
	_, _ = ada.Conn().SendRaw(hearth.Raw{Payload: []byte{1, 2, 3}, Binary: true})
	_ = server.Publish(hearth.DefaultRoom, hearth.Raw{Payload: []byte("tick")})
	fmt.Println(ada.Next(), ada.Next())
	// Output: binary "\x01\x02\x03" tick
}

// The server joins a trusted client to any room, and takes it out again.
func ExampleClient_Join() {
	t, end := exampleT()
	defer end()
	joined := make(chan error, 1)
	server := hearthtest.New(t, hearth.Options{
		Authenticate: byName,
		DefaultRooms: []string{}, // none
		OnConnect: func(_ context.Context, c *hearth.Client) error {
			joined <- c.Join("team-7", "lobby")
			return nil
		},
	})
	ada := server.Connect("ada")
	if err := <-joined; err != nil { // the hook runs after `connected` is on its way
		fmt.Println(err)
	}
	ada.Conn().Leave("lobby")
	for _, room := range ada.Conn().Rooms() {
		fmt.Println(room == ada.ID(), strings.HasPrefix(room, "team-"))
	}
	for c := range server.Clients(hearth.Filter{Room: "team-7"}) {
		fmt.Println(c.UserID(), c.State())
	}
	// Unordered output:
	// true false
	// false true
	// ada authenticated
}

// Async does not wait for the broker. The function gets what the method would
// have returned.
func ExampleAsync() {
	t, end := exampleT()
	defer end()
	server := hearthtest.New(t, hearth.Options{Authenticate: byName})
	answers := make(chan error, 2)
	ctx := context.Background()
	_ = server.Broadcast(ctx, "one", nil, hearth.Async(func(err error) { answers <- err }))
	_ = server.Broadcast(ctx, "", nil, hearth.Async(func(err error) { answers <- err }))
	fmt.Println(<-answers)
	fmt.Println(errors.Is(<-answers, hearth.ErrNoEvent))
	// Output:
	// <nil>
	// true
}

// Handshake agrees on keys, Transform replaces what is sent. Here they only
// stand for cryptography: this is not encryption.
func ExampleOptions_transform() {
	t, end := exampleT()
	defer end()
	server := hearthtest.New(t, hearth.Options{
		Authenticate: func(context.Context, *hearth.Client, json.RawMessage) (hearth.Identity, error) {
			return hearth.Identity{UserID: "ada"}, nil
		},
		Handshake: func(_ context.Context, _ *hearth.Client, data json.RawMessage) (hearth.HandshakeResult, error) {
			return hearth.HandshakeResult{ServerPublicKey: "the server's"}, nil
		},
		Transform: func(_ context.Context, _ *hearth.Client, m hearth.Outgoing) (*hearth.Outgoing, error) {
			sealed, err := json.Marshal(map[string]int{"bytes": len(m.Event) + len(m.Data)})
			return &hearth.Outgoing{Event: hearth.EventEncrypted, Data: sealed}, err
		},
	})
	ada := server.Dial()
	connected, _ := hearth.DataOf[struct{ ServerPublicKey string }](ada.Authenticate(map[string]string{"publicKey": "ada's"}).Message)
	fmt.Println(connected.ServerPublicKey)
	_ = server.ToUser(context.Background(), "ada", "secret", "the password")
	fmt.Println(ada.Next())
	// Output:
	// the server's
	// {"event":"encrypted","data":{"bytes":20}}
}
