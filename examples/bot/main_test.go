package main

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/client"
	"github.com/hearthws/hearth/hearthtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a server that speaks what the bot does. It refuses the user "bot"
// once banned says so.
func serve(t *testing.T, banned *bool) *hearthtest.Server {
	t.Helper()
	var s *hearthtest.Server
	s = hearthtest.New(t, hearth.Options{
		Authenticate: hearth.AuthenticateWith(func(_ context.Context, _ *hearth.Client, who struct{ Name string }) (hearth.Identity, error) {
			if *banned {
				return hearth.Identity{}, hearth.ErrRejected
			}
			return hearth.Identity{UserID: who.Name}, nil
		}),
		ValidateRooms: func(_ context.Context, _ *hearth.Client, rooms []string) ([]string, error) { return rooms, nil },
		OnMessage: func(ctx context.Context, _ *hearth.Client, m hearth.Message) error {
			p, err := hearth.DataOf[struct {
				Room, Event string
				Data        json.RawMessage
			}](m)
			if err != nil {
				return err
			}
			return s.ToRoom(ctx, p.Room, p.Event, p.Data)
		},
	})
	return s
}

func TestBot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where it is midnight, UTC, of a Saturday
		banned := false
		s := serve(t, &banned)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		bot := func() {
			go func() { ended <- run(ctx, client.Options{URL: "ws://memory/ws", Dial: s.DialContext}, "lobby") }()
			synctest.Wait()
		}
		bot()
		ada := s.Connect(map[string]string{"name": "ada"})
		ada.Send("join", map[string]any{"rooms": []string{"lobby"}})
		say := func(text string) {
			ada.Send("publish", publish{"lobby", "chat", line{"lobby", "ada", text}})
			ada.Expect("chat") // her own
		}
		answer := func() string {
			m, err := hearth.DataOf[line](ada.Expect("chat").Message)
			if err != nil || m.From != name {
				t.Errorf("%+v, %v", m, err)
			}
			return m.Text
		}
		say("hello")
		say("!count")
		if got := answer(); got != "2 lines since I am here" {
			t.Error(got)
		}
		say("!time")
		if got, want := answer(), time.Now().Format(time.RFC1123); got != want {
			t.Error(got)
		}

		// It comes back after a loss, and not when it is refused.
		for c := range s.Clients(hearth.Filter{UserID: name}) {
			c.Close(hearth.CloseGoingAway, "")
		}
		time.Sleep(2 * time.Second)
		say("!count")
		if got := answer(); got != "4 lines since I am here" {
			t.Error(got)
		}
		banned = true
		for c := range s.Clients(hearth.Filter{UserID: name}) {
			c.Close(hearth.CloseGoingAway, "")
		}
		time.Sleep(2 * time.Second)
		if err := <-ended; !errors.Is(err, client.ErrRejected) {
			t.Error(err)
		}

		banned = false
		bot()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
