package handshake

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// checkRequest applies the rules of RFC 6455, section 4.2.1, that need no
// options.
func checkRequest(r *http.Request) *Error {
	h := r.Header
	switch {
	case r.ProtoMajor != 1 || r.ProtoMinor < 1:
		return errProtocol
	case r.Method != http.MethodGet:
		return errMethod
	case !hasToken(h["Upgrade"], "websocket"):
		return errUpgrade
	case !hasToken(h["Connection"], "upgrade"):
		return errConnection
	case !isOne(h["Sec-Websocket-Version"], "13"):
		return errVersion
	case !validKey(h["Sec-Websocket-Key"]):
		return errKey
	case r.ContentLength != 0 || len(r.TransferEncoding) > 0:
		return errBody
	}
	return nil
}

// isOne reports whether a field occurs once, with the given value.
func isOne(values []string, want string) bool {
	return len(values) == 1 && values[0] == want
}

// validKey reports whether a field occurs once and is the base64 form of 16
// bytes.
func validKey(values []string) bool {
	const encoded = 24
	if len(values) != 1 || len(values[0]) != encoded {
		return false
	}
	var src, dst [encoded]byte
	copy(src[:], values[0])
	n, err := base64.StdEncoding.Decode(dst[:], src[:])
	return err == nil && n == 16
}

// hasToken reports whether one of the comma-separated lists contains token,
// which is compared without regard to case.
func hasToken(lists []string, token string) bool {
	for _, list := range lists {
		for more := true; more; {
			var item string
			item, list, more = strings.Cut(list, ",")
			if strings.EqualFold(strings.Trim(item, " \t"), token) {
				return true
			}
		}
	}
	return false
}

// maxItems is how many subprotocols, or extensions and their parameters, a
// request may offer. A browser offers one or two.
const maxItems = 64

// selectSubprotocol parses Sec-WebSocket-Protocol (RFC 6455, section 11.3.4)
// and selects one.
func (o *Options) selectSubprotocol(lists []string) (string, *Error) {
	var first string
	var offered []string
	items := 0
	for _, list := range lists {
		for more := true; more; items++ {
			if items == maxItems {
				return "", errSubprotocols
			}
			var item string
			item, list, more = strings.Cut(list, ",")
			item = strings.Trim(item, " \t")
			if item == "" {
				continue // an empty element, which lists may have
			}
			if !isToken(item) {
				return "", errSubprotocol
			}
			if first == "" {
				first = item
			}
			if o.Subprotocol != nil {
				offered = append(offered, item)
			}
		}
	}
	if o.Subprotocol == nil || first == "" {
		return first, nil
	}
	chosen := o.Subprotocol(offered)
	for _, item := range offered {
		if item == chosen {
			return chosen, nil
		}
	}
	if chosen == "" {
		return "", nil
	}
	return "", errChosen
}

// isToken reports whether s is a token (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func isTokenByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
