package cli

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/cmd/hearth/internal/connect"
	"github.com/hearthws/hearth/seal"
)

// tokenEnv has the token where --token is not given, so that it need not be in
// the list of processes.
const tokenEnv = "HEARTH_TOKEN"

// connectFlags are those of `hearth connect`.
type connectFlags struct {
	cfg         connect.Config
	name, token string
	auth        string
	encrypt     bool
	serverKeys  []string
	trust       trustFlags
}

func newConnect() *cobra.Command {
	f := &connectFlags{}
	cmd := &cobra.Command{
		Use:   "connect [URL]",
		Short: "Be a client, in a terminal or a pipe",
		Long: `Connect to a server, show what arrives, and send what is typed.

URL is ws://127.0.0.1:8080/ws unless another one is given; of host:port the
rest is added. Text is published into the room that was joined last; /help
tells what else can be typed. Events go to standard output, everything else to
standard error.

With --json every line in and out is a whole message, as it is on the wire.

It ends with exit code 0 at the end of the input, after --count messages, and
on SIGTERM; with 1 when the server does not let it in, or the connection ends,
unless --reconnect brings it back; with 130 on SIGINT (Ctrl-C).`,
		Example: `  hearth connect --name ada --room lobby
  hearth connect wss://example.com/ws --token 9xbtWzPSvCi3 --room team-1
  hearth connect --json --listen --room lobby | jq .data
  echo hello | hearth connect --name bot --room lobby
  hearth connect --json --listen --count 1 --room deploys
  hearth connect --reconnect --listen --room lobby`,
		Args: arguments(0, 1),
	}
	f.bind(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) }
	return cmd
}

func (f *connectFlags) bind(cmd *cobra.Command) {
	flags, c := cmd.Flags(), &f.cfg
	flags.SortFlags = false
	flags.StringVar(&f.name, "name", "", "`name` to connect under, for servers that ask for one")
	flags.StringVar(&f.token, "token", "", "`token` to connect with; also from "+tokenEnv)
	flags.StringVar(&f.auth, "auth", "", "`JSON` to authenticate with, instead of name and token")
	flags.StringSliceVar(&c.Rooms, "room", nil, "`rooms` to join; may be repeated")
	flags.StringVar(&c.Event, "event", "chat", "`event` that text is published as")
	flags.BoolVar(&c.JSON, "json", false, "whole messages in and out, one a line")
	flags.BoolVar(&c.Listen, "listen", false, "read no input")
	countFlag(flags, &c.Count, "count", 0, "end after so many messages, not counting connected and errors")
	flags.DurationVar(&c.Wait, "wait", 500*time.Millisecond, "time to stay after the end of the input, unless that is a terminal")
	durationFlag(flags, &c.Heartbeat, "heartbeat", hearth.DefaultHeartbeatInterval, "time between two signs of life")
	flags.BoolVar(&c.Reconnect, "reconnect", false, "come back after a lost connection, and wait for a server that is away")
	flags.BoolVar(&f.encrypt, "encrypt", false, "have messages sealed, and refuse a server that does not")
	flags.StringSliceVar(&f.serverKeys, "server-key", nil, "`keys` of which the server must have one, as 'hearth key' shows them; implies --encrypt")
	flags.StringVar(&c.Origin, "origin", "", "`origin` to connect from, as a page of that site would")
	f.trust.bind(flags)
}

func (f *connectFlags) run(cmd *cobra.Command, args []string) error {
	if err := f.complete(cmd, args); err != nil {
		return err
	}
	return untilInterrupt(cmd.Context(), func(ctx context.Context) error {
		stay, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
		defer stop()
		err := connect.Run(stay, f.cfg)
		if errors.Is(err, context.Canceled) && ctx.Err() == nil {
			return nil // SIGTERM
		}
		return err
	})
}

// complete makes a configuration of flags and arguments.
func (f *connectFlags) complete(cmd *cobra.Command, args []string) (err error) {
	c := &f.cfg
	c.In, c.Out, c.Talk = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
	if isTerminal(c.In) {
		c.Wait = 0
	}
	c.From = f.name
	if c.URL, err = socketURL(cmd, args); err != nil {
		return err
	}
	if c.TLS, err = f.trust.config(cmd); err != nil {
		return err
	}
	if c.Encryption, err = f.encryption(cmd); err != nil {
		return err
	}
	c.Credentials, err = f.credentials(cmd)
	return err
}

func socketURL(cmd *cobra.Command, args []string) (string, error) {
	text := "ws://127.0.0.1:8080"
	if len(args) > 0 {
		text = args[0]
	}
	if !strings.Contains(text, "://") {
		text = "ws://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return "", usagef(cmd, "URL is %s: must look like ws://localhost:8080/ws", text)
	}
	if u.Path == "" {
		u.Path = hearth.DefaultPath
	}
	switch u.Scheme {
	case "ws", "wss":
	case "http", "https":
		u.Scheme = "ws" + strings.TrimPrefix(u.Scheme, "http")
		if u.Path == "/" { // the address of the page
			u.Path = hearth.DefaultPath
		}
	default:
		return "", usagef(cmd, "URL is %s: must begin with ws:// or wss://", text)
	}
	return u.String(), nil
}

func (f *connectFlags) encryption(cmd *cobra.Command) (*seal.ClientOptions, error) {
	if !f.encrypt && len(f.serverKeys) == 0 {
		return nil, nil //nolint:nilnil // that is: no encryption
	}
	for _, key := range f.serverKeys {
		if _, err := seal.DecodePublicKey(key); err != nil {
			return nil, usagef(cmd, "--server-key is %s: %s", key, text(err))
		}
	}
	return &seal.ClientOptions{ServerKeys: f.serverKeys}, nil
}

func (f *connectFlags) credentials(cmd *cobra.Command) (json.RawMessage, error) {
	if f.auth != "" {
		if f.name != "" || f.token != "" {
			return nil, usagef(cmd, "--auth is instead of --name and --token")
		}
		if !json.Valid([]byte(f.auth)) {
			return nil, usagef(cmd, "--auth is %s: must be JSON", f.auth)
		}
		return json.RawMessage(f.auth), nil
	}
	token := f.token
	if !cmd.Flags().Changed("token") {
		token = os.Getenv(tokenEnv)
	}
	return json.Marshal(struct {
		Name  string `json:"name,omitempty"`
		Token string `json:"token,omitempty"`
	}{f.name, token})
}
