package redisbroker

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hearthws/hearth"
)

// Options say where Redis is and how it is used. The zero value of a field
// means its default. [New] works on a copy.
type Options struct {
	// URL says where Redis is, in one of these forms; what it does not say
	// can be added by the fields below.
	//
	//	redis://[user:password@]host[:port][/db]
	//	rediss://…                                  with TLS
	//	unix://[user:password@]/path/to/socket[?db=n]
	//	redis://host1,host2,host3?cluster=1         a Cluster; any of its nodes
	//	redis://host1,host2,host3?sentinel=master   Sentinels, and their master
	//
	// More members of the query: client_name, db, skip_verify=1 (accepts any
	// certificate), sentinel_username, sentinel_password.
	URL string

	// Addrs are host:port, or the path of a socket. More than one only with
	// Cluster or Sentinel. Default, without URL: localhost:6379.
	Addrs []string

	// Username and Password authenticate at Redis. Default: none.
	Username string
	Password string

	// DB is the database; Pub/Sub is the same in all of them. Default: 0.
	DB int

	// TLS encrypts the connections. Default: no TLS.
	TLS *tls.Config

	// Cluster says that Addrs are nodes of a Redis Cluster. Default: false.
	Cluster bool

	// Sentinel says that Addrs are Sentinels. Default: they are not.
	Sentinel Sentinel

	// ClientName is what CLIENT LIST calls the connections. Default: "hearth".
	ClientName string

	// Prefix is put in front of every channel's name, so that several
	// applications can share a Redis. At most 64 characters of printable
	// ASCII, without those of patterns, and without "ws:room:", "ws:client:"
	// and "ws:user:", so that no channel is another application's as well.
	// Default: none, as the original.
	Prefix string

	// Patterns subscribes to all rooms, all clients and all users, as the
	// original does, instead of the channels that are needed: this process
	// then receives every envelope of the whole cluster. Default: false.
	Patterns bool

	// QueueBytes bounds what waits to be published: an envelope is accepted
	// while less than this is waiting. Default: 8 MiB.
	QueueBytes int64

	// InboxBytes bounds what was received and not yet delivered. Beyond it
	// envelopes are dropped, which is a gap. Default: 32 MiB.
	InboxBytes int64

	// Linger is how long a channel that nobody needs any more stays
	// subscribed. Negative: not at all. Default: 2 s.
	Linger time.Duration

	// DialTimeout bounds how long making a connection takes, TLS and
	// authentication included. Default: 2 s.
	DialTimeout time.Duration

	// WriteTimeout is how long Redis may be silent when an answer is due.
	// Default: 2 s.
	WriteTimeout time.Duration

	// ProbeInterval is the time between two looks at whether both
	// connections are alive and belong together. Default: 1 s.
	ProbeInterval time.Duration
}

// Sentinel describes Sentinels that know where the master is.
type Sentinel struct {
	Master   string // its name; empty: there are no Sentinels
	Username string // at the Sentinels, not at Redis
	Password string
}

// Values that [Options] takes where a field is zero.
const (
	defaultQueueBytes    = 8 << 20
	defaultInboxBytes    = 32 << 20
	defaultLinger        = 2 * time.Second
	defaultDialTimeout   = 2 * time.Second
	defaultWriteTimeout  = 2 * time.Second
	defaultProbeInterval = time.Second
	defaultClientName    = "hearth"
	defaultPort          = "6379"
	defaultSentinelPort  = "26379"
)

const maxPrefix = 64

// String names Redis without any secret.
func (o Options) String() string {
	if o.URL != "" {
		parsed, err := o.resolve()
		if err != nil {
			return redactURL(o.URL)
		}
		o = parsed
	}
	var b strings.Builder
	switch {
	case len(o.Addrs) == 1 && isSocket(o.Addrs[0]):
		b.WriteString("unix://")
	case o.TLS != nil:
		b.WriteString("rediss://")
	default:
		b.WriteString("redis://")
	}
	if o.Username != "" || o.Password != "" {
		b.WriteString("xxxxx@")
	}
	for i, addr := range o.Addrs {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(redactAddr(addr))
	}
	if o.Cluster {
		b.WriteString("?cluster=1")
	}
	if o.Sentinel.Master != "" {
		b.WriteString("?sentinel=" + o.Sentinel.Master)
	}
	return b.String()
}

// GoString and LogValue are String, so that %#v and slog print no secret either.
func (o Options) GoString() string { return o.String() }

// LogValue implements [slog.LogValuer].
func (o Options) LogValue() slog.Value { return slog.StringValue(o.String()) }

