package client

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/hearthws/hearth/seal"
)

// Options configure a [Client]. The zero value of a field means its default.
type Options struct {
	// URL of the server: ws://, wss://, http:// or https://. Required.
	URL string

	// Token is what the server authenticates by, as {"token": Token}.
	// Default: none.
	Token string

	// Credentials gets what the server authenticates by, for every attempt
	// anew: a string goes as {"token": string}, anything else as its JSON. ctx
	// ends with the attempt. Its error is told by OnError with the code
	// ErrToken and tried again later; to stop instead, return ErrRejected,
	// wrapped or not. Instead of Token. Default: none.
	Credentials func(ctx context.Context) (any, error)

	// Encryption has messages sealed; the zero [seal.ClientOptions] takes every
	// server that encrypts, and ServerKeys pin its key. A server that does not
	// is refused. Default (nil): they are not.
	Encryption *seal.ClientOptions

	// Queue is what waits while there is no connection.
	Queue Queue

	// Backoff is how long to wait between attempts.
	Backoff Backoff

	// Heartbeat is how a connection is kept, and a dead one noticed.
	Heartbeat Heartbeat

	// ConnectTimeout bounds an attempt, Credentials included. Default: 20 s.
	ConnectTimeout time.Duration

	// MaxMessage is the longest message in bytes that is taken from the
	// server, after decompression. Default: 16 MiB.
	MaxMessage int

	// Subprotocols are offered to the server. Default: none.
	Subprotocols []string

	// Header is sent with the request for a connection, for proxies. Default:
	// none.
	Header http.Header

	// TLS is for wss:// and https://. Default (nil): as the system has it.
	TLS *tls.Config

	// Proxy is the proxy to go through, as that of [http.Transport], and is
	// asked before every attempt, by an URL with http: or https:. Proxies
	// seldom forward an upgrade: ws:// takes a tunnel (CONNECT) as wss:// does.
	// Default: [http.ProxyFromEnvironment]; with Dial: none.
	Proxy func(*http.Request) (*url.URL, error)

	// Dial opens connections, as [net.Dialer.DialContext] does; addr is the
	// host and port of URL, or of the proxy. Default: over the network.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)

	// Logger gets the error for which the client has given up, when neither
	// OnState nor OnError has a handler that could tell. Default:
	// slog.Default().
	Logger *slog.Logger
}

// withDefaults is o completed, or an *Error that names the field.
func (o Options) withDefaults() (Options, error) {
	if o.Token != "" && o.Credentials != nil {
		return o, usage("option Credentials is instead of Token: set one of them")
	}
	if token := o.Token; token != "" {
		o.Credentials = func(context.Context) (any, error) { return token, nil }
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	o.Header = o.Header.Clone()
	if o.MaxMessage == 0 {
		o.MaxMessage = 16 << 20
	}
	if o.MaxMessage < 0 {
		return o, usage("option MaxMessage is %d: must be more than 0", o.MaxMessage)
	}
	if err := o.Queue.complete(); err != nil {
		return o, err
	}
	for _, d := range []struct {
		name    string
		value   *time.Duration
		standby time.Duration
	}{
		{"Backoff.Base", &o.Backoff.Base, time.Second},
		{"Backoff.Cap", &o.Backoff.Cap, 30 * time.Second},
		{"Heartbeat.Interval", &o.Heartbeat.Interval, 30 * time.Second},
		{"Heartbeat.Timeout", &o.Heartbeat.Timeout, 10 * time.Second},
		{"ConnectTimeout", &o.ConnectTimeout, 20 * time.Second},
	} {
		if *d.value == 0 {
			*d.value = d.standby
		}
		if *d.value < 0 {
			return o, usage("option %s is %s: must be more than 0", d.name, *d.value)
		}
	}
	return o, nil
}

// address is the http: or https: form of a server's address.
func address(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err == nil && u.Host != "" {
		switch u.Scheme {
		case "ws", "http":
			u.Scheme = "http"
			return u, nil
		case "wss", "https":
			u.Scheme = "https"
			return u, nil
		}
	}
	return nil, usage("option URL is no address of a server: give one like wss://example.com/ws")
}
