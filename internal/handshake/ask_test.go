package handshake_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hearthws/hearth/internal/handshake"
)

// What a client asks for is what a server grants.
func TestAsk(t *testing.T) {
	for _, deflate := range []bool{false, true} {
		s := serve(t, &handshake.Options{Deflate: deflate}, func(r handshake.Result, err error) {
			if err == nil {
				r.Conn.Close()
			}
		})
		ask := http.Header{"Host": {"x"}}
		key := handshake.Ask(ask, []string{"a", "b"})
		var raw strings.Builder
		raw.WriteString("GET / HTTP/1.1\r\n")
		_ = ask.Write(&raw)
		answer, _, _ := exchange(t, s, raw.String()+"\r\n")
		if answer.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("answered %s", answer.Status)
		}
		if got, err := handshake.CheckAnswer(answer.Header, key, []string{"a", "b"}); err != nil || got != deflate {
			t.Errorf("deflate is %t, %v, want %t", got, err, deflate)
		}
		if _, err := handshake.CheckAnswer(answer.Header, key, []string{"b"}); err == nil {
			t.Error("a subprotocol that was not offered passes")
		}
		if _, err := handshake.CheckAnswer(answer.Header, "dGhlIHNhbXBsZSBub25jZQ==", []string{"a"}); err == nil {
			t.Error("the answer to another request passes")
		}
	}
}

func TestCheckAnswer(t *testing.T) {
	const key = "dGhlIHNhbXBsZSBub25jZQ==" // and its proof, of RFC 6455, section 1.3
	for _, test := range []struct {
		name    string
		edit    func(h http.Header)
		deflate bool
		wrong   string
	}{
		{name: "plain", edit: func(http.Header) {}},
		{name: "other case", edit: func(h http.Header) { h.Set("Upgrade", "WebSocket"); h.Set("Connection", "keep-alive, UPGRADE") }},
		{name: "no upgrade", edit: func(h http.Header) { h.Del("Upgrade") }, wrong: "upgrades to"},
		{name: "no connection", edit: func(h http.Header) { h.Set("Connection", "close") }, wrong: "Connection"},
		{name: "no proof", edit: func(h http.Header) { h.Del("Sec-WebSocket-Accept") }, wrong: "another request"},
		{name: "subprotocol", edit: func(h http.Header) { h.Set("Sec-WebSocket-Protocol", "x") }, wrong: "subprotocol"},
		{name: "deflate", edit: extensions("permessage-deflate; server_no_context_takeover"), deflate: true},
		{name: "deflate with a window", edit: extensions("permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10"), deflate: true},
		{name: "context", edit: extensions("permessage-deflate"), wrong: "context takeover"},
		{name: "client window", edit: extensions("permessage-deflate; server_no_context_takeover; client_max_window_bits=10"), wrong: "window"},
		{name: "unknown parameter", edit: extensions("permessage-deflate; server_no_context_takeover; x"), wrong: "not offered"},
		{name: "other extension", edit: extensions("x-deflate"), wrong: "not offered"},
		{name: "two extensions", edit: extensions("permessage-deflate; server_no_context_takeover, x"), wrong: "not offered"},
		{name: "no grammar", edit: extensions("permessage-deflate;"), wrong: "not offered"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := http.Header{}
			h.Set("Upgrade", "websocket")
			h.Set("Connection", "Upgrade")
			h.Set("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
			test.edit(h)
			deflate, err := handshake.CheckAnswer(h, key, nil)
			if deflate != test.deflate || (err == nil) != (test.wrong == "") || err != nil && !strings.Contains(err.Error(), test.wrong) {
				t.Errorf("deflate is %t, %v, want %t and %q", deflate, err, test.deflate, test.wrong)
			}
		})
	}
}

func extensions(value string) func(http.Header) {
	return func(h http.Header) { h.Set("Sec-WebSocket-Extensions", value) }
}
