package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hearthws/hearth/internal/handshake"
)

// dialer opens connections to one address.
type dialer struct {
	url  *url.URL // http: or https:
	name string   // of the address, for people: without user and query, which may be secret
	opts *Options
}

func newDialer(opts *Options) (*dialer, error) {
	u, err := address(opts.URL)
	if err != nil {
		return nil, err
	}
	d := &dialer{url: u, opts: opts}
	d.name = "ws" + strings.TrimPrefix(u.Scheme, "http") + "://" + u.Host + u.EscapedPath()
	return d, nil
}

// dial connects and upgrades.
func (d *dialer) dial(ctx context.Context) (*socket, *Error) {
	var raw net.Conn // below TLS: deadlines are set there
	open := d.opts.Dial
	if open == nil {
		open = new(net.Dialer).DialContext
	}
	request, key := d.request(ctx)
	// Not by the transport, which would ask for an address without its port.
	proxy, err := d.proxy(request)
	if err != nil {
		return nil, d.unreachable(ctx, err)
	}
	transport := &http.Transport{
		TLSClientConfig:        d.opts.TLS.Clone(),
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
		Protocols:              new(http.Protocols),
	}
	transport.Protocols.SetHTTP1(true)
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := open(ctx, network, addr)
		raw = conn
		return conn, err
	}
	if d.tunnels(proxy) {
		transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			conn, err := open(ctx, network, hostPort(proxy))
			if err != nil {
				return nil, err
			}
			raw = conn
			if conn, err = d.tunnel(ctx, conn, proxy); err != nil {
				raw.Close()
				return nil, err
			}
			return conn, nil
		}
	} else {
		transport.Proxy = http.ProxyURL(proxy)
		transport.OnProxyConnectResponse = func(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
			return answeredBy(proxy, answer)
		}
	}

	// A connection of its own: a Transport's pool would go on dialling after
	// the end of ctx.
	conn, err := transport.NewClientConn(ctx, d.url.Scheme, hostPort(d.url))
	if err != nil {
		return nil, d.unreachable(ctx, err)
	}
	answer, err := conn.RoundTrip(request)
	if err != nil {
		_ = conn.Close()
		return nil, d.unreachable(ctx, err)
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		refusal := d.refused(answer)
		answer.Body.Close()
		_ = conn.Close()
		return nil, refusal
	}
	deflate, err := handshake.CheckAnswer(answer.Header, key, d.opts.Subprotocols)
	stream, ok := answer.Body.(io.ReadWriteCloser)
	if err == nil && !ok {
		err = errors.New("the connection cannot be written to")
	}
	if err != nil {
		answer.Body.Close()
		return nil, &Error{Code: ErrNetwork, Text: fmt.Sprintf("%s does not speak WebSocket: %v", d.name, err), Err: err}
	}
	return newSocket(raw, stream, d.opts.MaxMessage, deflate), nil
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = u.Scheme // a service name would do, but not for every Dial
		port = map[string]string{"http": "80", "https": "443"}[port]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func (d *dialer) request(ctx context.Context) (r *http.Request, key string) {
	r = (&http.Request{
		Method: http.MethodGet, URL: d.url, Header: d.opts.Header.Clone(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Host = r.Header.Get("Host") // "": that of the URL
	if user := d.url.User; user != nil && r.Header.Get("Authorization") == "" {
		password, _ := user.Password()
		r.SetBasicAuth(user.Username(), password)
	}
	return r, handshake.Ask(r.Header, d.opts.Subprotocols)
}

// unreachable is the error for an address where nobody answers.
func (d *dialer) unreachable(ctx context.Context, err error) *Error {
	var own *Error
	switch {
	case errors.As(err, &own): // of the proxy
		return own
	case ctx.Err() != nil:
		return d.late(err)
	}
	return &Error{Code: ErrNetwork, Text: fmt.Sprintf("cannot connect to %s: %v", d.name, err), Err: err}
}

// late is the error for an attempt that took too long.
func (d *dialer) late(err error) *Error {
	return &Error{Code: ErrTimeout, Text: fmt.Sprintf("no connection to %s within %s", d.name, d.opts.ConnectTimeout), Err: err}
}

// refused is the error for an HTTP answer that is no upgrade.
func (d *dialer) refused(answer *http.Response) *Error {
	e := answered(d.name, answer)
	if location := answer.Header.Get("Location"); location != "" {
		e.Text += ", and points to " + location
	}
	if strings.HasPrefix(answer.Header.Get("Content-Type"), "text/plain") {
		body, _ := io.ReadAll(io.LimitReader(answer.Body, 256))
		if text, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n"); text != "" {
			e.Text += ": " + text
		}
	}
	return e
}

// answered is the error for the status of an answer.
func answered(who string, answer *http.Response) *Error {
	e := &Error{
		Code: ErrHTTP, Status: answer.StatusCode, RetryAfter: retryAfter(answer.Header),
		Text: fmt.Sprintf("%s answers %s", who, answer.Status),
	}
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		e.Code = ErrRejected
	}
	return e
}

// retryAfter reads the header of that name (RFC 9110, section 10.2.3), which
// has seconds or a date.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if text == "" {
		return 0
	}
	wait := maxRetryAfter
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(text); err == nil {
		wait = time.Until(date)
	} else if strings.Trim(text, "0123456789") != "" {
		return 0
	}
	return max(0, min(wait, maxRetryAfter))
}
