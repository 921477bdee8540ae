//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/examples/internal/peer"
	"github.com/hearthws/hearth/internal/redistest"
	"github.com/hearthws/hearth/redisbroker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a server whose users authenticate by their name.
func serve(t *testing.T, redis string) (url string) {
	t.Helper()
	broker, err := redisbroker.Open(redis)
	if err != nil {
		t.Fatal(err)
	}
	server, err := hearth.New(t.Context(), hearth.Options{
		Broker: broker,
		Authenticate: func(_ context.Context, _ *hearth.Client, data json.RawMessage) (hearth.Identity, error) {
			var name string
			err := json.Unmarshal(data, &name)
			return hearth.Identity{UserID: name}, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	t.Cleanup(func() {
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		web.Close()
	})
	return web.URL + server.Path()
}

func TestWorker(t *testing.T) {
	redis := redistest.Start(t)
	ada := peer.Connect(t, serve(t, redis.URL()), "ada")
	bob := peer.Connect(t, serve(t, redis.URL()), "bob") // on another node
	if err := run(t.Context(), redis.URL(), "ada", time.Millisecond); err != nil {
		t.Fatal(err)
	}
	for percent := 0; percent <= 100; percent += 25 {
		ada.ExpectData("progress", fmt.Sprintf(`{"job":"report","percent":%d}`, percent))
	}
	ada.ExpectData("done", `"report"`)
	bob.ExpectData("done", `"report"`) // and nothing before it
}

func TestNoRedis(t *testing.T) {
	redis := redistest.Start(t)
	redis.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := run(ctx, redis.URL(), "ada", time.Millisecond); err == nil {
		t.Error("no error without Redis")
	}
}
