//go:build unix

package interop

import (
	"os"
	"testing"

	"github.com/hearthws/hearth/internal/redistest"
	"github.com/hearthws/hearth/internal/transcript/plays"
	"github.com/hearthws/hearth/internal/transcript/servers"
)

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

// TestPlaysOriginal checks that what is expected of Hearth is what the
// original does, except where a play names a deliberate difference.
func TestPlaysOriginal(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t).Addr()
	p := startOriginal(t,
		peer{Redis: redis},
		peer{
			Redis:             redis,
			AuthTimeout:       plays.AuthTimeout.Milliseconds(),
			HeartbeatInterval: plays.HeartbeatInterval.Milliseconds(),
			HeartbeatTimeout:  plays.HeartbeatTimeout.Milliseconds(),
		},
		peer{Redis: redis, Seal: true},
	)
	plays.Perform(t, plays.Original, map[string]string{plays.Usual: p.Addrs[0], plays.Timers: p.Addrs[1], plays.Sealed: p.Addrs[2]})
}

// TestPlaysHearth plays the same on Hearth, by both transports, with Redis.
func TestPlaysHearth(t *testing.T) {
	for _, transport := range []string{"loop", "stream"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			flags := []string{"-transport", transport, "-redis", redistest.Start(t).URL()}
			plays.Perform(t, plays.Hearth, map[string]string{
				plays.Usual:  servers.Hearth(t, flags...).Addr(),
				plays.Timers: servers.Hearth(t, append(plays.TimerFlags(), flags...)...).Addr(),
			})
		})
	}
}
