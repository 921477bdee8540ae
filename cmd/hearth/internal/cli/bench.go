package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/cmd/hearth/internal/bench"
)

// benchFlags are those of the commands below `hearth bench`.
type benchFlags struct {
	cfg         bench.Config
	dialect     string
	token, auth string
	trust       trustFlags
	asJSON      bool
}

// scenario is a command below `hearth bench`.
type scenario struct {
	name, short, long, example string
	clients, window            int
	aliases                    []string
}

var scenarios = []scenario{
	{
		name: bench.Fanout, aliases: []string{"fan-out"}, short: "One room, everybody in it",
		long: `All clients join one room, and a publisher sends messages there. --window N
keeps N of them in flight, counted in deliveries, so that the next one is sent
when the receivers have got as many as one has; --rate R sends R a second,
whatever happens, and latencies count from when a message was meant to be sent.

With several URLs the clients are spread over them, and publishers are on the
first. Several processes can share a run: those with --publishers 0 receive, and
one with --clients 0 publishes.`,
		example: `  hearth bench fanout
  hearth bench fanout --clients 5000 --window 64
  hearth bench fanout --rate 20 --duration 30s
  hearth bench fanout ws://127.0.0.1:8080/ws --pid 4242 --json`,
		clients: 1000, window: 4,
	},
	{
		name: bench.Echo, short: "Each client gets back what it sends",
		long: `Each client sends messages to itself. --window N keeps N of each client in
flight; --rate R sends R a second, by all clients in turn.`,
		example: `  hearth bench echo
  hearth bench echo --clients 1000 --rate 5000`,
		clients: 100, window: 1,
	},
	{
		name: bench.Rooms, short: "Many rooms with a few members each",
		long: `The clients are spread over --rooms rooms, in each of which the first member
publishes, one room after the other.`,
		example: `  hearth bench rooms
  hearth bench rooms --clients 10000 --rooms 5000 --rate 2000`,
		clients: 2000, window: 64,
	},
	{
		name: bench.Connect, short: "Clients connect and authenticate",
		long: `Clients connect and authenticate, --concurrency at once, or --rate a second.
Latencies are from when a client was meant to connect until it was admitted.`,
		example: `  hearth bench connect
  hearth bench connect --clients 10000 --rate 1000`,
		clients: 5000,
	},
	{
		name: bench.Idle, short: "Clients that are just there",
		long: `Clients connect and do nothing for --duration. What they cost the server is
its resident memory at the end, less what it was at the beginning.`,
		example: `  hearth bench idle --clients 9000
  hearth bench idle --clients 15000 --duration 10m`,
		clients: 5000,
	},
	{
		name: bench.Churn, short: "A room whose members come and go",
		long: `While 100 messages a second go to a room, whose --clients members may miss
none, others come, join the room, wait for their first message, and go: --window
at a time, or --rate a second. Latencies are those of connecting.`,
		example: `  hearth bench churn
  hearth bench churn --clients 1000 --rate 500`,
		clients: 100, window: 32,
	},
	{
		name: bench.Cluster, aliases: []string{"cross-node"}, short: "Published on one server, received on others",
		long: `As fanout, but the publishers are on the server of the first URL, and the
clients on the others: messages go through the Redis that the servers share.
Without URLs it starts two servers, which need --redis.`,
		example: `  hearth bench cluster --redis redis://localhost:6379
  hearth bench cluster ws://10.0.0.1:8080 ws://10.0.0.2:8080 --clients 100`,
		clients: 1000, window: 4,
	},
}

func newBench() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure a server, and check every message",
		Long: `Measure a server under load. Every message is checked: what is missing, comes
twice, out of order, altered, or to the wrong client, makes the run fail.

Without a URL it starts a server of its own, as 'hearth serve --demo' would, but
without limits of rates, in another process of this machine. Any server of the
protocol can be measured; see --dialect.

The result goes to standard output, progress to standard error. The exit code
is 1 when something was wrong.`,
		Example: `  hearth bench fanout
  hearth bench echo --clients 1000 --window 4
  hearth bench idle --clients 9000
  hearth bench fanout wss://example.com/ws --token 9xbtWzPSvCi3 --room team-1`,
	}
	var below []*cobra.Command
	for _, s := range scenarios {
		below = append(below, newScenario(s))
	}
	group(cmd, below...)
	return cmd
}

func newScenario(s scenario) *cobra.Command {
	f := &benchFlags{cfg: bench.Config{Scenario: s.name}}
	cmd := &cobra.Command{
		Use:     s.name + " [URL]…",
		Aliases: s.aliases,
		Short:   s.short,
		Long:    s.long,
		Example: s.example,
		Args:    arguments(0, 1<<10),
	}
	f.bind(cmd, s)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) }
	return cmd
}

