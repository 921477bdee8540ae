package client_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/hearthws/hearth/client"
)

// The proxy is chosen by the address as it stands in the URL, once for an
// attempt.
func TestProxyChoice(t *testing.T) {
	for from, want := range map[string]string{
		"ws://hearth.test/ws":        "http://hearth.test/ws",
		"ws://hearth.test:8080/ws":   "http://hearth.test:8080/ws",
		"wss://hearth.test:8443/a?b": "https://hearth.test:8443/a?b",
		"ws://[::1]:8080/ws":         "http://[::1]:8080/ws",
		"wss://[2001:db8::1]/ws":     "https://[2001:db8::1]/ws",
	} {
		asked := make(chan string, 16)
		c := start(t, client.Options{
			URL: from,
			Proxy: func(r *http.Request) (*url.URL, error) {
				asked <- r.URL.String()
				return nil, errors.New("no proxy today")
			},
			Dial: func(context.Context, string, string) (net.Conn, error) {
				t.Error("dialled without a proxy")
				return nil, io.EOF
			},
		})
		changes := inbox(c.OnState)
		c.Start()
		ch := until(t, changes, func(ch client.Change) bool { return ch.Err != nil })
		if !errors.Is(ch.Err, client.ErrNetwork) || !strings.Contains(ch.Err.Error(), "no proxy today") {
			t.Errorf("the error is %v", ch.Err)
		}
		c.Close()
		if got := <-asked; got != want {
			t.Errorf("for %s the proxy is chosen by %s", from, got)
		}
	}
}

// An address without TLS is reached by a tunnel, too, be the proxy's with it or
// without.
func TestProxyPlain(t *testing.T) {
	_, web := real(t, false)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := basicAuth(r.Header.Get("Proxy-Authorization"))
		if r.Method != http.MethodConnect || r.Host != "hearth.test:80" || user != "ada" || password != "s3cret" {
			http.Error(w, "only tunnels", http.StatusForbidden)
			return
		}
		tunnel(t, w, web)
	})
	for name, proxy := range map[string]*httptest.Server{"http": httptest.NewServer(handler), "https": httptest.NewTLSServer(handler)} {
		t.Run(name, func(t *testing.T) {
			defer proxy.Close()
			way, err := url.Parse(proxy.URL)
			if err != nil {
				t.Fatal(err)
			}
			opts := client.Options{URL: "ws://hearth.test/ws", Proxy: http.ProxyURL(way)}
			if name == "https" {
				opts.TLS = trust(proxy)
			}
			stranger := start(t, opts)
			_, err = stranger.Connect(t.Context())
			if !errors.Is(err, client.ErrRejected) || !strings.Contains(err.Error(), "the proxy "+way.Host+" answers 403") {
				t.Errorf("without credentials: %v", err)
			}

			known := *way
			known.User = url.UserPassword("ada", "s3cret")
			opts.Proxy = http.ProxyURL(&known)
			c := start(t, opts)
			echo := event(c, "echo")
			connect(t, c)
			send(t, c, "echo", 1)
			next(t, echo)
			c.Close()
		})
	}
}

func basicAuth(header string) (user, password string, ok bool) {
	return (&http.Request{Header: http.Header{"Authorization": {header}}}).BasicAuth()
}
