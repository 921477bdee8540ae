package serve

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hearthws/hearth"
)

// demo admits anyone to everything.
type demo struct{}

func (demo) authenticate() hearth.AuthenticateFunc { return hearth.AuthenticateWith(demoIdentity) }

// maxName is the longest name in characters.
const maxName = 64

// demoIdentity takes the name as user, or else a token that could be one, so
// that clients made for --tokens can be tried. Who gives neither is a guest.
func demoIdentity(_ context.Context, _ *hearth.Client, credentials struct{ Name, Token string }) (hearth.Identity, error) {
	name := strings.TrimSpace(credentials.Name)
	if name != "" {
		if !isName(name) {
			return hearth.Identity{}, fmt.Errorf("%w: the name is no name", hearth.ErrRejected)
		}
		return hearth.Identity{UserID: name}, nil
	}
	if isName(credentials.Token) {
		return hearth.Identity{UserID: credentials.Token}, nil
	}
	return hearth.Identity{UserID: "guest-" + strings.ToLower(rand.Text()[:6])}, nil
}

func isName(s string) bool {
	n := utf8.RuneCountInString(s)
	return n > 0 && n <= maxName && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

func (demo) stands(*hearth.Client) bool         { return true }
func (demo) mayUse(*hearth.Client, string) bool { return true }
func (demo) reload() error                      { return nil }
