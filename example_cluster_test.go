package hearth_test

import (
	"context"
	"fmt"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// Servers that share a broker are a cluster. This one is within a process; that
// of package redisbroker is between machines.
func ExampleNewMemoryBroker() {
	t, end := exampleT()
	defer end()
	opts := hearth.Options{Authenticate: byName, ValidateRooms: anyRoom, Broker: hearth.NewMemoryBroker()}
	one, other := hearthtest.New(t, opts), hearthtest.New(t, opts)

	ada, bob := one.Connect("ada"), other.Connect("bob")
	_ = ada.Conn().Join("kitchen")
	_ = bob.Conn().Join("kitchen")
	_ = one.ToRoom(context.Background(), "kitchen", "dinner", "is ready")
	fmt.Println("ada:", ada.Next())
	fmt.Println("bob:", bob.Next())
	// Output:
	// ada: {"event":"dinner","data":"is ready"}
	// bob: {"event":"dinner","data":"is ready"}
}

// An emitter sends to the clients of all servers and has none of its own.
func ExampleNewEmitter() {
	t, end := exampleT()
	defer end()
	broker := hearth.NewMemoryBroker()
	server := hearthtest.New(t, hearth.Options{Authenticate: byName, Broker: broker})
	ada := server.Connect("ada")

	ctx := context.Background()
	emitter, err := hearth.NewEmitter(ctx, broker, hearth.EmitterOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(emitter.ToUser(ctx, "ada", "report", map[string]int{"pages": 12}))
	fmt.Println(ada.Next())
	fmt.Println(emitter.Close(ctx))
	// Output:
	// <nil>
	// {"event":"report","data":{"pages":12}}
	// <nil>
}

// LocalOnly leaves the other servers out.
func ExampleLocalOnly() {
	t, end := exampleT()
	defer end()
	servers := hearthtest.NewCluster(t, 2, hearth.Options{Authenticate: byName})
	ada, bob := servers[0].Connect("ada"), servers[1].Connect("bob")
	ctx := context.Background()
	_ = servers[0].Broadcast(ctx, "this server", "restarts at noon", hearth.LocalOnly())
	_ = servers[0].Broadcast(ctx, "lunch", nil)
	fmt.Println("ada:", ada.Next(), ada.Next())
	fmt.Println("bob:", bob.Next())
	// Output:
	// ada: {"event":"this server","data":"restarts at noon"} {"event":"lunch","data":null}
	// bob: {"event":"lunch","data":null}
}

// Stats is what a server counts; package metrics shows it to Prometheus.
func ExampleServer_Stats() {
	t, end := exampleT()
	defer end()
	server := hearthtest.New(t, hearth.Options{Authenticate: byName})
	server.Connect("ada")
	server.Dial()
	s := server.Stats()
	fmt.Println(s.Ready, s.Connections, s.Authenticated, s.Unauthorized, s.Broker.Kind)
	// Output: true 2 1 1 memory
}
