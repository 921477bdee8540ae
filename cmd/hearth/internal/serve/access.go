package serve

import (
	"log/slog"

	"github.com/hearthws/hearth"
)

// access says who may connect, and which rooms they may use. Its methods may
// be called concurrently.
type access interface {
	// authenticate is the server's hook of that name.
	authenticate() hearth.AuthenticateFunc

	// stands reports whether the client would be admitted again, as the same
	// user.
	stands(c *hearth.Client) bool

	// mayUse reports whether the client may join the room, and publish into
	// it once it is a member.
	mayUse(c *hearth.Client, room string) bool

	// reload reads again where all this is written. After an error nothing
	// has changed.
	reload() error
}

func newAccess(cfg *Config, log *slog.Logger) (access, error) {
	if cfg.Demo {
		return demo{}, nil
	}
	return newMembers(cfg.TokensFile, log)
}
