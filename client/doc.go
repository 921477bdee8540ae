// Package client is a client of Hearth's servers, and of IGNIS's: it connects,
// authenticates, joins rooms, and comes back by itself after lost connections.
//
//	c, err := client.New(client.Options{URL: "wss://example.com/ws", Token: "s3cret"})
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	c.On("chat", func(m client.Message) { fmt.Printf("somebody said %s\n", m.Data) })
//	c.Join("lobby")
//	c.Connect(ctx)
//	c.Send(ctx, "say", map[string]string{"room": "lobby", "text": "hello"})
//
// Handlers, rooms and messages may come before the connection is there, and
// outlive every connection. docs/client-go.md tells more. The TypeScript client,
// which docs/client.md describes, behaves the same.
//
// # Handlers
//
// Handlers are called one at a time, in the order of what they are told, on a
// goroutine of the client's. As long as one runs nothing more is read from the
// connection, so a server notices a client that is too slow. They may call
// everything but Connect.
//
// # Coming back
//
// After a lost connection the client waits for a random time of up to
// Backoff.Base, which doubles with each attempt that fails, up to Backoff.Cap.
// It does not come back where the same would happen again: [Error.Final]. Then
// it is [Disconnected], and Start or Connect begins anew.
//
// # Cost
//
// An idle client is one goroutine; with what a server in the same process needs
// for it 17 KB were measured (docs/decisions/0009). A second goroutine exists while
// there is something to write.
package client
