// Worker is a process without connections of its own: it does a job, and tells
// the user how far it is, wherever that user is connected.
//
//	hearth serve --demo --redis redis://localhost:6379
//	hearth connect --name ada
//	go run ./worker -redis redis://localhost:6379 -user ada
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/redisbroker"
)

func main() {
	redis := flag.String("redis", "redis://localhost:6379", "URL of the Redis that the servers use")
	user := flag.String("user", "ada", "whose job it is")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *redis, *user, time.Second); err != nil {
		log.Fatal(err) //nolint:gocritic // nothing is left to undo
	}
}

// progress is the data of the event `progress`.
type progress struct {
	Job     string `json:"job"`
	Percent int    `json:"percent"`
}

func run(ctx context.Context, redis, user string, step time.Duration) (err error) {
	broker, err := redisbroker.Open(redis)
	if err != nil {
		return err
	}
	emitter, err := hearth.NewEmitter(ctx, broker, hearth.EmitterOptions{})
	if err != nil {
		return err
	}
	defer func() {
		if cerr := emitter.Close(context.WithoutCancel(ctx)); err == nil {
			err = cerr
		}
	}()
	const job = "report"
	for percent := 0; percent <= 100; percent += 25 {
		if err := emitter.ToUser(ctx, user, "progress", progress{job, percent}); err != nil {
			return err
		}
		select {
		case <-time.After(step): // here it would work
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return emitter.ToRoom(ctx, hearth.DefaultNotificationRoom, "done", job)
}
