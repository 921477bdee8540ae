//go:build unix

package main

import (
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

// setup gives a script certificates, and the place of the documentation.
func setup(env *testscript.Env) error {
	docs, err := filepath.Abs("../../docs")
	if err != nil {
		return err
	}
	env.Setenv("DOCS", docs)
	return writeCertificates(env)
}

func TestMain(m *testing.M) {
	testscript.Main(tidy{m}, map[string]func(){"hearth": main})
}

// tidy is tests that must leave no goroutine behind.
type tidy struct{ *testing.M }

func (m tidy) Run() int {
	code := 0
	if signal.Ignored(syscall.SIGHUP) { // under nohup; what is started here is to hear it
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	goleak.VerifyTestMain(m.M, goleak.Cleanup(func(c int) { code = c }))
	return code
}

// TestScripts runs testdata/script with real processes, sockets and Redis
// servers. What the scripts can do beside testscript's own commands is in
// script_test.go.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setup,
		Cmds:                commands(t),
	})
}
