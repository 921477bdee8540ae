//go:build unix

package redistest

import (
	"slices"
	"syscall"
	"testing"
)

// Server is a redis-server of the test's own. Its methods may be called
// concurrently; those that fail end the test.
type Server struct {
	*process
	t        testing.TB
	password string
}

// Start runs a redis-server with more arguments, such as "--requirepass",
// "secret". It ends with the test.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	p, err := launch("", append([]string{"--save", "", "--appendonly", "no"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{process: p, t: t}
	if i := slices.Index(args, "--requirepass"); i >= 0 && i+1 < len(args) {
		s.password = args[i+1]
		s.auth = []string{"-a", s.password}
	}
	t.Cleanup(s.remove)
	return s
}

// Addr is host:port.
func (s *Server) Addr() string { return s.addr() }

// URL is the address as redis://…, with the password if there is one.
func (s *Server) URL() string {
	if s.password == "" {
		return "redis://" + s.Addr()
	}
	return "redis://:" + s.password + "@" + s.Addr()
}

// Kill ends the server at once, as kill -9 does.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

// Stop ends the server in an orderly way.
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

// Restart starts the server again, on its old port; a running one is killed.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	if err := s.start(); err != nil {
		s.t.Fatal(err)
	}
}

// Freeze stops the server's process, which keeps its connections.
func (s *Server) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw lets a frozen server go on.
func (s *Server) Thaw() { s.signal(syscall.SIGCONT) }

// CLI runs redis-cli with args and returns what it prints.
func (s *Server) CLI(args ...string) string {
	s.t.Helper()
	out, err := s.cli("", args...)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}