func (f *benchFlags) bind(cmd *cobra.Command, s scenario) {
	flags, c := cmd.Flags(), &f.cfg
	flags.SortFlags = false
	has := func(names ...string) bool { return slices.Contains(names, s.name) }
	publishes := has(bench.Fanout, bench.Rooms, bench.Cluster)
	if has(bench.Fanout) {
		flags.IntVar(&c.Clients, "clients", s.clients, "`number` of clients; 0 only publishes")
		flags.IntVar(&c.Publishers, "publishers", 1, "`number` of connections that publish; 0 only receives")
	} else {
		countFlag(flags, &c.Clients, "clients", s.clients, "clients")
		c.Publishers = 0
		if has(bench.Cluster, bench.Churn) {
			c.Publishers = 1
		}
	}
	if has(bench.Rooms) {
		countFlag(flags, &c.Rooms, "rooms", 1000, "rooms that they are spread over")
	}
	if s.window > 0 {
		countFlag(flags, &c.Window, "window", s.window, "how much is in flight, when no --rate is given")
	}
	if !has(bench.Idle) {
		flags.Float64Var(&c.Rate, "rate", 0, "intended operations a second (`number`); 0: as fast as the server answers")
	}
	if publishes {
		flags.IntVar(&c.Messages, "messages", 0, "`number` of messages, instead of a time")
	}
	if !has(bench.Connect) {
		flags.DurationVar(&c.Duration, "duration", 10*time.Second, "time that is measured; with --messages there is no limit, if not given")
		flags.DurationVar(&c.Warmup, "warmup", time.Second, "time before that; with --messages there is none, if not given")
	}
	if !has(bench.Connect, bench.Idle) {
		sizeFlag(flags, &c.Size, "size", 128, "data of a message")
	}
	if !has(bench.Connect, bench.Idle) {
		flags.StringVar(&c.Room, "room", "bench", "`room`, or the beginning of the names of rooms; '' is all clients, for a server that can")
	}
	if has(bench.Cluster) {
		flags.StringVar(&c.Redis, "redis", "", "`URL` of the Redis of two servers that are started here; also from "+redisEnv)
	}
	f.bindCommon(cmd)
}

func (f *benchFlags) bindCommon(cmd *cobra.Command) {
	flags, c := cmd.Flags(), &f.cfg
	countFlag(flags, &c.Concurrency, "concurrency", 32, "connections that are being made at once")
	durationFlag(flags, &c.Patience, "patience", 10*time.Second, "time without progress, after which something counts as lost")
	durationFlag(flags, &c.Heartbeat, "heartbeat", hearth.DefaultHeartbeatInterval, "time between two signs of life")
	flags.IntVar(&c.Workers, "workers", 0, "`number` of threads that receive; 0: one per processor")
	flags.IntSliceVar(&c.PIDs, "pid", nil, "`processes` of the servers, to read their processor time and memory (Linux)")
	flags.StringVar(&f.dialect, "dialect", "auto", "how to publish: auto, serve, lab, or a `FILE`")
	flags.StringVar(&f.token, "token", "", "`token` to connect with; also from "+tokenEnv)
	flags.StringVar(&f.auth, "auth", "", "`JSON` to authenticate with, in which $user is replaced")
	f.trust.bind(flags)
	flags.BoolVar(&c.Deflate, "deflate", false, "offer compression (permessage-deflate)")
	flags.BoolVar(&c.Encrypt, "encrypt", false, "have messages sealed, and open each")
	flags.BoolVar(&f.asJSON, "json", false, "the result as a JSON object")
}

func (f *benchFlags) run(cmd *cobra.Command, args []string) error {
	if err := f.complete(cmd, args); err != nil {
		return err
	}
	return untilEnded(cmd.Context(), func(ctx context.Context) error {
		result, err := bench.Run(ctx, f.cfg)
		if result == nil {
			return err
		}
		if f.asJSON {
			return errors.Join(json.NewEncoder(cmd.OutOrStdout()).Encode(result), err)
		}
		return errors.Join(result.Write(cmd.OutOrStdout()), err)
	})
}

