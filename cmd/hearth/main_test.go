//go:build unix

package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"hearth": main})
}

// TestScripts runs testdata/script with real processes, sockets and Redis
// servers. What the scripts can do beside testscript's own commands is in
// script_test.go.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               writeCertificates,
		Cmds:                commands(t),
	})
}
