package attacks_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hearthws/hearth/hearthtest"
	"github.com/hearthws/hearth/internal/handshake"
)

// Foreign, opaque and look-alike origins. Fails when checkOrigin returns nil at
// once, when matches compares the end of the host only, and when it ignores port
// or scheme.
func TestA01Origins(t *testing.T) {
	opts := accepting()
	opts.Origins = []string{"https://good.com", "https://*.sub.com"}
	s := serve(t, opts)
	for _, origin := range []string{
		"https://evil.com", "null", "", "https://good.com.evil.com", "https://evilgood.com", "https://good.com:8443",
		"http://good.com", "https://good.com@evil.com", "https://good.com/", "https://evil.com#good.com", "good.com",
		"https://sub.com", "https://evilsub.com", "https://a.sub.com.evil.com", "http://example.com:81", "file://", "https://goo\u0501.com",
	} {
		if status, _ := s.ask(t, upgrade("Origin: "+origin)); status != http.StatusForbidden {
			t.Errorf("a page of %q gets %d", origin, status)
		}
	}
	if status, _ := s.ask(t, upgrade("Origin: https://good.com", "X-Origin: 1\r\nOrigin: https://evil.com")); status != http.StatusForbidden {
		t.Errorf("two origins get %d", status)
	}
	for _, origin := range []string{"https://good.com", "HTTPS://GOOD.COM", "https://good.com:443", "https://a.b.sub.com", "http://example.com"} {
		if status, _ := s.ask(t, upgrade("Origin: "+origin)); status != http.StatusSwitchingProtocols {
			t.Errorf("a page of %q gets %d", origin, status)
		}
	}
	if got := s.Stats().Refused["origin"]; got != 18 {
		t.Errorf("%d are counted, want 18", got)
	}
}

// Requests that are not quite an upgrade are answered and closed, and nothing
// behind them is a frame or another request. Fails when checkRequest returns
// nil at once.
func TestA02MalformedUpgrades(t *testing.T) {
	s := serve(t, accepting())
	hello := string(masked(1, true, `{"event":"authenticate"}`))
	for name, raw := range map[string]string{
		"version":         upgrade("Sec-WebSocket-Version: 8"),
		"no version":      upgrade("Sec-WebSocket-Version:"),
		"short key":       upgrade("Sec-WebSocket-Key: c2hvcnQ="),
		"no key":          upgrade("Sec-WebSocket-Key:"),
		"key not base64":  upgrade("Sec-WebSocket-Key: ----------------------=="),
		"no upgrade":      upgrade("Upgrade:"),
		"other upgrade":   upgrade("Upgrade: h2c"),
		"no connection":   upgrade("Connection: keep-alive"),
		"POST":            strings.Replace(upgrade("Content-Length: 0"), "GET", "POST", 1),
		"HTTP/1.0":        strings.Replace(upgrade(), "HTTP/1.1", "HTTP/1.0", 1),
		"body":            upgrade("Content-Length: 4"),
		"chunked":         upgrade("Transfer-Encoding: chunked"),
		"both lengths":    upgrade("Content-Length: 4", "Transfer-Encoding: chunked"),
		"two lengths":     upgrade("Content-Length: 4", "X: 1\r\nContent-Length: 5"),
		"space in a name": upgrade("Sec-WebSocket-Key : dGhlIHNhbXBsZSBub25jZQ=="),
	} {
		status, rest := s.ask(t, raw+hello+upgrade()+hello)
		if status < 400 || status > 499 {
			t.Errorf("%s: status %d", name, status)
		}
		if strings.Contains(rest, "101 Switching") || strings.Contains(rest, "connected") {
			t.Errorf("%s: what follows is taken: %q", name, rest)
		}
	}
	// Behind a good one, they are frames.
	conn := s.conn(t)
	if _, err := conn.Write([]byte(upgrade() + hello)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	for text := ""; !strings.Contains(text, `{"event":"connected"`); {
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("no `connected` behind %q: %v", text, err)
		}
		text += string(buf[:n])
	}
	if st := s.Stats(); st.Accepted != 1 {
		t.Errorf("%d connections were made", st.Accepted)
	}
}

// Headers without measure cost nothing that grows with them. Fails when maxItems
// is a million, and when the server of this test sets no MaxHeaderBytes, which
// is the binary's 16 KiB.
func TestA03HugeHeaders(t *testing.T) {
	s := serve(t, accepting())
	for name, raw := range map[string]string{
		"1 MiB in one field": upgrade("X: " + strings.Repeat("x", 1<<20)),
		"10,000 fields":      upgrade(strings.Repeat("X: y\r\n", 10_000) + "X: y"),
		"64,000 protocols":   upgrade("Sec-WebSocket-Protocol: " + strings.Repeat("a,", 64_000) + "a"),
	} {
		if status, _ := s.ask(t, raw); status != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s: status %d", name, status)
		}
	}
	for _, field := range []string{"Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"} {
		r := hearthtest.NewRequest("/ws")
		r.Header.Set(field, strings.Repeat("a,", 64_000)+"a")
		allocs := testing.AllocsPerRun(10, func() {
			if _, err := handshake.Check(r, &handshake.Options{Subprotocol: func(all []string) string { return all[0] }}); err == nil {
				t.Errorf("64,000 entries of %s are accepted", field)
			}
		})
		if allocs > 20 {
			t.Errorf("%.0f allocations for a long %s", allocs, field)
		}
	}
}
