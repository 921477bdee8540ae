package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hearthws/hearth"
)

// usageError says that a command was called in a wrong way.
type usageError struct {
	cmd *cobra.Command
	err error
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{cmd, fmt.Errorf(format, args...)}
}

// group makes a command of cmd that only has commands below it.
func group(cmd *cobra.Command, below ...*cobra.Command) {
	cmd.AddCommand(below...)
	cmd.Args = cobra.ArbitraryArgs
	cmd.DisableFlagsInUseLine = true
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			cmd.SuggestionsMinimumDistance = 2
			hint := ""
			if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
				hint = "; did you mean " + strings.Join(like, " or ") + "?"
			}
			return usagef(cmd, "%q is no command of %s%s", args[0], cmd.CommandPath(), hint)
		}
		var names []string
		for _, c := range below {
			names = append(names, c.Name())
		}
		return usagef(cmd, "%s needs a command: %s", cmd.CommandPath(), strings.Join(names, ", "))
	}
}

// arguments demands from least to most of them.
func arguments(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) > most:
			return usagef(cmd, "too many arguments: %q is one more than in %q", args[most], cmd.UseLine())
		case len(args) < least:
			return usagef(cmd, "too few arguments for %q", cmd.UseLine())
		}
		return nil
	}
}

// optionFlags are the flags that set the library's options.
var optionFlags = map[string]string{
	"Path":                         "--path",
	"DefaultRooms":                 "--default-rooms",
	"MaxPayload":                   "--max-payload",
	"MaxAuthPayload":               "--max-auth-payload",
	"IdleTimeout":                  "--idle-timeout",
	"BackpressureLimit":            "--backpressure-limit",
	"MaxQueuedBytes":               "--max-queued-bytes",
	"MaxPendingMessages":           "--max-pending-messages",
	"MaxPendingBytes":              "--max-pending-bytes",
	"MessageRate":                  "--message-rate",
	"ByteRate":                     "--byte-rate",
	"MaxRooms":                     "--max-rooms",
	"MaxRoomsPerJoin":              "--max-rooms-per-join",
	"MaxConnections":               "--max-connections",
	"MaxConnectionsPerUser":        "--max-connections-per-user",
	"MaxUnauthenticated":           "--max-unauthenticated",
	"MaxUnauthenticatedPerAddress": "--max-unauthenticated-per-address",
	"AuthTimeout":                  "--auth-timeout",
	"HeartbeatInterval":            "--heartbeat-interval",
	"HeartbeatTimeout":             "--heartbeat-timeout",
	"SubscribeWait":                "--subscribe-wait",
	"Origins":                      "--origin",
	"RequireSealedInbound":         "--require-sealed-inbound",
	"redisbroker.URL":              "--redis",
	"redisbroker.Addrs":            "--redis",
	"redisbroker.Prefix":           "--prefix",
}

// inFlags says an error about an option in terms of the flag that has set it.
func inFlags(cmd *cobra.Command, err error) error {
	var option *hearth.OptionError
	if !errors.As(err, &option) {
		return err
	}
	flag, ok := optionFlags[option.Field]
	if !ok {
		return &usageError{cmd, err}
	}
	return usagef(cmd, "%s is %v: %s", flag, option.Value, option.Reason)
}
