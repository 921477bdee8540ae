// Lab is a server with a fixed behaviour, so that tests, load generators and
// the comparison with the original can talk to any build of Hearth:
//
//	go run ./internal/lab -addr 127.0.0.1:7100
//
// It prints "READY ADDR PID" when it accepts, and exits with 0 after SIGTERM.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hearthws/hearth"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}

// shutdownTimeout bounds the way from SIGTERM to the end.
const shutdownTimeout = 10 * time.Second

func run(args []string) error {
	f, err := parseFlags(args)
	if err != nil {
		return err
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	signal.Ignore(syscall.SIGPIPE) // a log that nobody reads is no reason to end

	lab := &lab{}
	opts, err := f.options()
	if err != nil {
		return err
	}
	lab.hooks(&opts)
	if lab.server, err = hearth.New(ctx, opts); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle(f.path, lab.server)
	echo, err := newEcho(ctx, f)
	if err != nil {
		return err
	}
	mux.Handle(f.echoPath, echo)

	// Go listens with MPTCP by default, which epoll does not take over.
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	ln, err := lc.Listen(ctx, "tcp", f.addr)
	if err != nil {
		return err
	}
	web := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() {
		if f.tlsCert != "" {
			served <- web.ServeTLS(ln, f.tlsCert, f.tlsKey)
			return
		}
		served <- web.Serve(ln)
	}()
	fmt.Println("READY", ln.Addr(), os.Getpid())

	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	return errors.Join(web.Shutdown(ctx), echo.Shutdown(ctx), lab.server.Shutdown(ctx))
}
