package main

import (
	"flag"
	"strings"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/redisbroker"
	"github.com/hearthws/hearth/seal"
)

type flags struct {
	addr, path, echoPath, redis, prefix string
	defaultRooms, origins, transport    string
	tlsCert, tlsKey                     string
	authTimeout, heartbeatInterval      time.Duration
	heartbeatTimeout, idleTimeout       time.Duration
	maxPayload, backpressureLimit       int
	loops                               int
	maxQueuedBytes                      int64
	closeOnBackpressure, deflate        bool
	inline, noRing, hasDefaultRooms     bool
	seal, requireEncryption             bool
}

func parseFlags(args []string) (*flags, error) {
	f := &flags{}
	fs := flag.NewFlagSet("lab", flag.ExitOnError)
	fs.StringVar(&f.addr, "addr", "127.0.0.1:7100", "host:port to listen on")
	fs.StringVar(&f.path, "path", hearth.DefaultPath, "path of the server")
	fs.StringVar(&f.echoPath, "echo-path", "/raw", "path of a plain WebSocket echo, for protocol test suites")
	fs.StringVar(&f.redis, "redis", "", "URL of a Redis; empty: the memory broker")
	fs.StringVar(&f.prefix, "prefix", "", "of all channel names at Redis")
	fs.DurationVar(&f.authTimeout, "auth-timeout", 0, "see hearth.Options; 0 is the default, so for the others")
	fs.DurationVar(&f.heartbeatInterval, "heartbeat-interval", 0, "")
	fs.DurationVar(&f.heartbeatTimeout, "heartbeat-timeout", 0, "")
	fs.DurationVar(&f.idleTimeout, "idle-timeout", 0, "")
	fs.IntVar(&f.maxPayload, "max-payload", 0, "bytes")
	fs.IntVar(&f.backpressureLimit, "backpressure-limit", 0, "bytes")
	fs.Int64Var(&f.maxQueuedBytes, "max-queued-bytes", 0, "")
	fs.BoolVar(&f.closeOnBackpressure, "close-on-backpressure", false, "")
	fs.BoolVar(&f.deflate, "deflate", false, "offer permessage-deflate")
	fs.StringVar(&f.defaultRooms, "default-rooms", "", "a,b; given and empty: none")
	fs.StringVar(&f.origins, "origins", "", "allowed origins, a,b")
	fs.BoolVar(&f.seal, "seal", false, "offer encryption")
	fs.BoolVar(&f.requireEncryption, "require-encryption", false, "demand it; implies -seal")
	fs.StringVar(&f.tlsCert, "tls-cert", "", "file")
	fs.StringVar(&f.tlsKey, "tls-key", "", "file")
	fs.IntVar(&f.loops, "loops", 0, "event loops; 0: one per processor")
	fs.StringVar(&f.transport, "transport", "auto", "auto, loop or stream")
	fs.BoolVar(&f.noRing, "no-io-uring", false, "make a system call for each write")
	fs.BoolVar(&f.inline, "inline", false, "hooks run on the loop")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	fs.Visit(func(g *flag.Flag) { f.hasDefaultRooms = f.hasDefaultRooms || g.Name == "default-rooms" })
	return f, nil
}

func (f *flags) options() (hearth.Options, error) {
	o := hearth.Options{
		Identifier:               "lab",
		Path:                     f.path,
		AuthTimeout:              f.authTimeout,
		HeartbeatInterval:        f.heartbeatInterval,
		HeartbeatTimeout:         f.heartbeatTimeout,
		IdleTimeout:              f.idleTimeout,
		MaxPayload:               f.maxPayload,
		BackpressureLimit:        f.backpressureLimit,
		MaxQueuedBytes:           f.maxQueuedBytes,
		CloseOnBackpressureLimit: f.closeOnBackpressure,
		PerMessageDeflate:        f.deflate,
		MessageRate:              1_000_000, // load generators are clients, too
		ByteRate:                 1 << 40,
		Origins:                  list(f.origins),
		Transport:                hearth.Transport(f.transport),
		Loops:                    f.loops,
		InlineHooks:              f.inline,
		DisableIOUring:           f.noRing,
	}
	if f.hasDefaultRooms {
		o.DefaultRooms = append([]string{}, list(f.defaultRooms)...)
	}
	if f.seal || f.requireEncryption {
		encryption, err := seal.New(seal.Options{})
		if err != nil {
			return o, err
		}
		o.Encryption, o.RequireEncryption = encryption, f.requireEncryption
	}
	if f.redis == "" {
		return o, nil
	}
	broker, err := redisbroker.New(redisbroker.Options{URL: f.redis, Prefix: f.prefix})
	o.Broker = broker
	return o, err
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}
