package hearth_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// A JSON Web Token as credentials, {"token": "eyJ…"}. The token says which
// rooms its user may join.
func Example_jwt() {
	t, end := exampleT()
	defer end()
	public, private, _ := ed25519.GenerateKey(nil)

	type claims struct {
		jwt.RegisteredClaims
		Rooms []string `json:"rooms"`
	}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"EdDSA"}), jwt.WithExpirationRequired(), jwt.WithAudience("chat"))
	key := func(*jwt.Token) (any, error) { return public, nil }

	server := hearthtest.New(t, hearth.Options{
		Authenticate: hearth.AuthenticateWith(func(_ context.Context, _ *hearth.Client, in struct{ Token string }) (hearth.Identity, error) {
			var who claims
			if _, err := parser.ParseWithClaims(in.Token, &who, key); err != nil {
				return hearth.Identity{}, fmt.Errorf("%w: %w", hearth.ErrRejected, err)
			}
			return hearth.Identity{UserID: who.Subject, Metadata: who.Rooms}, nil
		}),
		ValidateRooms: func(_ context.Context, c *hearth.Client, asked []string) ([]string, error) {
			mine, _ := hearth.MetadataOf[[]string](c)
			return slices.DeleteFunc(asked, func(room string) bool { return !slices.Contains(mine, room) }), nil
		},
		OnMessage: func(_ context.Context, c *hearth.Client, _ hearth.Message) error {
			_, err := c.Send("rooms", []bool{c.InRoom("team-7"), c.InRoom("board")})
			return err
		},
	})

	sign := func(expires time.Time) string {
		token, _ := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims{
			RegisteredClaims: jwt.RegisteredClaims{Subject: "ada", Audience: []string{"chat"}, ExpiresAt: jwt.NewNumericDate(expires)},
			Rooms:            []string{"team-7"},
		}).SignedString(private)
		return token
	}
	ada := server.Connect(map[string]string{"token": sign(time.Now().Add(time.Hour))})
	fmt.Println(ada.Conn().UserID())
	ada.Send("join", map[string][]string{"rooms": {"team-7", "board"}})
	ada.Send("where am I", nil)
	fmt.Println(ada.Expect("rooms"))

	late := server.Dial()
	late.Send("authenticate", map[string]string{"token": sign(time.Now().Add(-time.Hour))})
	late.Expect("error")
	fmt.Println(late.ExpectClose())
	// Output:
	// ada
	// {"event":"rooms","data":[true,false]}
	// 4003 Authentication failed
}
