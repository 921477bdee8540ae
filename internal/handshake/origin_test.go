package handshake_test

import (
	"testing"

	"github.com/hearthws/hearth/internal/handshake"
)

func TestOrigin(t *testing.T) {
	listed := handshake.Options{Origins: []string{
		"https://good.com", "http://Dev.Good.com:8080", "https://*.wild.org", "https://*.ports.org:8443", "app://local", "https://[::1]",
	}}
	forwarded := handshake.Options{TrustForwarded: true}
	tests := []struct {
		name   string
		o      handshake.Options
		host   string
		origin string
		ok     bool
	}{
		{"same host", handshake.Options{}, "example.com", "https://example.com", true},
		{"same host, other case", handshake.Options{}, "Example.COM", "HTTPS://eXample.com", true},
		{"same host, without TLS", handshake.Options{}, "example.com", "http://example.com", true},
		{"same host and port", handshake.Options{}, "example.com:8443", "https://example.com:8443", true},
		{"default port of https in the host", handshake.Options{}, "example.com:443", "https://example.com", true},
		{"default port of https in the origin", handshake.Options{}, "example.com", "https://example.com:443", true},
		{"default port of http in the host", handshake.Options{}, "example.com:80", "http://example.com", true},
		{"same address", handshake.Options{}, "[::1]:8080", "http://[::1]:8080", true},
		{"same address, default port", handshake.Options{}, "[::1]", "http://[::1]:80", true},
		{"other port", handshake.Options{}, "example.com:8443", "https://example.com", false},
		{"port of the other scheme", handshake.Options{}, "example.com", "http://example.com:443", false},
		{"other host", handshake.Options{}, "example.com", "https://evil.com", false},
		{"look-alike behind", handshake.Options{}, "example.com", "https://example.com.evil.com", false},
		{"look-alike before", handshake.Options{}, "example.com", "https://evilexample.com", false},
		{"subdomain", handshake.Options{}, "example.com", "https://sub.example.com", false},
		{"parent", handshake.Options{}, "sub.example.com", "https://example.com", false},
		{"user", handshake.Options{}, "example.com", "https://example.com@evil.com", false},
		{"path", handshake.Options{}, "example.com", "https://example.com/evil.com", false},
		{"query", handshake.Options{}, "example.com", "https://example.com?evil.com", false},
		{"null", handshake.Options{}, "example.com", "null", false},
		{"null as host", handshake.Options{}, "null", "null", false},
		{"no scheme", handshake.Options{}, "example.com", "example.com", false},
		{"scheme of no page", handshake.Options{}, "example.com", "file://example.com", false},
		{"no host", handshake.Options{}, "example.com", "https://", false},
		{"port that is none", handshake.Options{}, "example.com", "https://example.com:x", false},
		{"no port", handshake.Options{}, "example.com", "https://example.com:", false},
		{"two ports", handshake.Options{}, "example.com:1:2", "https://example.com:1:2", false},
		{"list of origins", handshake.Options{}, "example.com", "https://example.com https://evil.com", false},

		{"listed", listed, "example.com", "https://good.com", true},
		{"listed, other case", listed, "example.com", "https://GOOD.com", true},
		{"listed, default port", listed, "example.com", "https://good.com:443", true},
		{"listed, with port", listed, "example.com", "http://dev.good.com:8080", true},
		{"listed, look-alike", listed, "example.com", "https://good.com.evil.com", false},
		{"listed, other scheme", listed, "example.com", "http://good.com", false},
		{"listed, other port", listed, "example.com", "https://good.com:8443", false},
		{"listed, port left out", listed, "example.com", "http://dev.good.com", false},
		{"listed, own scheme", listed, "example.com", "app://local", true},
		{"listed, address", listed, "example.com", "https://[::1]:443", true},
		{"listed does not replace the host", listed, "example.com", "https://example.com", true},
		{"wildcard", listed, "example.com", "https://a.wild.org", true},
		{"wildcard, deeper", listed, "example.com", "https://a.B.wild.org", true},
		{"wildcard, parent", listed, "example.com", "https://wild.org", false},
		{"wildcard, empty label", listed, "example.com", "https://.wild.org", false},
		{"wildcard, look-alike", listed, "example.com", "https://evilwild.org", false},
		{"wildcard, look-alike behind", listed, "example.com", "https://a.wild.org.evil.com", false},
		{"wildcard within a label", handshake.Options{Origins: []string{"https://*good.com"}}, "example.com", "https://evilgood.com", false},
		{"wildcard, other scheme", listed, "example.com", "http://a.wild.org", false},
		{"wildcard, port", listed, "example.com", "https://a.ports.org:8443", true},
		{"wildcard, other port", listed, "example.com", "https://a.ports.org", false},

		{"null listed", handshake.Options{Origins: []string{"null"}}, "example.com", "null", false},
		{"null listed, foreign", handshake.Options{Origins: []string{"null"}}, "example.com", "https://evil.com", false},
		{"any", handshake.Options{AllowAnyOrigin: true}, "example.com", "https://evil.com", true},
		{"any, null", handshake.Options{AllowAnyOrigin: true}, "example.com", "null", true},
		{"forwarded option, nothing forwarded", forwarded, "example.com", "https://example.com", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			expectOrigin(t, &tt.o, tt.ok, request("Host: "+tt.host, "Origin: "+tt.origin))
		})
	}
}

func expectOrigin(t *testing.T, o *handshake.Options, ok bool, raw string) {
	t.Helper()
	_, err := handshake.Check(parse(t, raw), o)
	switch {
	case ok && err != nil:
		t.Errorf("refused: %v\n%s", err, raw)
	case !ok && (err == nil || err.Status != 403 || err.Reason != "origin"):
		t.Errorf("%v, want status 403\n%s", err, raw)
	}
}

func TestOriginForwarded(t *testing.T) {
	behind := func(hosts, origin string) string {
		return request("Host: backend:8080", "X-Forwarded-Host: "+hosts, "Origin: "+origin)
	}
	trust, no := &handshake.Options{TrustForwarded: true}, &handshake.Options{}
	expectOrigin(t, trust, true, behind("example.com", "https://example.com"))
	expectOrigin(t, trust, true, behind("example.com:443, inner", "https://example.com"))
	expectOrigin(t, trust, false, behind("inner, example.com", "https://example.com"))
	expectOrigin(t, trust, false, behind("example.com", "http://backend:8080"))
	expectOrigin(t, no, false, behind("example.com", "https://example.com"))
	expectOrigin(t, no, true, behind("example.com", "http://backend:8080"))
}

func TestOriginFields(t *testing.T) {
	none := &handshake.Options{}
	expectOrigin(t, none, true, request())
	expectOrigin(t, none, false, request("Origin: https://example.com", "+Origin: https://evil.com"))
	expectOrigin(t, none, false, request("Origin: "))
}

func TestCheckOrigin(t *testing.T) {
	for _, s := range []string{"https://good.com", "http://localhost:3000", "https://*.good.com", "https://*.good.com:8443", "app://local", "http://[::1]:80"} {
		if reason := handshake.CheckOrigin(s); reason != "" {
			t.Errorf("%q: %s", s, reason)
		}
	}
	for _, s := range []string{"", "*", "good.com", "https://", "https://good.com/", "https://good.com/path", "https://*", "https://a.*.com", "https://*good.com", "https://*.*.com", "https://good.com:", "https://good.com:x", "https://u@good.com", "null", "Null"} {
		if handshake.CheckOrigin(s) == "" {
			t.Errorf("%q: no error", s)
		}
	}
}
