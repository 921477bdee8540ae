// Package cli is the command line of the hearth binary: its commands, flags,
// texts and exit codes.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/hearthws/hearth/cmd/hearth/internal/serve"
)

// Exit codes of every command.
const (
	exitFailure     = 1
	exitUsage       = 2   // what was asked for makes no sense; nothing has been done
	exitInterrupted = 130 // SIGINT, as shells have it
)

// Main runs a command and returns its exit code. Data goes to stdout,
// everything else to stderr.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(context.Background())
	var usage *usageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errInterrupted), errors.Is(err, serve.ErrInterrupted):
		return exitInterrupted
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "hearth: %s\nRun '%s --help' for usage.\n", text(err), usage.cmd.CommandPath())
		return exitUsage
	}
	fmt.Fprintln(stderr, "hearth:", text(err))
	return exitFailure
}

// text is the error without the library's prefix, which is the binary's too.
func text(err error) string { return strings.TrimPrefix(err.Error(), "hearth: ") }

// newRoot is the command `hearth`.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "hearth",
		Short: "Real-time rooms over WebSocket",
		Long:  "Hearth serves real-time rooms over WebSocket, alone or as a cluster that shares a Redis.",
		Example: `  hearth serve --demo                                  try it: open http://127.0.0.1:8080/
  hearth connect --name ada --room lobby               a client in the terminal
  hearth emit room lobby news '"hello"' --redis URL    send from a script
  hearth bench fanout                                  measure a server`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version().String(),
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return &usageError{cmd, err} })
	root.CompletionOptions.HiddenDefaultCmd = true
	group(root, newServe(), newEmit(), newConnect(), newBench(), newKey(), newVersion())
	return root
}

// errInterrupted: the user has pressed Ctrl-C.
var errInterrupted = errors.New("interrupted")

// untilInterrupt calls f with a context that ends with SIGINT. A second one
// ends the process.
func untilInterrupt(ctx context.Context, f func(ctx context.Context) error) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop)
	err := f(ctx)
	if err != nil && ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

// untilEnded is untilInterrupt for what has processes of its own to end: SIGTERM
// and SIGHUP end the context, too.
func untilEnded(ctx context.Context, f func(ctx context.Context) error) error {
	return untilInterrupt(ctx, func(outer context.Context) error {
		signals := []os.Signal{syscall.SIGTERM}
		if !signal.Ignored(syscall.SIGHUP) { // as under nohup
			signals = append(signals, syscall.SIGHUP)
		}
		ctx, stop := signal.NotifyContext(outer, signals...)
		defer stop()
		context.AfterFunc(ctx, stop)
		err := f(ctx)
		if err != nil && ctx.Err() != nil {
			return context.Cause(ctx) // which names the signal
		}
		return err
	})
}
