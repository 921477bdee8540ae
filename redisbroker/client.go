package redisbroker

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/redis/rueidis"
)

// Sizes of what the library allocates for every connection. A pipeline is
// never longer than a few commands, since the publisher's batches count as one.
const (
	ringScale   = 8
	readBuffer  = 256 << 10
	writeBuffer = 128 << 10
)

// keepAlive is after which silence the library asks a connection for a sign of
// life, which has to come within WriteTimeout.
const keepAlive = 400 * time.Millisecond

var errNotMaster = errors.New("the server is no master, or not yet")

// connect makes a client of one server, which keeps one connection for
// pipelines, and dedicated ones on demand.
func (o *Options) connect(c *connections, addr string) (rueidis.Client, error) {
	client, err := newClient(rueidis.ClientOption{
		InitAddress: []string{addr},
		Username:    o.Username,
		Password:    o.Password,
		SelectDB:    o.DB,
	}, o, c)
	if err == nil && o.Sentinel.Master != "" && !isMaster(client, o.WriteTimeout) {
		client.Close()
		return nil, errNotMaster
	}
	return client, err
}

// isMaster guards against a server that has been demoted, or is yet to be
// promoted: it would take what is published and keep it to itself.
func isMaster(client rueidis.Client, timeout time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	role, err := client.Do(ctx, client.B().Role().Build()).ToArray()
	if err != nil || len(role) == 0 {
		return false
	}
	name, err := role[0].ToString()
	return err == nil && name == "master"
}

// connectSentinel makes a client of a Sentinel.
func (o *Options) connectSentinel(c *connections, addr string) (rueidis.Client, error) {
	return newClient(rueidis.ClientOption{
		InitAddress: []string{addr},
		Username:    o.Sentinel.Username,
		Password:    o.Sentinel.Password,
	}, o, c)
}

func newClient(option rueidis.ClientOption, o *Options, c *connections) (rueidis.Client, error) {
	option.TLSConfig = o.TLS
	option.DialCtxFn = c.dial
	option.Dialer = net.Dialer{Timeout: o.DialTimeout, KeepAlive: keepAlive}
	option.ConnWriteTimeout = o.WriteTimeout
	option.ClientName = o.ClientName
	option.ClientSetInfo = rueidis.DisableClientSetInfo
	option.RingScaleEachConn = ringScale
	option.ReadBufferEachConn = readBuffer
	option.WriteBufferEachConn = writeBuffer
	option.ForceSingleClient = true
	option.PipelineMultiplex = -1
	option.AlwaysPipelining = true
	option.DisableCache = true
	option.DisableRetry = true
	client, err := rueidis.NewClient(option)
	if err != nil {
		if client != nil {
			client.Close()
		}
		return nil, err
	}
	return client, nil
}
