package handshake_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth/internal/handshake"
)

func TestCheckRequest(t *testing.T) {
	tests := []struct {
		name   string
		raw    string
		status int    // 0: accepted
		reason string // of the refusal
	}{
		{"valid", request(), 0, ""},
		{"other case", request("Upgrade: WebSocket", "Connection: upgrade"), 0, ""},
		{"lists", request("Upgrade: h2c, websocket", "Connection: keep-alive ,\tUpgrade"), 0, ""},
		{"several fields", request("Connection: keep-alive", "+Connection: Upgrade"), 0, ""},
		{"empty body", request("Content-Length: 0"), 0, ""},
		{"HTTP/1.0", request("> GET /ws HTTP/1.0"), 400, "protocol"},
		{"HTTP/2.0", request("> GET /ws HTTP/2.0"), 400, "protocol"},
		{"POST", request("> POST /ws HTTP/1.1"), 405, "method"},
		{"HEAD", request("> HEAD /ws HTTP/1.1"), 405, "method"},
		{"no upgrade", request("Upgrade:"), 426, "upgrade"},
		{"upgrade to something else", request("Upgrade: h2c"), 426, "upgrade"},
		{"upgrade to something longer", request("Upgrade: websockets"), 426, "upgrade"},
		{"no connection", request("Connection:"), 400, "connection"},
		{"connection kept alive", request("Connection: keep-alive"), 400, "connection"},
		{"no version", request("Sec-WebSocket-Version:"), 426, "version"},
		{"version 8", request("Sec-WebSocket-Version: 8"), 426, "version"},
		{"version 13 and more", request("Sec-WebSocket-Version: 13, 8"), 426, "version"},
		{"two versions", request("+Sec-WebSocket-Version: 13"), 426, "version"},
		{"no key", request("Sec-WebSocket-Key:"), 400, "key"},
		{"two keys", request("+Sec-WebSocket-Key: " + sampleKey), 400, "key"},
		{"key of 15 bytes", request("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA"), 400, "key"},
		{"key of 17 bytes", request("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA="), 400, "key"},
		{"key of 18 bytes", request("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAAA"), 400, "key"},
		{"key not base64", request("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ!=="), 400, "key"},
		{"key without padding", request("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ"), 400, "key"},
		{"body", request("Content-Length: 3") + "abc", 400, "body"},
		{"chunked body", request("Transfer-Encoding: chunked") + "0\r\n\r\n", 400, "body"},
		{"both lengths", request("Transfer-Encoding: chunked", "Content-Length: 3") + "0\r\n\r\n", 400, "body"},
		{"foreign origin", request("Origin: https://evil.com"), 403, "origin"},
		{"subprotocol that is none", request("Sec-WebSocket-Protocol: a b"), 400, "subprotocol"},
		{"extension that is none", request("Sec-WebSocket-Extensions: a b"), 400, "extension"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := handshake.Check(parse(t, tt.raw), &handshake.Options{})
			if err == nil {
				err = new(handshake.Error)
			}
			if err.Status != tt.status || err.Reason != tt.reason {
				t.Errorf("Check = %d %q, want %d %q", err.Status, err.Reason, tt.status, tt.reason)
			}
		})
	}
}

func TestSubprotocol(t *testing.T) {
	last := func(offered []string) string { return offered[len(offered)-1] }
	none := func([]string) string { return "" }
	other := func([]string) string { return "other" }
	tests := []struct {
		name    string
		lists   []string
		choose  func([]string) string
		want    string
		refused int
	}{
		{"not offered", nil, nil, "", 0},
		{"not offered, not asked", nil, last, "", 0},
		{"empty", []string{""}, last, "", 0},
		{"the first by default", []string{"chat, superchat"}, nil, "chat", 0},
		{"chosen", []string{"chat,superchat"}, last, "superchat", 0},
		{"several fields", []string{"a", "b , c", "d"}, last, "d", 0},
		{"empty elements", []string{", a,,b,"}, last, "b", 0},
		{"none chosen", []string{"chat"}, none, "", 0},
		{"not offered, but chosen", []string{"chat"}, other, "", 500},
		{"64", []string{strings.Repeat("a,", 63) + "b"}, last, "b", 0},
		{"65", []string{strings.Repeat("a,", 64) + "b"}, nil, "", 400},
		{"65 fields", strings.Split(strings.Repeat("a,", 64)+"b", ","), nil, "", 400},
		{"65 empty elements", []string{strings.Repeat(",", 64)}, nil, "", 400},
		{"64,000", []string{strings.Repeat("chat,", 64000)}, last, "", 400},
		{"separator", []string{"chat/1"}, nil, "", 400},
		{"quoted", []string{`"chat"`}, nil, "", 400},
		{"not ASCII", []string{"chät"}, nil, "", 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := parse(t, request())
			r.Header["Sec-Websocket-Protocol"] = tt.lists
			plan, err := handshake.Check(r, &handshake.Options{Subprotocol: tt.choose})
			if tt.refused != 0 {
				if err == nil || err.Status != tt.refused || err.Reason != "subprotocol" {
					t.Fatalf("Check = %v, want status %d", err, tt.refused)
				}
				return
			}
			if err != nil || plan.Subprotocol != tt.want {
				t.Errorf("Check = %q, %v, want %q", plan.Subprotocol, err, tt.want)
			}
		})
	}
}

// What is offered arrives in the client's order of preference.
func TestSubprotocolOrder(t *testing.T) {
	var got []string
	o := &handshake.Options{Subprotocol: func(offered []string) string {
		got = append(got, offered...)
		return ""
	}}
	if _, err := handshake.Check(parse(t, request("Sec-WebSocket-Protocol: z, y", "+Sec-WebSocket-Protocol: x")), o); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"z", "y", "x"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Checking a usual request of a browser allocates nothing.
func TestCheckAllocations(t *testing.T) {
	r := parse(t, request(
		"Origin: https://app.example.com", "Sec-WebSocket-Protocol: chat",
		"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
	))
	o := &handshake.Options{Deflate: true, Origins: []string{"https://other.org", "https://*.example.com"}}
	got := testing.AllocsPerRun(100, func() {
		if _, err := handshake.Check(r, o); err != nil {
			t.Fatal(err)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}
