//go:build unix

package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// proxy starts nginx or haproxy as docs/operations.md says, in front of the
// servers on two ports, and sets $proxy to the URL of the WebSocket. A third
// argument is its limit for silent connections, instead of two minutes.
func (s *scripts) proxy(ts *testscript.TestScript, _ bool, args []string) {
	program := args[0]
	port := freePort(ts)
	config := strings.NewReplacer(
		":8081", ":"+args[1],
		":8082", ":"+args[2],
		"listen 443 ", "listen 127.0.0.1:"+port+" ",
		"bind :443 ", "bind 127.0.0.1:"+port+" ",
		"/etc/nginx/example.com", ts.MkAbs("a"),
		"/etc/haproxy/example.com", ts.MkAbs("both"),
	).Replace(fenced(ts, program))
	if len(args) > 3 {
		config = strings.NewReplacer("proxy_read_timeout 2m", "proxy_read_timeout "+args[3], "timeout tunnel 2m", "timeout tunnel "+args[3]).Replace(config)
	}
	ts.Check(os.WriteFile(ts.MkAbs("both.pem"), []byte(ts.ReadFile("a.pem")+ts.ReadFile("a.key")), 0o600))
	command := []string{"haproxy", "-db", "-f", ts.MkAbs("proxy.conf")}
	if program == "nginx" {
		config = fmt.Sprintf("daemon off; master_process off; pid %s; error_log stderr;\nevents {}\nhttp {\naccess_log off;\n%s}\n",
			ts.MkAbs("nginx.pid"), config)
		command = []string{"nginx", "-e", "stderr", "-c", ts.MkAbs("proxy.conf")}
	}
	ts.Check(os.WriteFile(ts.MkAbs("proxy.conf"), []byte(config), 0o600))
	s.start(ts, false, append([]string{program}, command...))
	ts.Setenv("proxy", "wss://127.0.0.1:"+port+"/ws")
	ts.Setenv("proxy_port", port)
}

// fenced is the block of that language in docs/operations.md.
func fenced(ts *testscript.TestScript, language string) string {
	docs, err := os.ReadFile(filepath.Join(ts.Getenv("DOCS"), "operations.md"))
	ts.Check(err)
	block := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindSubmatch(docs)
	if block == nil {
		ts.Fatalf("docs/operations.md has no block of %s", language)
	}
	return string(block[1])
}

func freePort(ts *testscript.TestScript) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	ts.Check(err)
	return port
}