// withDefaults needs resolved options.
func (o Options) withDefaults() Options {
	if len(o.Addrs) == 0 {
		o.Addrs = []string{net.JoinHostPort("localhost", defaultPort)}
	}
	o.Addrs = slices.Clone(o.Addrs)
	for i, addr := range o.Addrs {
		o.Addrs[i] = o.withPort(addr)
	}
	if o.TLS != nil {
		o.TLS = o.TLS.Clone()
	}
	setDefault(&o.ClientName, defaultClientName)
	setDefault(&o.QueueBytes, defaultQueueBytes)
	setDefault(&o.InboxBytes, defaultInboxBytes)
	setDefault(&o.Linger, defaultLinger)
	setDefault(&o.DialTimeout, defaultDialTimeout)
	setDefault(&o.WriteTimeout, defaultWriteTimeout)
	setDefault(&o.ProbeInterval, defaultProbeInterval)
	return o
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// withPort adds the port that belongs to what is asked.
func (o *Options) withPort(addr string) string {
	if isSocket(addr) {
		return addr
	}
	if _, _, err := net.SplitHostPort(addr); err == nil {
		return addr
	}
	port := defaultPort
	if o.Sentinel.Master != "" {
		port = defaultSentinelPort
	}
	return net.JoinHostPort(strings.Trim(addr, "[]"), port)
}

// foreign reports whether what begins with prefix may be the channel of a room,
// client or user of an application with a shorter prefix, which then would hear
// everything.
func foreign(prefix string) bool {
	for _, kind := range []string{hearth.ForRoom(""), hearth.ForClient(""), hearth.ForUser("")} {
		if strings.Contains(prefix, kind) {
			return true
		}
	}
	return false
}

func isSocket(addr string) bool { return strings.HasPrefix(addr, "/") }

// validate expects defaults to be set.
func (o *Options) validate() error {
	for _, addr := range o.Addrs {
		if isSocket(addr) {
			continue
		}
		host, port, err := net.SplitHostPort(addr)
		if _, notNumber := strconv.ParseUint(port, 10, 16); err != nil || notNumber != nil || host == "" || strings.ContainsAny(host, "@/? ") {
			return invalid("Addrs", redactURL(addr), "must look like host:port, or be the path of a socket")
		}
	}
	switch {
	case o.Cluster && o.Sentinel.Master != "":
		return invalid("Cluster", true, "and Sentinel exclude each other")
	case len(o.Addrs) > 1 && !o.Cluster && o.Sentinel.Master == "":
		return invalid("Addrs", o.Addrs, "has several addresses, which only Cluster and Sentinel can use")
	case o.DB < 0 || o.DB > 1<<20:
		return invalid("DB", o.DB, "must be from 0 to %d", 1<<20)
	case o.DB > 0 && o.Cluster:
		return invalid("DB", o.DB, "must be 0, since a Cluster has one database")
	case !printable(o.Sentinel.Master):
		return invalid("Sentinel.Master", fmt.Sprintf("%q", o.Sentinel.Master), "must be printable ASCII without spaces")
	case !printable(o.ClientName):
		return invalid("ClientName", fmt.Sprintf("%q", o.ClientName), "must be printable ASCII without spaces")
	case len(o.Prefix) > maxPrefix:
		return invalid("Prefix", fmt.Sprintf("%q", o.Prefix), "is longer than %d characters", maxPrefix)
	case !printable(o.Prefix) || strings.ContainsAny(o.Prefix, `*?[]^\`):
		return invalid("Prefix", fmt.Sprintf("%q", o.Prefix), `must be printable ASCII without spaces and without * ? [ ] ^ \`)
	case foreign(o.Prefix):
		return invalid("Prefix", fmt.Sprintf("%q", o.Prefix), "must not contain ws:room:, ws:client: or ws:user:, with which other applications' channels begin")
	}
	for _, n := range []struct {
		field string
		value int64
	}{{"QueueBytes", o.QueueBytes}, {"InboxBytes", o.InboxBytes}} {
		if n.value < 1 || n.value > 1<<40 {
			return invalid(n.field, n.value, "must be from 1 to %d", int64(1)<<40)
		}
	}
	for _, d := range []struct {
		field    string
		value    time.Duration
		min, max time.Duration
	}{
		{"Linger", max(o.Linger, 0), 0, time.Hour},
		{"DialTimeout", o.DialTimeout, 10 * time.Millisecond, time.Minute},
		{"WriteTimeout", o.WriteTimeout, 10 * time.Millisecond, time.Minute},
		{"ProbeInterval", o.ProbeInterval, 10 * time.Millisecond, time.Minute},
	} {
		if d.value < d.min || d.value > d.max {
			return invalid(d.field, d.value, "must be from %s to %s", d.min, d.max)
		}
	}
	return nil
}

// printable reports whether s has only visible ASCII.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

func invalid(field string, value any, format string, args ...any) error {
	return &hearth.OptionError{Field: "redisbroker." + field, Value: value, Reason: fmt.Sprintf(format, args...)}
}
