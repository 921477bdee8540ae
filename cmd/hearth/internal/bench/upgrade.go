package bench

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	neturl "net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hearthws/hearth/seal"
)

// target is a URL, taken apart.
type target struct {
	addr    string // host:port
	secure  bool
	request []byte // the upgrade
	local   bool   // a loopback address
}

func newTarget(url string, deflate bool) (target, error) {
	u, err := neturl.Parse(url)
	if err != nil {
		return target{}, err
	}
	t := target{addr: u.Host, secure: u.Scheme == "wss"}
	if u.Port() == "" {
		t.addr = net.JoinHostPort(u.Hostname(), map[bool]string{false: "80", true: "443"}[t.secure])
	}
	ip := net.ParseIP(u.Hostname())
	t.local = ip.To4() != nil && ip.IsLoopback()
	extensions := ""
	if deflate {
		extensions = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"
	}
	// The key has to be there; what the server makes of it is not looked at.
	t.request = fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: aGVhcnRoIGJlbmNoIGtleQ==\r\n%s\r\n", u.RequestURI(), u.Host, extensions)
	return t, nil
}

// perSource is how many connections one loopback address makes: a system has
// about 28,000 ports for each pair of addresses.
const perSource = 20_000

// dial connects. Beyond what one address of this machine can have, further
// loopback addresses are used, 127.0.0.2 and on.
func (r *run) dial(ctx context.Context, t target) (net.Conn, error) {
	d := net.Dialer{KeepAlive: -1, Control: bindLate}
	if k := r.dialed.Add(1) / perSource; t.local && k > 0 {
		d.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, byte(k/254), byte(1+k%254))}
	}
	c, err := d.DialContext(ctx, "tcp", t.addr)
	if err != nil || !t.secure {
		return c, err
	}
	config := r.cfg.TLS.Clone()
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(t.addr)
	}
	secure := tls.Client(c, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return secure, nil
}

// open makes a connection and returns when it is admitted. began is when it
// was meant to.
func (r *run) open(ctx context.Context, c *conn, began int64) error {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Patience)
	defer cancel()
	t, ok := r.targets[c.url]
	if !ok {
		return fmt.Errorf("no target %s", c.url)
	}
	raw, err := r.dial(ctx, t)
	if err != nil {
		return advice(err)
	}
	c.w = r.workers[c.number%len(r.workers)]
	c.began, c.opened = began, make(chan error, 1)
	if err := c.w.adopt(c, raw); err != nil {
		return advice(err)
	}
	c.link.send(t.request)
	select {
	case err := <-c.opened:
		return err
	case <-ctx.Done():
		c.w.drop(c)
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return fmt.Errorf("not admitted within %s", r.cfg.Patience)
		}
		return ctx.Err()
	}
}

const maxHead = 16 << 10

// upgraded takes the answer to the upgrade, and returns what follows it.
func (c *conn) upgraded(b []byte) (rest []byte) {
	c.head = append(c.head, b...)
	end := bytes.Index(c.head, []byte("\r\n\r\n"))
	if end < 0 {
		if len(c.head) > maxHead {
			c.fail(errors.New("the answer to the upgrade does not end"))
		}
		return nil
	}
	head, rest := string(c.head[:end]), c.head[end+4:]
	c.head = nil
	status, _, _ := strings.Cut(head, "\r\n")
	if !strings.Contains(status, " 101") {
		text, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte("\n"))
		c.fail(fmt.Errorf("no upgrade: the server answers %s: %s", strings.TrimPrefix(status, "HTTP/1.1 "), shortened(text)))
		return nil
	}
	c.deflate = strings.Contains(strings.ToLower(head), "permessage-deflate")
	if c.deflate {
		c.w.run.compressed.Store(true)
	}
	c.state = waiting
	r := c.w.run
	user := fmt.Sprintf("bench-%d", c.number)
	auth := fill(string(r.cfg.Auth), "$user", user)
	if r.cfg.Encrypt {
		var err error
		if c.offer, err = seal.NewOffer(seal.ClientOptions{}); err != nil {
			c.fail(err)
			return nil
		}
		auth = with(auth, c.offer.Credentials())
	}
	c.say(fill(r.dialect.Authenticate, "$auth", auth, "$user", user))
	return rest
}

// with adds members to a JSON object.
func with(object string, members seal.Credentials) string {
	added, _ := json.Marshal(members) // strings and numbers
	object = strings.TrimSuffix(strings.TrimSpace(object), "}")
	if strings.HasSuffix(object, "{") {
		return object + string(added[1:])
	}
	return object + "," + string(added[1:])
}

// openAll opens connections, so many at once, keeps those alive that were
// admitted, and returns them. at says when each is meant to be, or is nil.
func (r *run) openAll(ctx context.Context, conns []*conn, at func(i int) int64) []*conn {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var next atomic.Int64
	ok := make([]bool, len(conns))
	done := make(chan struct{})
	lanes := max(1, min(r.cfg.Concurrency, len(conns)))
	if at != nil {
		lanes = max(lanes, min(len(conns), 1024)) // connections that are slow must not hold up others
	}
	for range lanes {
		go func() {
			defer func() { done <- struct{}{} }()
			for ctx.Err() == nil {
				i := int(next.Add(1) - 1)
				if i >= len(conns) {
					return
				}
				began := now()
				if at != nil {
					began = at(i)
					sleepUntil(ctx, began)
				}
				if err := r.open(ctx, conns[i], began); err != nil {
					if ctx.Err() == nil {
						r.notOpened(conns[i], err)
					}
					if r.bad.Add(1) > maxBad {
						cancel()
					}
					continue
				}
				ok[i] = true
				r.beats <- beat{conns[i], now() + int64(r.cfg.Heartbeat)}
				r.opened.Add(1)
			}
		}()
	}
	for range lanes {
		<-done
	}
	var open []*conn
	for i, c := range conns {
		if ok[i] {
			open = append(open, c)
		}
	}
	return open
}

// maxBad is after how many failed connections nothing more is tried.
const maxBad = 100

func sleepUntil(ctx context.Context, at int64) {
	if d := time.Duration(at - now()); d > 0 {
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
	}
}
