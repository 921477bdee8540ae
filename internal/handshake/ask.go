package handshake

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Ask is what a client puts into the header of its request for an upgrade
// (RFC 6455, section 4.1), an offer of permessage-deflate without context
// takeover included. key proves later that the answer is to this request.
func Ask(h http.Header, subprotocols []string) (key string) {
	var nonce [16]byte
	rand.Read(nonce[:])
	key = base64.StdEncoding.EncodeToString(nonce[:])
	h["Upgrade"] = []string{"websocket"}
	h["Connection"] = []string{"Upgrade"}
	h["Sec-Websocket-Version"] = []string{"13"}
	h["Sec-Websocket-Key"] = []string{key}
	h["Sec-Websocket-Extensions"] = []string{"permessage-deflate; server_no_context_takeover; client_no_context_takeover"}
	if len(subprotocols) > 0 {
		h["Sec-Websocket-Protocol"] = []string{strings.Join(subprotocols, ", ")}
	}
	return key
}

// CheckAnswer validates the header of a 101 that answers [Ask], strictly (RFC
// 6455, section 4.1). deflate tells that permessage-deflate was agreed on,
// without context takeover of the server.
func CheckAnswer(h http.Header, key string, subprotocols []string) (deflate bool, err error) {
	if !strings.EqualFold(h.Get("Upgrade"), "websocket") {
		return false, fmt.Errorf("handshake: the answer upgrades to %q", h.Get("Upgrade"))
	}
	if !hasToken(h["Connection"], "upgrade") {
		return false, fmt.Errorf("handshake: the answer has no Connection: Upgrade")
	}
	if want := string(appendAccept(nil, key)); h.Get("Sec-WebSocket-Accept") != want {
		return false, fmt.Errorf("handshake: the answer is to another request: Sec-WebSocket-Accept is %q", h.Get("Sec-WebSocket-Accept"))
	}
	if chosen, ok := h["Sec-Websocket-Protocol"]; ok && (len(chosen) != 1 || !slices.Contains(subprotocols, chosen[0])) {
		return false, fmt.Errorf("handshake: the server selected the subprotocol %q, which was not offered", chosen)
	}
	return answeredDeflate(h["Sec-Websocket-Extensions"])
}

// answeredDeflate reads the extensions that a server has accepted: none, or
// permessage-deflate as it was offered (RFC 7692, section 7.1).
func answeredDeflate(lists []string) (bool, error) {
	if len(lists) == 0 {
		return false, nil
	}
	f := field{s: strings.Join(lists, ",")}
	items := 0
	answer, err := f.extension(&items)
	switch {
	case err != nil || !f.end() || !answer.accepted:
		return false, fmt.Errorf("handshake: the server uses extensions that were not offered: %q", lists)
	case !answer.seen.serverTakeover:
		return false, fmt.Errorf("handshake: the server compresses with context takeover, which was not offered: %q", lists)
	case answer.seen.clientBits:
		return false, fmt.Errorf("handshake: the server limits the client's window, which was not offered: %q", lists)
	}
	return true, nil
}
