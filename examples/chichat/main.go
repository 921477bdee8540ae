// Chichat puts rooms behind a router and a login that exist already: chi, and
// a session cookie. Who has no session gets no WebSocket.
//
//	go run ./chichat
//	curl -c jar -d name=ada http://localhost:8080/login
//
// The session decides who a client is, so it need not send credentials.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/hearthws/hearth"
)

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
	web := &http.Server{Addr: addr, Handler: newRouter(rooms), ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = rooms.Shutdown(ctx) // net/http does not wait for WebSockets
		_ = web.Shutdown(ctx)
	})
	log.Printf("listening on http://%s", addr)
	if err := web.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func newRouter(rooms *hearth.Server) http.Handler {
	s := &sessions{users: map[string]string{}}
	r := chi.NewRouter()
	r.Use(middleware.RequestID, middleware.Recoverer)
	r.Post("/login", s.login)
	r.Route("/api", func(r chi.Router) {
		r.Use(s.require)
		r.Get("/ws", func(w http.ResponseWriter, r *http.Request) {
			// Upgrade answers the request itself, also when it fails.
			_, _ = rooms.Upgrade(w, r, hearth.UpgradeData{UserID: userOf(r)})
		})
	})
	return r
}

func newRooms(ctx context.Context) (*hearth.Server, error) {
	var rooms *hearth.Server
	rooms, err := hearth.New(ctx, hearth.Options{
		// The middleware has authenticated the request.
		Authenticate: hearth.AuthenticateWith(func(_ context.Context, c *hearth.Client, _ any) (hearth.Identity, error) {
			return hearth.Identity{UserID: c.Data().UserID}, nil
		}),
		OnMessage: func(ctx context.Context, c *hearth.Client, m hearth.Message) error {
			if m.Event != "say" {
				return nil
			}
			return rooms.ToRoom(ctx, hearth.DefaultRoom, "said", map[string]any{"from": c.UserID(), "text": m.Data})
		},
	})
	return rooms, err
}

// sessions says which user a cookie stands for.
type sessions struct {
	mu    sync.Mutex
	users map[string]string
}

const cookieName = "session"

func (s *sessions) login(w http.ResponseWriter, r *http.Request) {
	name := r.PostFormValue("name")
	if name == "" {
		http.Error(w, "name is missing", http.StatusBadRequest)
		return
	}
	session := rand.Text()
	s.mu.Lock()
	s.users[session] = name
	s.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: session, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

type userKey struct{}

func userOf(r *http.Request) string { return r.Context().Value(userKey{}).(string) }

// require lets requests with a session pass.
func (s *sessions) require(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var user string
		if cookie, err := r.Cookie(cookieName); err == nil {
			s.mu.Lock()
			user = s.users[cookie.Value]
			s.mu.Unlock()
		}
		if user == "" {
			http.Error(w, "log in first", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, user)))
	})
}
