// Bot is a member of a room that answers: to text that begins with "!time" with
// the time, and to "!count" with how much was said since it is there. It comes
// back when the server was away.
//
//	hearth serve --demo
//	hearth connect --name ada --room lobby
//	go run ./bot -url ws://localhost:8080/ws -room lobby
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/hearthws/hearth/client"
)

func main() {
	url := flag.String("url", "ws://localhost:8080/ws", "address of the server")
	room := flag.String("room", "lobby", "room to be in")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, client.Options{URL: *url}, *room); err != nil {
		log.Fatal(err) //nolint:gocritic // nothing is left to undo
	}
}

const name = "bot"

// line is the data of the event `chat`, and publish that of `publish`: what
// `hearth serve` and its page speak.
type line struct {
	Room string `json:"room"`
	From string `json:"from"`
	Text string `json:"text"`
}

type publish struct {
	Room  string `json:"room"`
	Event string `json:"event"`
	Data  line   `json:"data"`
}

// run stays until ctx ends, or there is no point in coming back.
func run(ctx context.Context, opts client.Options, room string) error {
	opts.Credentials = func(context.Context) (any, error) { return map[string]string{"name": name}, nil }
	c, err := client.New(opts)
	if err != nil {
		return err
	}
	defer c.Close()

	count := 0
	c.On("chat", func(m client.Message) {
		said, err := client.DataOf[line](m)
		if err != nil || said.From == name {
			return
		}
		count++
		var answer string
		switch said.Text {
		case "!time":
			answer = time.Now().Format(time.RFC1123)
		case "!count":
			answer = fmt.Sprintf("%d lines since I am here", count)
		default:
			return
		}
		if err := c.Send(ctx, "publish", publish{said.Room, "chat", line{said.Room, name, answer}}); err != nil {
			log.Print(err)
		}
	})
	over := make(chan error, 1)
	c.OnState(func(ch client.Change) {
		switch {
		case ch.State == client.Connected:
			log.Printf("connected as %s", ch.Connection.UserID)
		case ch.State == client.Disconnected && ch.Err != nil:
			over <- ch.Err
		case ch.Err != nil:
			log.Printf("%v; again in %s", ch.Err, ch.Delay.Round(time.Millisecond))
		}
	})
	if err := c.Join(room); err != nil {
		return err
	}
	c.Start()
	select {
	case err := <-over:
		return err
	case <-ctx.Done():
		return nil
	}
}
