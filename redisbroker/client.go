package redisbroker

import (
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

// keepAlive makes the library look after a connection on which an answer is
// due, within WriteTimeout; see docs/decisions/0003-redis.md.
const keepAlive = 400 * time.Millisecond

// clientOption is o for the client library.
func (o *Options) clientOption(c *connections) rueidis.ClientOption {
	dialer := net.Dialer{Timeout: o.DialTimeout, KeepAlive: keepAlive}
	option := rueidis.ClientOption{
		InitAddress:         o.Addrs,
		TLSConfig:           o.TLS,
		DialCtxFn:           c.dial,
		Dialer:              dialer,
		Username:            o.Username,
		Password:            o.Password,
		SelectDB:            o.DB,
		ClientName:          o.ClientName,
		ClientSetInfo:       rueidis.DisableClientSetInfo,
		ConnWriteTimeout:    o.WriteTimeout,
		RingScaleEachConn:   ringScale,
		ReadBufferEachConn:  readBuffer,
		WriteBufferEachConn: writeBuffer,
		PipelineMultiplex:   -1,
		AlwaysPipelining:    true,
		DisableCache:        true,
		DisableRetry:        true,
		ForceSingleClient:   !o.Cluster && o.Sentinel.Master == "",
	}
	if o.Cluster {
		option.ClusterOption.ShardsRefreshInterval = topologyInterval
	}
	if o.Sentinel.Master != "" {
		option.Sentinel = rueidis.SentinelOption{
			MasterSet:               o.Sentinel.Master,
			Dialer:                  dialer,
			TLSConfig:               o.TLS,
			Username:                o.Sentinel.Username,
			Password:                o.Sentinel.Password,
			ClientName:              o.ClientName,
			TopologyRefreshInterval: topologyInterval,
		}
	}
	return option
}
