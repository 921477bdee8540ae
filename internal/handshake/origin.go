package handshake

import (
	"net/http"
	"strings"
)

// checkOrigin refuses the pages of foreign origins, which could otherwise act
// with the cookies of whoever looks at them (RFC 6455, section 10.2).
func (o *Options) checkOrigin(r *http.Request) *Error {
	values := r.Header["Origin"]
	if len(values) == 0 || o.AllowAnyOrigin {
		return nil
	}
	if len(values) > 1 {
		return errOrigin
	}
	page, ok := parseOrigin(values[0])
	if !ok { // null, too: every site can make a page of that origin, in a sandboxed frame
		return errOrigin
	}
	if page.isAt(o.host(r)) {
		return nil
	}
	for _, allowed := range o.Origins {
		if a, ok := parseOrigin(allowed); ok && a.matches(page) {
			return nil
		}
	}
	return errOrigin
}

// host returns the host, with its port if given, that the client asked for.
func (o *Options) host(r *http.Request) string {
	if o.TrustForwarded {
		if forwarded := r.Header.Get("X-Forwarded-Host"); forwarded != "" {
			first, _, _ := strings.Cut(forwarded, ",")
			return strings.Trim(first, " \t")
		}
	}
	return r.Host
}

// CheckOrigin returns why an entry of Options.Origins cannot be used, or "".
func CheckOrigin(s string) (reason string) {
	if s == "null" {
		return "every site can make pages of this origin; allow any origin, if that is meant"
	}
	a, ok := parseOrigin(s)
	if !ok || strings.Contains(strings.TrimPrefix(a.host, "*."), "*") {
		return "must look like https://example.com or https://*.example.com, without a path"
	}
	return ""
}

// origin is a serialized origin in its parts (RFC 6454, section 6.2). They
// are compared without regard to case.
type origin struct {
	scheme string
	host   string
	port   string // "" for the default of the scheme
}

func parseOrigin(s string) (o origin, ok bool) {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || scheme == "" || rest == "" || strings.ContainsAny(rest, "/?#@\\, \t\"<>%") {
		return o, false
	}
	o.scheme = scheme
	o.host, o.port, ok = splitPort(rest)
	if o.port == defaultPort(scheme) {
		o.port = ""
	}
	return o, ok
}

// splitPort splits host[:port]; an IPv6 address is in brackets.
func splitPort(s string) (host, port string, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.HasSuffix(s, "]") {
		return s, "", s != "" && (s[0] == '[' || i < 0)
	}
	host, port = s[:i], s[i+1:]
	if strings.IndexByte(host, ':') >= 0 && (host[0] != '[' || host[len(host)-1] != ']') {
		return "", "", false
	}
	for _, c := range []byte(port) {
		if c < '0' || c > '9' {
			return "", "", false
		}
	}
	return host, port, host != "" && port != ""
}

// defaultPort returns the port that an origin of scheme leaves out.
func defaultPort(scheme string) string {
	switch {
	case strings.EqualFold(scheme, "http"):
		return "80"
	case strings.EqualFold(scheme, "https"):
		return "443"
	}
	return ""
}

// isAt reports whether a page of o was served by host, as far as a server that
// may sit behind a TLS proxy can tell: the scheme is not compared, the port is,
// with the default of the page's scheme.
func (o origin) isAt(hostport string) bool {
	want := defaultPort(o.scheme)
	if want == "" {
		return false
	}
	host, port, ok := splitPort(hostport)
	if port == want {
		port = ""
	}
	return ok && port == o.port && strings.EqualFold(host, o.host)
}

// matches reports whether page is the allowed origin o, or lies below it if
// the host of o begins with a wildcard.
func (o origin) matches(page origin) bool {
	if o.port != page.port || !strings.EqualFold(o.scheme, page.scheme) {
		return false
	}
	if !strings.HasPrefix(o.host, "*.") {
		return strings.EqualFold(o.host, page.host)
	}
	parent := o.host[1:] // with its dot
	n := len(page.host) - len(parent)
	return n > 0 && strings.EqualFold(page.host[n:], parent)
}
