package redisbroker

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
)

// errCut is what dialing ends with once the connections were cut.
var errCut = errors.New("redisbroker: closed")

// connections dials for the client library and remembers what it dialed, so
// that closing never has to wait for a Redis that does not answer.
type connections struct {
	ctx    context.Context // ends when the connections are cut
	cancel context.CancelFunc

	mu   sync.Mutex
	open map[*connection]struct{}
}

type connection struct {
	net.Conn
	all *connections
}

func newConnections() *connections {
	c := &connections{open: make(map[*connection]struct{})}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// dial has the form of rueidis.ClientOption.DialCtxFn.
func (c *connections) dial(ctx context.Context, addr string, dialer *net.Dialer, config *tls.Config) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()

	network := "tcp"
	if isSocket(addr) {
		network = "unix"
	}
	var conn net.Conn
	var err error
	if config != nil {
		conn, err = (&tls.Dialer{NetDialer: dialer, Config: config}).DialContext(ctx, network, addr)
	} else {
		conn, err = dialer.DialContext(ctx, network, addr)
	}
	if err != nil {
		return nil, err
	}
	tracked := &connection{Conn: conn, all: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		_ = conn.Close()
		return nil, errCut
	}
	c.open[tracked] = struct{}{}
	return tracked, nil
}

func (c *connection) Close() error {
	c.all.mu.Lock()
	delete(c.all.open, c)
	c.all.mu.Unlock()
	return c.Conn.Close()
}

// cut closes every connection and refuses new ones.
func (c *connections) cut() {
	c.cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.open {
		_ = conn.Conn.Close()
	}
	clear(c.open)
}
