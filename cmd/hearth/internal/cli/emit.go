package cli

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/hearthws/hearth"
)

// emitFlags are those of `hearth emit` and the commands below it.
type emitFlags struct {
	redis   redisFlags
	data    dataFlags
	exclude []string
	timeout time.Duration
}

func newEmit() *cobra.Command {
	f := &emitFlags{}
	cmd := &cobra.Command{
		Use:   "emit",
		Short: "Send a message to clients, from a script",
		Long: `Send a message to clients of all servers that share a Redis.

DATA is JSON, or plain text with --text; - reads it from standard input, and
--file from a file. Without any of these the message has no data.

The exit code is 0 when Redis has taken the message. Redis does not know who
receives it.`,
		Example: `  hearth emit room lobby news '{"title":"hello"}' --redis redis://localhost:6379
  hearth emit user ada notice --text 'Your report is ready.'
  uptime | hearth emit broadcast load --text -`,
	}
	f.redis.bind(cmd)
	f.data.bind(cmd.PersistentFlags())
	durationFlag(cmd.PersistentFlags(), &f.timeout, "timeout", 5*time.Second, "time that Redis may take")
	room := f.command(toRoom, "room ROOM", "the members of a room", "room lobby news")
	broadcast := f.command(toAll, "broadcast", "all clients", "broadcast news")
	for _, c := range []*cobra.Command{room, broadcast} {
		c.Flags().StringSliceVar(&f.exclude, "exclude", nil, "`ids` of clients that do not get it")
	}
	group(cmd, room, broadcast,
		f.command(toUser, "user USER", "all clients of a user", "user ada notice"),
		f.command(toClient, "client ID", "one client", "client 6f1c0a52-93d1-8b6e-a1f4-2d7a90c3e5b8 notice"))
	return cmd
}

// send is a sending method of an emitter. A broadcast has no target.
type send func(ctx context.Context, target, event string, data any, opts ...hearth.SendOption) error

func toRoom(e *hearth.Emitter) send   { return e.ToRoom }
func toUser(e *hearth.Emitter) send   { return e.ToUser }
func toClient(e *hearth.Emitter) send { return e.ToClient }

func toAll(e *hearth.Emitter) send {
	return func(ctx context.Context, _, event string, data any, opts ...hearth.SendOption) error {
		return e.Broadcast(ctx, event, data, opts...)
	}
}

// command makes one of the commands below emit. use is its name, and that of
// the target if it has one.
func (f *emitFlags) command(method func(*hearth.Emitter) send, use, whom, example string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use + " EVENT [DATA]",
		Short: "Send to " + whom,
		Long:  "Send to " + whom + ", on all servers that share a Redis. See 'hearth emit --help' about DATA.",
		Example: fmt.Sprintf(`  hearth emit %[1]s '{"n":1}' --redis redis://localhost:6379
  echo '{"n":1}' | hearth emit %[1]s - --redis redis://localhost:6379
  %[2]s=redis://localhost:6379 hearth emit %[1]s --text 'plain text'`, example, redisEnv),
	}
	named := 1 // arguments that are no data
	if cmd.Name() != use {
		named = 2
	}
	cmd.Args = arguments(named, named+1)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		target, event := "", args[named-1]
		if named == 2 {
			target = args[0]
		}
		switch {
		case named == 2 && target == "":
			return usagef(cmd, "the first argument of %q is empty", cmd.UseLine())
		case event == "":
			return usagef(cmd, "EVENT is empty; a message needs the name of its event")
		}
		broker, err := f.broker(cmd)
		if err != nil {
			return err
		}
		data, err := f.data.read(cmd, args[named:])
		if err != nil {
			return err
		}
		return f.withEmitter(cmd, broker, func(ctx context.Context, e *hearth.Emitter) error {
			return method(e)(ctx, target, event, data, hearth.Exclude(f.exclude...))
		})
	}
	return cmd
}

// broker is never nil without an error.
func (f *emitFlags) broker(cmd *cobra.Command) (hearth.Broker, error) {
	broker, err := f.redis.broker(cmd)
	if broker == nil && err == nil {
		err = usagef(cmd, `say where the servers are: emit reaches them through the Redis that they share.
  --redis redis://localhost:6379, the same as for 'hearth serve', or %s in the environment.
A server that runs without Redis can be reached by its clients only`, redisEnv)
	}
	return broker, err
}

// withEmitter calls do with an emitter, within the timeout.
func (f *emitFlags) withEmitter(cmd *cobra.Command, broker hearth.Broker, do func(ctx context.Context, e *hearth.Emitter) error) error {
	return untilInterrupt(cmd.Context(), func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, f.timeout)
		defer cancel()
		emitter, err := hearth.NewEmitter(ctx, broker, hearth.EmitterOptions{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			return err
		}
		err = do(ctx, emitter)
		_ = emitter.Close(ctx) // what it has sent is decided
		return err
	})
}