// complete makes a configuration of flags and arguments.
func (f *benchFlags) complete(cmd *cobra.Command, args []string) (err error) {
	c := &f.cfg
	if c.Messages > 0 { // which are the end, and all of which count
		if !cmd.Flags().Changed("duration") {
			c.Duration = 0
		}
		if !cmd.Flags().Changed("warmup") {
			c.Warmup = 0
		}
	}
	c.Progress, c.Live = cmd.ErrOrStderr(), isTerminal(cmd.ErrOrStderr())
	for _, arg := range args {
		url, err := socketURL(cmd, []string{arg})
		if err != nil {
			return err
		}
		if slices.Contains(c.URLs, url) {
			return usagef(cmd, "URL is %s: is there twice", url)
		}
		c.URLs = append(c.URLs, url)
	}
	if err := f.check(cmd); err != nil {
		return err
	}
	if c.TLS, err = f.trust.config(cmd); err != nil {
		return err
	}
	if c.Dialect, err = f.readDialect(cmd); err != nil {
		return err
	}
	c.Auth, err = f.credentials(cmd)
	return err
}

// check finds what contradicts itself.
func (f *benchFlags) check(cmd *cobra.Command) error {
	c := &f.cfg
	if c.Scenario == bench.Cluster && !cmd.Flags().Changed("redis") {
		c.Redis = os.Getenv(redisEnv)
	}
	for _, flag := range []struct {
		name string
		v    float64
	}{
		{"--clients", float64(c.Clients)},
		{"--publishers", float64(c.Publishers)},
		{"--rate", c.Rate},
		{"--messages", float64(c.Messages)},
		{"--warmup", float64(c.Warmup)},
		{"--workers", float64(c.Workers)},
	} {
		if flag.v < 0 {
			return usagef(cmd, "%s must not be less than 0", flag.name)
		}
	}
	switch {
	case c.Scenario == bench.Cluster && len(c.URLs) == 1:
		return usagef(cmd, "cluster needs the URLs of two servers or more")
	case c.Scenario == bench.Cluster && len(c.URLs) == 0 && c.Redis == "":
		return usagef(cmd, `say where the servers are, or by which Redis two can be joined:
  hearth bench cluster ws://10.0.0.1:8080 ws://10.0.0.2:8080
  hearth bench cluster --redis redis://localhost:6379     also from %s`, redisEnv)
	case c.Scenario == bench.Rooms && c.Rooms > c.Clients:
		return usagef(cmd, "--rooms is %d: must not be more than --clients, %d, since a member publishes", c.Rooms, c.Clients)
	case c.Scenario == bench.Fanout && c.Clients == 0 && (c.Publishers == 0 || c.Rate == 0):
		return usagef(cmd, "--clients 0 only publishes: needs --rate, since it does not see what arrives")
	case c.Scenario == bench.Fanout && c.Publishers == 0 && c.Messages == 0:
		return usagef(cmd, "--publishers 0 only receives: needs --messages, to know how many there are")
	case len(c.URLs) == 0 && (f.token != "" || len(c.PIDs) > 0):
		return usagef(cmd, "--token and --pid are for a server that runs already: give its URL")
	}
	for _, pid := range c.PIDs {
		if err := bench.CheckPID(pid); err != nil {
			return usagef(cmd, "--pid is %d: %v", pid, err)
		}
	}
	return nil
}

func (f *benchFlags) readDialect(cmd *cobra.Command) (*bench.Dialect, error) {
	if f.dialect == "auto" {
		return nil, nil
	}
	var names []string
	for _, d := range bench.Dialects() {
		if d.Name == f.dialect {
			return d, nil
		}
		names = append(names, d.Name)
	}
	text, err := os.ReadFile(f.dialect)
	if err != nil {
		return nil, usagef(cmd, "--dialect is %s: must be auto, %s, or a file: %v", f.dialect, strings.Join(names, ", "), err)
	}
	d, err := bench.ParseDialect(f.dialect, text)
	if err != nil {
		return nil, &usageError{cmd, fmt.Errorf("--dialect: %w", err)}
	}
	return d, nil
}

func (f *benchFlags) credentials(cmd *cobra.Command) (json.RawMessage, error) {
	if f.auth != "" {
		if f.token != "" {
			return nil, usagef(cmd, "--auth is instead of --token")
		}
		if !json.Valid([]byte(f.auth)) || !strings.HasPrefix(f.auth, "{") {
			return nil, usagef(cmd, "--auth is %s: must be a JSON object", f.auth)
		}
		return json.RawMessage(f.auth), nil
	}
	token := f.token
	if !cmd.Flags().Changed("token") && len(f.cfg.URLs) > 0 {
		token = os.Getenv(tokenEnv)
	}
	if token == "" {
		return nil, nil
	}
	return json.Marshal(struct {
		Token string `json:"token"`
	}{token})
}
