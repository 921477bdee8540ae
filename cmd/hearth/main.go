// Hearth runs and uses servers of real-time rooms over WebSocket; see
// `hearth --help` and docs/operations.md.
package main

import (
	"os"

	"github.com/hearthws/hearth/cmd/hearth/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
