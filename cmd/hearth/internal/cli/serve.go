package cli

import (
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/cmd/hearth/internal/serve"
)

// serveFlags are those of `hearth serve`.
type serveFlags struct {
	cfg   serve.Config
	redis redisFlags
	log   logFlags
}

func newServe() *cobra.Command {
	f := &serveFlags{}
	cmd := &cobra.Command{
		Use:   "serve (--demo | --tokens FILE)",
		Short: "Run a server",
		Long: `Run a server that clients connect to by WebSocket.

Clients join rooms, and publish into rooms that they are in by the event
publish with data {room, event, data}. Scripts and other programs send by
'hearth emit' or an emitter, through the Redis that they share with servers.

Every line of a tokens file has a token, the user it stands for (- for none),
and patterns of the rooms that it may use, in which * stands for anything:

  # token           user    rooms
  9xbtWzPSvCi3      ada     lobby team-*
  8rDNsgGmbpAE      sensor

Clients send it with their first message, as {"token": "9xbtWzPSvCi3"}.

GET /healthz answers 200 as long as the process does, /readyz as long as new
clients should come here, /metrics is for Prometheus.

SIGTERM drains: /readyz says no, clients are told to go (1001) spread over
--drain-for, and everything ends within --shutdown-timeout of that. SIGINT
(Ctrl-C) does not spread. A second signal waits for nobody. SIGHUP reads the
files of --tokens, --tls-cert, --tls-key and --encryption-key again; who has lost
a right by that loses it at once.`,
		Example: `  hearth serve --demo
  hearth serve --tokens /etc/hearth/tokens --addr :8080
  hearth serve --tokens tokens --redis redis://localhost:6379 --prefix shop:
  hearth serve --tokens tokens --addr :443 --tls-cert cert.pem --tls-key key.pem
  hearth serve --tokens tokens --origin https://example.com --origin 'https://*.example.com'`,
		Args: arguments(0, 0),
	}
	f.bind(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return f.run(cmd) }
	return cmd
}

func (f *serveFlags) bind(cmd *cobra.Command) {
	flags, o := cmd.Flags(), &f.cfg.Options
	flags.SortFlags = false
	flags.BoolVar(&f.cfg.Demo, "demo", false, "let anyone connect under the name they give, and use every room")
	flags.StringVar(&f.cfg.TokensFile, "tokens", "", "let those connect who have a token of this `FILE`")

	flags.StringVar(&f.cfg.Addr, "addr", "127.0.0.1:8080", "`host:port` to listen on; :8080 is port 8080 of all addresses")
	flags.StringVar(&o.Path, "path", hearth.DefaultPath, "`path` of the WebSocket")
	flags.StringVar(&f.cfg.CertFile, "tls-cert", "", "PEM `FILE` of a certificate, with its chain; without one there is no TLS")
	flags.StringVar(&f.cfg.KeyFile, "tls-key", "", "PEM `FILE` of its key")
	flags.StringVar(&f.cfg.MetricsAddr, "metrics-addr", "", "`host:port` to serve /metrics on, instead of --addr")
	f.redis.bind(cmd)
	flags.StringVar(&o.Identifier, "identifier", "hearth", "`name` of this server in logs and metrics")

	flags.StringArrayVar(&o.Origins, "origin", nil, "`origin` of pages that may connect besides those of the same host, such as https://example.com or https://*.example.com; may be repeated")
	flags.BoolVar(&o.AllowAnyOrigin, "any-origin", false, "let pages of every site connect")
	flags.BoolVar(&o.TrustForwarded, "trust-forwarded", false, "believe X-Forwarded-Host and X-Forwarded-For; only behind a proxy that sets both")
	flags.StringSliceVar(&o.DefaultRooms, "default-rooms", []string{hearth.DefaultRoom, hearth.DefaultNotificationRoom}, "`rooms` that every client is in; '' for none")
	flags.BoolVar(&o.PerMessageDeflate, "deflate", false, "offer compression (permessage-deflate)")

	choiceFlag(flags, &f.cfg.Encryption, "encryption", serve.EncryptionOffered, "messages are sealed, besides TLS, for clients that ask for it, or for all", serve.EncryptionOff, serve.EncryptionOffered, serve.EncryptionRequired)
	flags.StringVar(&f.cfg.EncryptionKeyFile, "encryption-key", "", "PEM or JWK `FILE` of private keys on P-256, that clients can pin; without one there is a new key")
	flags.BoolVar(&o.RequireSealedInbound, "require-sealed-inbound", false, "refuse plain messages of clients that have agreed on encryption")

	durationFlag(flags, &o.AuthTimeout, "auth-timeout", hearth.DefaultAuthTimeout, "time to authenticate; three times this until connected")
	durationFlag(flags, &o.HeartbeatInterval, "heartbeat-interval", hearth.DefaultHeartbeatInterval, "time between two looks for silent clients")
	durationFlag(flags, &o.HeartbeatTimeout, "heartbeat-timeout", hearth.DefaultHeartbeatTimeout, "time that a client may be silent")
	durationFlag(flags, &o.IdleTimeout, "idle-timeout", hearth.DefaultIdleTimeout, "time after which a connection that nothing came from, not even a pong, is dropped")
	durationFlag(flags, &o.SubscribeWait, "subscribe-wait", hearth.DefaultSubscribeWait, "time to wait for Redis before a client goes on")

	sizeFlag(flags, &o.MaxPayload, "max-payload", hearth.DefaultMaxPayload, "longest message of a client")
	sizeFlag(flags, &o.MaxAuthPayload, "max-auth-payload", hearth.DefaultMaxAuthPayload, "the same, before it is authenticated")
	sizeFlag(flags, &o.BackpressureLimit, "backpressure-limit", hearth.DefaultBackpressureLimit, "what may wait for a slow client")
	flags.BoolVar(&o.CloseOnBackpressureLimit, "close-on-backpressure", false, "close clients at that limit (1013), instead of dropping messages")
	sizeFlag(flags, &o.MaxQueuedBytes, "max-queued-bytes", hearth.DefaultMaxQueuedBytes, "what may wait for all clients together")
	countFlag(flags, &o.MaxPendingMessages, "max-pending-messages", hearth.DefaultMaxPendingMessages, "messages of a client that may wait to be handled; beyond, it is not read")
	sizeFlag(flags, &o.MaxPendingBytes, "max-pending-bytes", hearth.DefaultMaxPendingBytes, "what they may have together")

	countFlag(flags, &o.MessageRate, "message-rate", hearth.DefaultMessageRate, "messages of a client in a second; beyond, it is read more slowly")
	sizeFlag(flags, &o.ByteRate, "byte-rate", hearth.DefaultByteRate, "bytes of its messages in a second, the same way")
	flags.BoolVar(&o.CloseOnRateLimit, "close-on-rate-limit", false, "close clients at those rates (1008), instead of reading them more slowly")
	countFlag(flags, &o.MaxRooms, "max-rooms", hearth.DefaultMaxRooms, "rooms of a client")
	countFlag(flags, &o.MaxRoomsPerJoin, "max-rooms-per-join", hearth.DefaultMaxRoomsPerJoin, "rooms in one join")
	countFlag(flags, &o.MaxConnections, "max-connections", hearth.DefaultMaxConnections, "connections")
	countFlag(flags, &o.MaxConnectionsPerUser, "max-connections-per-user", 0, "connections of a user; as many as there may be, if not given")
	countFlag(flags, &o.MaxUnauthenticated, "max-unauthenticated", hearth.DefaultMaxUnauthenticated, "connections that are not authenticated yet")
	countFlag(flags, &o.MaxUnauthenticatedPerAddress, "max-unauthenticated-per-address", 0, "those of one address; 1024 for public addresses, if not given")

	flags.DurationVar(&f.cfg.DrainFor, "drain-for", 10*time.Second, "time over which SIGTERM spreads telling clients to go; 0s: all at once")
	durationFlag(flags, &f.cfg.ShutdownTimeout, "shutdown-timeout", 10*time.Second, "time for what is left after that")
	flags.BoolVar(&o.DisableIOUring, "no-io-uring", false, "never use io_uring for writes to many clients")
	f.log.bind(flags)
}

