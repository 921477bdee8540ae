package serve

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/cmd/hearth/internal/tokens"
)

// members admits who has a token of a file.
type members struct {
	file string
	log  *slog.Logger
	set  atomic.Pointer[tokens.Set]
}

func newMembers(file string, log *slog.Logger) (*members, error) {
	m := &members{file: file, log: log}
	return m, m.reload()
}

// identity keeps the token's key with the client, by which its rights are
// looked up whenever they matter: the file may have changed.
func (m *members) identity(_ context.Context, _ *hearth.Client, credentials struct{ Token string }) (hearth.Identity, error) {
	key := tokens.KeyOf(credentials.Token)
	member := m.set.Load().Member(key)
	if member == nil {
		return hearth.Identity{}, fmt.Errorf("%w: unknown token", hearth.ErrRejected)
	}
	return hearth.Identity{UserID: member.User, Metadata: key}, nil
}

func (m *members) authenticate() hearth.AuthenticateFunc { return hearth.AuthenticateWith(m.identity) }

// of is the line of the client's token, as it is now; nil if there is none.
func (m *members) of(c *hearth.Client) *tokens.Member {
	key, ok := hearth.MetadataOf[tokens.Key](c)
	if !ok {
		return nil
	}
	return m.set.Load().Member(key)
}

func (m *members) stands(c *hearth.Client) bool {
	member := m.of(c)
	return member != nil && member.User == c.UserID()
}

func (m *members) mayUse(c *hearth.Client, room string) bool {
	member := m.of(c)
	return member != nil && member.MayUse(room)
}

func (m *members) reload() error {
	set, err := tokens.Load(m.file)
	if err != nil {
		return err
	}
	m.set.Store(set)
	if set.Len() == 0 {
		m.log.Warn("no tokens in the file, so nobody can connect", "file", m.file)
		return nil
	}
	m.log.Info("tokens loaded", "file", m.file, "tokens", set.Len())
	return nil
}
