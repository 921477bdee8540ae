// Package serve is what `hearth serve` runs: a [hearth.Server] with its
// listeners, its rules who may do what, health checks, metrics, and an orderly
// end.
package serve

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hearthws/hearth"
)

// Config says what to serve, and where.
type Config struct {
	Addr        string // host:port
	MetricsAddr string // host:port of a listener for /metrics; "": at Addr
	CertFile    string // PEM; "": no TLS
	KeyFile     string

	// Options of the server. Run sets the hooks.
	Options hearth.Options

	// One of these says who may connect.
	Demo       bool   // anyone, under the name they give
	TokensFile string // who has a token of this file

	// Encryption is EncryptionOff, which is also "", EncryptionOffered or
	// EncryptionRequired.
	Encryption        string
	EncryptionKeyFile string // "": a new key; PEM or JWK, read again on SIGHUP

	// DrainFor is the time over which SIGTERM spreads the closing of
	// connections; 0 closes all at once.
	DrainFor time.Duration

	// ShutdownTimeout bounds what comes after that.
	ShutdownTimeout time.Duration

	// Banner is where a text for people is written once the server listens;
	// nil: nowhere.
	Banner io.Writer
}

// ErrInterrupted is Run's error after SIGINT.
var ErrInterrupted = errors.New("interrupted")

// node is a running server.
type node struct {
	cfg        Config
	log        *slog.Logger
	access     access
	server     *hearth.Server
	web        *web
	cert       *certificate // nil: no TLS
	encryption *encryption  // nil: none
	draining   atomic.Bool
	workers    sync.WaitGroup
}

// Run serves until one of signals says otherwise: SIGTERM drains, SIGINT
// closes everything at once, a second one of either cuts what is left, and
// SIGHUP reads the files again. The error is nil after SIGTERM if everything
// ended in time.
func Run(cfg Config, signals <-chan os.Signal) error {
	life, end := newLifetime(signals)
	defer end()
	n, err := start(life.running, cfg)
	if err != nil {
		cause := context.Cause(life.running)
		if errors.Is(cause, context.Canceled) { // SIGTERM, while Redis was waited for
			return nil
		}
		return cmp.Or(cause, err)
	}
	failed := n.wait(life)
	over := cfg.DrainFor
	if failed != nil || errors.Is(context.Cause(life.running), ErrInterrupted) {
		over = 0
	}
	err = n.stop(life.patient, over)
	if cause := context.Cause(life.running); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return errors.Join(failed, err)
}

// start returns when the node accepts connections.
func start(ctx context.Context, cfg Config) (*node, error) {
	n := &node{cfg: cfg, log: cfg.Options.Logger}
	var err error
	if n.access, err = newAccess(&cfg, n.log); err != nil {
		return nil, err
	}
	var tlsConfig *tls.Config
	if cfg.CertFile != "" {
		if n.cert, err = loadCertificate(cfg.CertFile, cfg.KeyFile); err != nil {
			return nil, err
		}
		tlsConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: n.cert.get}
	}
	if n.encryption, err = newEncryption(&cfg); err != nil {
		return nil, err
	}
	// An address in use is found out before Redis is waited for.
	public, err := listen(ctx, cfg.Addr)
	if err != nil {
		return nil, err
	}
	var private net.Listener
	if cfg.MetricsAddr != "" {
		if private, err = listen(ctx, cfg.MetricsAddr); err != nil {
			public.Close()
			return nil, err
		}
	}
	opts := cfg.Options
	n.hooks(&opts)
	if n.encryption != nil {
		opts.Encryption, opts.RequireEncryption = n.encryption, cfg.Encryption == EncryptionRequired
	}
	if opts.Broker != nil {
		n.log.Info("connecting to the broker")
	}
	if n.server, err = hearth.New(ctx, opts); err != nil {
		public.Close()
		if private != nil {
			private.Close()
		}
		return nil, err
	}
	n.web = newWeb(n)
	n.web.serve(public, private, tlsConfig)
	n.announce(public.Addr(), private)
	return n, nil
}

// wait returns when the node is to stop, or why it cannot go on.
func (n *node) wait(life *lifetime) error {
	ctx, cancel := context.WithCancel(life.running) // ends also when a listener has failed
	defer cancel()
	n.workers.Go(func() { n.trimMemory(ctx) })
	for {
		select {
		case <-life.running.Done():
			return nil
		case err := <-n.web.failed:
			return fmt.Errorf("listener: %w", err)
		case <-life.reload:
			n.reload(ctx)
		}
	}
}

// settled is longer than it takes from ValidateRooms until a client is in its rooms.
const settled = time.Second

// reload reads the files again, and keeps what it has of those that are wrong.
func (n *node) reload(ctx context.Context) {
	if n.cert != nil {
		if err := n.cert.reload(); err != nil {
			n.log.Error("certificate not reloaded, the old one stays", "error", err)
		} else {
			n.log.Info("certificate reloaded", "file", n.cfg.CertFile)
		}
	}
	n.reloadEncryption()
	if err := n.access.reload(); err != nil {
		n.log.Error("tokens not reloaded, the old ones stay", "error", err)
		return
	}
	n.reviewAll()
	n.workers.Go(func() {
		select {
		case <-time.After(settled):
			n.reviewAll() // who was asking for a room meanwhile was allowed it by the old file
		case <-ctx.Done():
		}
	})
}

func (n *node) reviewAll() {
	for c := range n.server.Clients(hearth.Filter{State: hearth.StateAuthenticated}) {
		n.review(c)
	}
}

// stop spreads the closing of connections, and ends everything within
// ShutdownTimeout of that, or when ctx ends.
func (n *node) stop(ctx context.Context, over time.Duration) error {
	n.draining.Store(true)
	n.drain(ctx, over)
	ctx, cancel := context.WithTimeout(ctx, n.cfg.ShutdownTimeout)
	defer cancel()
	err := n.server.Shutdown(ctx)
	if err != nil {
		err = fmt.Errorf("not everything ended in time: %w", err)
	}
	err = errors.Join(err, n.web.shutdown(ctx))
	n.workers.Wait()
	n.log.Info("stopped")
	return err
}
