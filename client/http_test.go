package client_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hearthws/hearth/client"
)

// answerHTTP answers one request.
func answerHTTP(conn net.Conn, status, rest string) {
	defer conn.Close()
	if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
		_, _ = io.WriteString(conn, "HTTP/1.1 "+status+"\r\nConnection: close\r\n"+rest+"\r\n")
	}
}

// What a proxy or another server answers is told, with what to expect of it.
func TestHTTPAnswers(t *testing.T) {
	for _, test := range []struct {
		status, rest string
		code         client.ErrorCode
		final        bool
		after        time.Duration
		text         string
	}{
		{status: "400 Bad Request", code: client.ErrHTTP, final: true},
		{status: "401 Unauthorized", rest: "WWW-Authenticate: Basic\r\n", code: client.ErrRejected, final: true},
		{status: "403 Forbidden", rest: "Content-Type: text/plain\r\n\r\nnot from there\nmore", code: client.ErrRejected, final: true, text: "403 Forbidden: not from there"},
		{status: "407 Proxy Authentication Required", code: client.ErrRejected, final: true},
		{status: "404 Not Found", rest: "Content-Type: text/html\r\n\r\n<h1>no</h1>", code: client.ErrHTTP, text: "404 Not Found"},
		{status: "301 Moved Permanently", rest: "Location: https://example.com/ws\r\n", code: client.ErrHTTP, final: true, text: "https://example.com/ws"},
		{status: "200 OK", code: client.ErrHTTP, final: true},
		{status: "426 Upgrade Required", code: client.ErrHTTP, final: true},
		{status: "429 Too Many Requests", rest: "Retry-After: 7\r\n", code: client.ErrHTTP, after: 7 * time.Second},
		{status: "500 Internal Server Error", code: client.ErrHTTP},
		{status: "502 Bad Gateway", code: client.ErrHTTP},
		{status: "503 Service Unavailable", rest: "Retry-After: 120\r\n", code: client.ErrHTTP, after: 2 * time.Minute},
		{status: "503 Service Unavailable", rest: "Retry-After: Sat, 01 Jan 2000 00:01:40 GMT\r\n", code: client.ErrHTTP, after: 100 * time.Second},
		{status: "503 Service Unavailable", rest: "Retry-After: Sat, 01 Jan 1999 00:01:40 GMT\r\n", code: client.ErrHTTP},
		{status: "503 Service Unavailable", rest: "Retry-After: 99999999999999999999\r\n", code: client.ErrHTTP, after: 10 * time.Minute},
		{status: "503 Service Unavailable", rest: "Retry-After: soon\r\n", code: client.ErrHTTP},
		{status: "503 Service Unavailable", rest: "Retry-After: -5\r\n", code: client.ErrHTTP},
		{status: "101 Switching Protocols", rest: "Upgrade: websocket\r\n", code: client.ErrNetwork, text: "does not speak WebSocket"},
		{status: "nonsense", code: client.ErrNetwork, text: "cannot connect"},
	} {
		t.Run(test.status+test.rest, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // where it is the year 2000
				var attempts atomic.Int32
				c := start(t, client.Options{
					Backoff: client.Backoff{Base: time.Second, Cap: time.Second},
					Dial: func(context.Context, string, string) (net.Conn, error) {
						attempts.Add(1)
						near, far := net.Pipe()
						go answerHTTP(far, test.status, test.rest)
						return near, nil
					},
				})
				changes := inbox(c.OnState)
				c.Start()
				ch := until(t, changes, func(ch client.Change) bool { return ch.Err != nil })
				if !errors.Is(ch.Err, test.code) || ch.Err.Final() != test.final || !strings.Contains(ch.Err.Error(), test.text) {
					t.Errorf("the error is %+v", ch.Err)
				}
				if test.code != client.ErrNetwork && fmt.Sprint(ch.Err.Status) != test.status[:3] || ch.Err.RetryAfter != test.after {
					t.Errorf("status %d, again after %s, want %s", ch.Err.Status, ch.Err.RetryAfter, test.after)
				}
				if test.final != (ch.State == client.Disconnected) {
					t.Errorf("the client is %s", ch.State)
				}
				if test.final {
					return
				}
				if ch.Delay < test.after || ch.Delay > test.after+time.Second {
					t.Errorf("waits for %s", ch.Delay)
				}
				time.Sleep(ch.Delay - 1)
				synctest.Wait()
				if attempts.Load() != 1 {
					t.Error("did not wait")
				}
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				if attempts.Load() != 2 {
					t.Errorf("attempt %d after %s", attempts.Load(), ch.Delay)
				}
			})
		})
	}
}

// What is sent with the request is what the options say.
func TestRequest(t *testing.T) {
	seen := make(chan *http.Request, 1)
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		seen <- r
		http.Error(w, "no", http.StatusForbidden)
	})
	c := start(t, client.Options{
		URL: "http://ada:s3cret@example.com:8080/live/ws?x=1#part", Dial: f.DialContext, Subprotocols: []string{"a", "b"},
		Header: http.Header{"Origin": {"https://example.org"}, "Host": {"other.example"}},
	})
	_, err := c.Connect(t.Context())
	if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "ws://example.com:8080/live/ws answers") {
		t.Error(err)
	}
	r := next(t, seen)
	user, password, _ := r.BasicAuth()
	if r.URL.String() != "/live/ws?x=1" || r.Host != "other.example" || user != "ada" || password != "s3cret" ||
		r.Header.Get("Origin") != "https://example.org" || r.Header.Get("Sec-WebSocket-Protocol") != "a, b" {
		t.Errorf("the request is %s %s %v", r.Host, r.URL, r.Header)
	}
}

func TestOptions(t *testing.T) {
	for want, o := range map[string]client.Options{
		"URL":                {},
		"option URL":         {URL: "ftp://example.com"},
		"give one like":      {URL: "/ws"},
		"Credentials":        {Token: "a", Credentials: as("a")},
		"Backoff.Base":       {Backoff: client.Backoff{Base: -1}},
		"Backoff.Cap":        {Backoff: client.Backoff{Cap: -1}},
		"Heartbeat.Interval": {Heartbeat: client.Heartbeat{Interval: -1}},
		"Heartbeat.Timeout":  {Heartbeat: client.Heartbeat{Timeout: -1}},
		"ConnectTimeout":     {ConnectTimeout: -1},
		"MaxMessage":         {MaxMessage: -1},
		"Queue.Bytes":        {Queue: client.Queue{Bytes: -1}},
		"Queue.Overflow":     {Queue: client.Queue{Overflow: 7}},
	} {
		if o.URL == "" && !strings.HasSuffix(want, "URL") {
			o.URL = "ws://localhost/ws"
		}
		if _, err := client.New(o); !errors.Is(err, client.ErrUsage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
