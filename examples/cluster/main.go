// Cluster runs two nodes that share a Redis. A client of one talks to the
// clients of the other; in production each would be a process of its own,
// behind a load balancer, with this same code.
//
//	go run ./cluster -redis redis://localhost:6379
//	hearth connect localhost:8081 --name ada
//	hearth connect localhost:8082 --name bob
//
// and type /send say "hello" in either.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/redisbroker"
)

func main() {
	redis := flag.String("redis", "redis://localhost:6379", "URL of the Redis that the nodes share")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var nodes []*node
	for _, addr := range []string{"localhost:8081", "localhost:8082"} {
		n, err := start(ctx, addr, *redis)
		if err != nil {
			log.Fatal(err) //nolint:gocritic // nothing is left to undo
		}
		log.Printf("%s is %s", n.rooms.Identifier(), n.url())
		nodes = append(nodes, n)
	}
	<-ctx.Done()
	for _, n := range nodes {
		if err := n.stop(); err != nil {
			log.Print(err)
		}
	}
}

// node is one server of the cluster.
type node struct {
	rooms    *hearth.Server
	web      *http.Server
	listener net.Listener
}

// start returns when the node is connected to Redis, and listens.
func start(ctx context.Context, addr, redis string) (*node, error) {
	broker, err := redisbroker.Open(redis)
	if err != nil {
		return nil, err
	}
	n := &node{}
	// Event loops serve plain TCP only; Go listens with Multipath TCP.
	var config net.ListenConfig
	config.SetMultipathTCP(false)
	if n.listener, err = config.Listen(ctx, "tcp", addr); err != nil {
		return nil, err
	}
	n.rooms, err = hearth.New(ctx, hearth.Options{
		Identifier: "node " + n.listener.Addr().String(),
		Broker:     broker,
		Authenticate: hearth.AuthenticateWith(func(_ context.Context, _ *hearth.Client, who struct{ Name string }) (hearth.Identity, error) {
			return hearth.Identity{UserID: who.Name}, nil
		}),
		OnMessage: n.onMessage,
	})
	if err != nil {
		return nil, errors.Join(err, n.listener.Close())
	}
	n.web = &http.Server{Handler: n.rooms, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = n.web.Serve(n.listener) }() // until stop
	return n, nil
}

// said is the data of the event of that name.
type said struct {
	From string `json:"from"`
	On   string `json:"on"` // the node
	Text string `json:"text"`
}

// onMessage sends what a client says to everybody, on all nodes.
func (n *node) onMessage(ctx context.Context, c *hearth.Client, m hearth.Message) error {
	text, err := hearth.DataOf[string](m)
	if m.Event != "say" || err != nil {
		return err
	}
	return n.rooms.Broadcast(ctx, "said", said{c.UserID(), n.rooms.Identifier(), text})
}

func (n *node) url() string { return "http://" + n.listener.Addr().String() + n.rooms.Path() }

func (n *node) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(n.rooms.Shutdown(ctx), n.web.Shutdown(ctx))
}
