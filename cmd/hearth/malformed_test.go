//go:build unix

package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hearthws/hearth/internal/frame"
)

// request is one with these fields.
func request(first string, fields ...string) string {
	return first + "\r\n" + strings.Join(fields, "\r\n") + "\r\n\r\n"
}

const (
	wsLine    = "GET /ws HTTP/1.1"
	wsHost    = "Host: example.com"
	wsUpgrade = "Upgrade: websocket"
	wsConn    = "Connection: keep-alive, Upgrade"
	wsVersion = "Sec-WebSocket-Version: 13"
	wsKey     = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
)

var (
	goodUpgrade = request(wsLine, wsHost, wsUpgrade, wsConn, wsVersion, wsKey)
	hello       = string(frame.AppendMasked(nil, frame.Text, true, false, []byte(`{"event":"authenticate"}`), [4]byte{1, 2, 3, 4}))
)

// upgradeWith is a good upgrade, but for something behind its fields.
func upgradeWith(fields ...string) string {
	return request(wsLine, append([]string{wsHost, wsUpgrade, wsConn, wsVersion, wsKey}, fields...)...)
}

// malformedUpgrades are whole requests, by what is wrong with them. (An empty
// body in chunks is not among them: when nginx passes it on, there is none.)
var malformedUpgrades = map[string]string{
	"version":         request(wsLine, wsHost, wsUpgrade, wsConn, "Sec-WebSocket-Version: 8", wsKey),
	"two versions":    upgradeWith("Sec-WebSocket-Version: 8"),
	"no version":      request(wsLine, wsHost, wsUpgrade, wsConn, wsKey),
	"short key":       request(wsLine, wsHost, wsUpgrade, wsConn, wsVersion, "Sec-WebSocket-Key: c2hvcnQ="),
	"no key":          request(wsLine, wsHost, wsUpgrade, wsConn, wsVersion),
	"two keys":        upgradeWith(wsKey),
	"space in a name": request(wsLine, wsHost, wsUpgrade, wsConn, wsVersion, "Sec-WebSocket-Key : dGhlIHNhbXBsZSBub25jZQ=="),
	"no upgrade":      request(wsLine, wsHost, wsConn, wsVersion, wsKey),
	"other upgrade":   request(wsLine, wsHost, "Upgrade: h2c", wsConn, wsVersion, wsKey),
	"no connection":   request(wsLine, wsHost, wsUpgrade, wsVersion, wsKey),
	"keep-alive":      request(wsLine, wsHost, wsUpgrade, "Connection: keep-alive", wsVersion, wsKey),
	"no host":         request(wsLine, wsUpgrade, wsConn, wsVersion, wsKey),
	"POST":            request("POST /ws HTTP/1.1", wsHost, wsUpgrade, wsConn, wsVersion, wsKey, "Content-Length: 0"),
	"HTTP/1.0":        request("GET /ws HTTP/1.0", wsHost, wsUpgrade, wsConn, wsVersion, wsKey),
	"body":            upgradeWith("Content-Length: 4") + "body",
	"chunked":         upgradeWith("Transfer-Encoding: chunked") + "4\r\nbody\r\n0\r\n\r\n",
	"both lengths":    upgradeWith("Content-Length: 5", "Transfer-Encoding: chunked") + "0\r\n\r\n",
	"two lengths":     upgradeWith("Content-Length: 4", "Content-Length: 5") + "body",
}

// upgrades sends malformed upgrades (A2) to the proxy, and good ones, and wants
// to see a 101 for the latter only. It sets $accepted to how many these were.
// Fails when checkRequest returns nil at once, and, of nginx, when the
// configuration sets Connection to "upgrade" whatever the client has sent.
func upgrades(ts *testscript.TestScript, _ bool, _ []string) {
	accepted := 0
	for name, raw := range malformedUpgrades {
		// What is behind it is a bad request, and not a frame.
		c := dialProxy(ts, name+", with a frame behind it", raw+hello)
		c.refused()
		c.ends("HTTP/1.1 101", "connected")
		// Where the connection goes on, what comes next is a request of its own.
		c = dialProxy(ts, name, raw)
		if last := c.refused(); last || name == "both lengths" { // which haproxy ends, as it must, without a word
			c.ends("HTTP/1.1")
			continue
		}
		c.write(goodUpgrade + hello)
		c.switches()
		c.connects()
		accepted++
	}
	c := dialProxy(ts, "a good one, with a frame behind it", goodUpgrade+hello)
	c.switches()
	c.connects()
	c = dialProxy(ts, "a good one, with requests behind it", goodUpgrade+request("GET /readyz HTTP/1.1", wsHost)+goodUpgrade)
	c.switches()
	if rest := c.ends("HTTP/1.1"); !strings.HasPrefix(rest, "\x88") || len(rest) < 4 || rest[2:4] != "\x03\xea" {
		c.fatalf("%q is no close frame with 1002", rest)
	}
	ts.Setenv("accepted", strconv.Itoa(accepted+2))
}

// proxyConn is a connection to the proxy.
type proxyConn struct {
	ts   *testscript.TestScript
	name string
	conn *tls.Conn
	r    *bufio.Reader
}

// dialProxy connects, and sends text.
func dialProxy(ts *testscript.TestScript, name, text string) *proxyConn {
	conn, err := tls.Dial("tcp", "127.0.0.1:"+ts.Getenv("proxy_port"), trust(ts, "a.pem"))
	ts.Check(err)
	ts.Defer(func() { conn.Close() })
	ts.Check(conn.SetDeadline(time.Now().Add(patience)))
	c := &proxyConn{ts, name, conn, bufio.NewReader(conn)}
	c.write(text)
	return c
}

func (c *proxyConn) fatalf(format string, args ...any) {
	c.ts.Fatalf("%s: "+format, append([]any{c.name}, args...)...)
}

func (c *proxyConn) write(text string) {
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.fatalf("%v", err)
	}
}

// refused reads the answer to a malformed upgrade. It reports whether the
// connection ends with it.
func (c *proxyConn) refused() (last bool) {
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.fatalf("no answer: %v", err)
	}
	defer res.Body.Close()
	if res.StatusCode < 400 || res.StatusCode > 499 {
		c.fatalf("the answer is %s", res.Status)
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		c.fatalf("%v", err)
	}
	return res.Close
}

// ends reads to the end of the connection, where none of these texts may be.
func (c *proxyConn) ends(never ...string) string {
	rest, err := io.ReadAll(c.r)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		c.fatalf("the connection stays open behind %q", rest)
	}
	for _, text := range never {
		if strings.Contains(string(rest), text) {
			c.fatalf("what is behind it is taken: %q", rest)
		}
	}
	return string(rest)
}

func (c *proxyConn) switches() {
	res, err := http.ReadResponse(c.r, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		c.fatalf("a good upgrade is answered %v, %v", res, err)
	}
	res.Body.Close()
}

// connects reads one message, which must be `connected`.
func (c *proxyConn) connects() {
	const want = "\x81~??" + `{"event":"connected"` // with its length
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c.r, got); err != nil || string(got[:2]) != want[:2] || string(got[4:]) != want[4:] {
		c.fatalf("hello is answered %q, %v", got, err)
	}
}
