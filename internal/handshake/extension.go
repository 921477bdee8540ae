package handshake

import "strings"

// defaultWindowBits is the window when a client does not limit it (RFC 7692,
// section 7.1.2.1).
const defaultWindowBits = 15

// offer is one offer of permessage-deflate.
type offer struct {
	accepted   bool
	windowBits int // server_max_window_bits
	seen       parameters
}

// parseExtensions reads Sec-WebSocket-Extensions (RFC 6455, section 9.1) and
// returns the first offer of permessage-deflate that can be accepted. The
// grammar is checked to the end in any case: a header that breaks it fails the
// handshake, while an offer with parameters that RFC 7692 does not allow is
// only declined.
func parseExtensions(lists []string) (best offer, _ *Error) {
	items := 0
	for _, list := range lists {
		f := field{s: list}
		for !f.end() {
			if items++; items > maxItems {
				return best, errExtensions
			}
			if f.take(',') {
				continue // an empty element, which lists may have
			}
			current, err := f.extension(&items)
			if err != nil {
				return best, err
			}
			if current.accepted && !best.accepted {
				best = current
			}
			if !f.end() && !f.take(',') {
				return best, errExtension
			}
		}
	}
	return best, nil
}

// extension reads one extension with its parameters, which it adds to items.
func (f *field) extension(items *int) (o offer, err *Error) {
	name := f.token()
	if name == "" {
		return o, errExtension
	}
	o = offer{accepted: name == "permessage-deflate", windowBits: defaultWindowBits}
	for f.take(';') {
		if *items++; *items > maxItems {
			return o, errExtensions
		}
		name := f.token()
		if name == "" {
			return o, errExtension
		}
		value, hasValue := "", f.take('=')
		if hasValue {
			if value = f.value(); value == "" {
				return o, errExtension
			}
		}
		if !o.parameter(name, value, hasValue) {
			o.accepted = false
		}
	}
	return o, nil
}

// parameters is the set of those that an offer had so far.
type parameters struct {
	serverTakeover, clientTakeover, serverBits, clientBits bool
}

// parameter takes one parameter of an offer and returns false if the offer
// must be declined for it (RFC 7692, section 7.1). The compressor has no window
// of 8 bits; the decompressor takes any, so client_max_window_bits is only
// checked.
func (o *offer) parameter(name, value string, hasValue bool) bool {
	switch name {
	case "server_no_context_takeover":
		return first(&o.seen.serverTakeover) && !hasValue
	case "client_no_context_takeover":
		return first(&o.seen.clientTakeover) && !hasValue
	case "client_max_window_bits":
		return first(&o.seen.clientBits) && (!hasValue || bits(value) >= 8)
	case "server_max_window_bits":
		o.windowBits = bits(value)
		return first(&o.seen.serverBits) && o.windowBits >= 9
	}
	return false
}

// first sets seen and reports whether it was not set.
func first(seen *bool) bool {
	was := *seen
	*seen = true
	return !was
}

// bits returns the window size 8 to 15 that s spells without leading zeros, or
// 0.
func bits(s string) int {
	switch {
	case len(s) == 1 && (s[0] == '8' || s[0] == '9'):
		return int(s[0] - '0')
	case len(s) == 2 && s[0] == '1' && '0' <= s[1] && s[1] <= '5':
		return 10 + int(s[1]-'0')
	}
	return 0
}

// appendDeflate appends the answer to an accepted offer.
func appendDeflate(dst []byte, windowBits int) []byte {
	dst = append(dst, "permessage-deflate; server_no_context_takeover; client_no_context_takeover"...)
	if windowBits == defaultWindowBits {
		return dst
	}
	dst = append(dst, "; server_max_window_bits="...)
	if windowBits >= 10 {
		dst = append(dst, '1')
	}
	return append(dst, '0'+byte(windowBits%10))
}

// field reads the value of a header field from left to right. Each method
// skips white space on both sides of what it reads.
type field struct {
	s string
	i int
}

func (f *field) space() {
	for f.i < len(f.s) && (f.s[f.i] == ' ' || f.s[f.i] == '\t') {
		f.i++
	}
}

// end reports whether there is nothing left.
func (f *field) end() bool {
	f.space()
	return f.i == len(f.s)
}

// take reads the byte c if it is next.
func (f *field) take(c byte) bool {
	if f.end() || f.s[f.i] != c {
		return false
	}
	f.i++
	return true
}

// token reads a token, or returns "" if none is next.
func (f *field) token() string {
	f.space()
	start := f.i
	for f.i < len(f.s) && isTokenByte(f.s[f.i]) {
		f.i++
	}
	return f.s[start:f.i]
}

// value reads a token, also in the form of a quoted string (RFC 6455, section
// 9.1), or returns "".
func (f *field) value() string {
	if !f.take('"') {
		return f.token()
	}
	start := f.i
	for f.i < len(f.s) && f.s[f.i] != '"' {
		if f.s[f.i] == '\\' {
			f.i++
		}
		f.i++
	}
	if f.i >= len(f.s) {
		return ""
	}
	quoted := f.s[start:f.i]
	f.i++
	if strings.IndexByte(quoted, '\\') >= 0 {
		quoted = unquote(quoted)
	}
	if !isToken(quoted) {
		return ""
	}
	return quoted
}

// unquote removes the backslashes of the pairs in s.
func unquote(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}
