package serve

import (
	"fmt"
	"net"

	"github.com/hearthws/hearth"
)

// announce says where the node listens, and what it lets anybody do.
func (n *node) announce(addr net.Addr, private net.Listener) {
	page, socket := "http", "ws"
	if n.cert != nil {
		page, socket = "https", "wss"
	}
	at := reachable(addr)
	url := socket + "://" + at + n.server.Path()
	attrs := []any{"addr", addr.String(), "url", url, "broker", n.server.Stats().Broker.Kind}
	if private != nil {
		attrs = append(attrs, "metrics", "http://"+reachable(private.Addr())+"/metrics")
	}
	if n.encryption != nil && n.encryption.file != "" {
		attrs = append(attrs, "publicKeys", n.encryption.PublicKeys())
	}
	n.log.Info("listening", attrs...)
	if !n.cfg.Demo {
		return
	}
	if n.cfg.Banner == nil {
		n.log.Warn("demo mode: anyone may connect under any name, and use every room")
		return
	}
	browser := page + "://" + at + "/"
	if !n.hasPage() {
		browser = "(its page needs --path " + hearth.DefaultPath + ")"
	}
	fmt.Fprintf(n.cfg.Banner, `
  DEMO MODE: anyone may connect under any name, and use every room.
  Not for the public; that is what --tokens is for.

  try it in a browser   %s
  or in a terminal      hearth connect %s --name ada --room lobby

`, browser, url)
}

// hasPage reports whether there is the page of the demo, which connects to one path
// only.
func (n *node) hasPage() bool { return n.cfg.Demo && n.server.Path() == hearth.DefaultPath }

// reachable is an address of this machine where addr listens on all of them.
func reachable(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return addr.String()
	}
	return fmt.Sprintf("localhost:%d", tcp.Port)
}