func (f *serveFlags) run(cmd *cobra.Command) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	broker, err := f.redis.broker(cmd)
	if err != nil {
		return err
	}
	stderr := cmd.ErrOrStderr()
	f.cfg.Options.Broker = broker
	f.cfg.Options.Logger = f.log.logger(stderr)
	if f.log.text(stderr) {
		f.cfg.Banner = stderr
	}
	signal.Ignore(syscall.SIGPIPE) // a log that nobody reads is no reason to end
	defer signal.Reset(syscall.SIGPIPE)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	return inFlags(cmd, serve.Run(f.cfg, signals))
}

// check finds what contradicts itself; the rest is found by those whom it
// concerns.
func (f *serveFlags) check(cmd *cobra.Command) error {
	switch c := &f.cfg; {
	case !c.Demo && c.TokensFile == "":
		return usagef(cmd, `say who may connect:
  --demo          anyone, under the name they give; to try things out
  --tokens FILE   who has a token of that file; for everything else`)
	case c.Demo && c.TokensFile != "":
		return usagef(cmd, "--demo lets anyone connect, so --tokens %s makes no sense with it", c.TokensFile)
	case (c.CertFile == "") != (c.KeyFile == ""):
		return usagef(cmd, "--tls-cert and --tls-key need each other")
	case c.Encryption == serve.EncryptionOff && c.EncryptionKeyFile != "":
		return usagef(cmd, "--encryption off has no use for --encryption-key %s", c.EncryptionKeyFile)
	case c.DrainFor < 0:
		return usagef(cmd, "--drain-for is %s: must not be less than 0", c.DrainFor)
	case !strings.HasPrefix(c.Options.Path, "/") || strings.ContainsAny(c.Options.Path, "{}"):
		return usagef(cmd, "--path is %s: must begin with /, and have no braces", c.Options.Path)
	case slices.Contains([]string{"/healthz", "/readyz", "/metrics"}, c.Options.Path):
		return usagef(cmd, "--path is %s: something else is there", c.Options.Path)
	}
	return nil
}
