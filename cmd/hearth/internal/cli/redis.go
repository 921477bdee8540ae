package cli

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/redisbroker"
)

// redisEnv has the URL where --redis is not given, so that a password need not
// be in the list of processes.
const redisEnv = "HEARTH_REDIS"

// redisFlags are the flags about Redis.
type redisFlags struct{ url, prefix string }

func (r *redisFlags) bind(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.StringVar(&r.url, "redis", "", "`URL` of the Redis that servers share, such as redis://localhost:6379; also from "+redisEnv)
	flags.StringVar(&r.prefix, "prefix", "", "`text` in front of all channel names in Redis, if applications share one")
}

// broker is nil when no Redis was named.
func (r *redisFlags) broker(cmd *cobra.Command) (hearth.Broker, error) {
	url := r.url
	if !cmd.Flags().Changed("redis") {
		url = os.Getenv(redisEnv)
	}
	if url == "" {
		if r.prefix != "" {
			return nil, usagef(cmd, "--prefix is for the names of channels in Redis, so it needs --redis")
		}
		return nil, nil
	}
	broker, err := redisbroker.New(redisbroker.Options{URL: url, Prefix: r.prefix})
	if err != nil {
		return nil, inFlags(cmd, err)
	}
	return broker, nil
}
