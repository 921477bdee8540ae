package client

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// maxHeader is how many bytes an answer's header may have.
const maxHeader = 64 << 10

// proxy is the proxy to go through with r; nil: none.
func (d *dialer) proxy(r *http.Request) (*url.URL, error) {
	switch {
	case d.opts.Proxy != nil:
		return d.opts.Proxy(r)
	case d.opts.Dial != nil:
		return nil, nil
	}
	return http.ProxyFromEnvironment(r)
}

// tunnels reports whether this package has to ask the proxy for a tunnel. For
// https: [http.Transport] does; for http: it would have the proxy read and send
// on the request, which few do with an upgrade (RFC 6455, section 4.1, wants a
// tunnel for both).
func (d *dialer) tunnels(proxy *url.URL) bool {
	return proxy != nil && d.url.Scheme == "http" && (proxy.Scheme == "http" || proxy.Scheme == "https")
}

// tunnel has a connection to a proxy lead to d's address.
func (d *dialer) tunnel(ctx context.Context, conn net.Conn, proxy *url.URL) (net.Conn, error) {
	if proxy.Scheme == "https" {
		config := d.opts.TLS.Clone()
		if config == nil {
			config = new(tls.Config)
		}
		if config.ServerName == "" {
			config.ServerName = proxy.Hostname()
		}
		conn = tls.Client(conn, config)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	err := connectTo(conn, hostPort(d.url), proxy)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	return conn, err
}

func connectTo(conn net.Conn, addr string, proxy *url.URL) error {
	r := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: addr}, Host: addr, Header: http.Header{}}
	if proxy.User != nil {
		password, _ := proxy.User.Password()
		r.SetBasicAuth(proxy.User.Username(), password)
		r.Header = http.Header{"Proxy-Authorization": r.Header["Authorization"]}
	}
	if err := r.Write(conn); err != nil {
		return fmt.Errorf("to the proxy %s: %w", proxy.Host, err)
	}
	in := bufio.NewReader(io.LimitReader(conn, maxHeader))
	answer, err := http.ReadResponse(in, r) //nolint:bodyclose // the connection is what follows, or ends with it
	if err != nil {
		return fmt.Errorf("from the proxy %s: %w", proxy.Host, err)
	}
	if err := answeredBy(proxy, answer); err != nil {
		return err
	}
	if in.Buffered() > 0 { // a server waits for a request
		return errors.New("the proxy " + proxy.Host + " sends what nobody has asked for")
	}
	return nil
}

// answeredBy is the error for what a proxy says to CONNECT.
func answeredBy(proxy *url.URL, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return answered("the proxy "+proxy.Host, answer)
}
