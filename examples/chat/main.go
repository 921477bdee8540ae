// Chat is a small but complete application: people give a name, enter rooms
// and talk, in a page that the same server hands out.
//
//	go run ./chat
//
// and open http://localhost:8080 twice.
package main

import (
	"context"
	_ "embed"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/hearthws/hearth"
)

//go:embed page.html
var page []byte

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, "localhost:8080"); err != nil {
		log.Fatal(err) //nolint:gocritic // nothing is left to undo
	}
}

func run(ctx context.Context, addr string) error {
	rooms, err := newRooms(ctx)
	if err != nil {
		return err
	}
	web := &http.Server{Addr: addr, Handler: newMux(rooms), ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = rooms.Shutdown(ctx) // net/http does not wait for WebSockets
		_ = web.Shutdown(ctx)
	})
	log.Printf("open http://%s", addr)
	if err := web.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// newMux mounts the rooms beside whatever else a server has.
func newMux(rooms *hearth.Server) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle(rooms.Path(), rooms)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page)
	})
	return mux
}

// say is what a client sends with the event `say`, and said what the members
// of the room receive as `said`.
type (
	say  struct{ Room, Text string }
	said struct {
		Room string `json:"room"`
		From string `json:"from"`
		Text string `json:"text"`
	}
)

func newRooms(ctx context.Context) (*hearth.Server, error) {
	var rooms *hearth.Server
	rooms, err := hearth.New(ctx, hearth.Options{
		Authenticate: hearth.AuthenticateWith(signIn),
		ValidateRooms: func(_ context.Context, _ *hearth.Client, asked []string) ([]string, error) {
			return asked, nil // every room is open to everybody
		},
		OnMessage: func(ctx context.Context, c *hearth.Client, m hearth.Message) error {
			if m.Event != "say" {
				return nil
			}
			s, err := hearth.DataOf[say](m)
			if err != nil || s.Text == "" || !c.InRoom(s.Room) {
				_, err := c.Send("error", map[string]string{"message": "You can only talk in rooms that you are in"})
				return err
			}
			return rooms.ToRoom(ctx, s.Room, "said", said{s.Room, c.UserID(), s.Text})
		},
	})
	return rooms, err
}

// signIn takes everybody at their word.
func signIn(_ context.Context, _ *hearth.Client, credentials struct{ Name string }) (hearth.Identity, error) {
	name := strings.TrimSpace(credentials.Name)
	if name == "" || len(name) > 40 {
		return hearth.Identity{}, hearth.ErrRejected
	}
	return hearth.Identity{UserID: name}, nil
}
