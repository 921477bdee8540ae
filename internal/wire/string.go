package wire

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// AppendString appends s as a JSON string, escaped exactly as JSON.stringify
// does: quote, backslash and control characters, nothing else. Each byte of s
// that is not part of a UTF-8 sequence becomes U+FFFD.
func AppendString(dst []byte, s string) []byte {
	if plainASCII(s) {
		dst = append(dst, '"')
		dst = append(dst, s...)
		return append(dst, '"')
	}
	if !utf8.ValidString(s) {
		s = string([]rune(s))
	}
	dst = append(dst, '"')
	for {
		n := plain(s)
		dst = append(dst, s[:n]...)
		if n == len(s) {
			return append(dst, '"')
		}
		dst = appendEscape(dst, s[n])
		s = s[n+1:]
	}
}

func appendEscape(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// DecodeString returns the text of a JSON string literal, quotes included, as
// [Member] returns it. It reports false when raw is not exactly one. The escape
// of a surrogate that has no partner, which is no text, becomes U+FFFD; other
// bytes are taken as they are.
func DecodeString(raw []byte) (s string, ok bool) {
	if skipString(raw, 0) != len(raw) {
		return "", false
	}
	return string(content(raw)), true
}

// content returns the text of a well-formed string literal. It aliases the
// literal when that has no escapes.
func content(literal []byte) []byte {
	return unescape(literal[1:len(literal)-1], replaceSurrogates)
}

func isString(value []byte) bool { return value[0] == '"' }

// surrogates says what becomes of a surrogate without a partner.
type surrogates bool

const (
	replaceSurrogates surrogates = false // U+FFFD
	keepSurrogates    surrogates = true  // its three bytes (WTF-8): different names stay different
)

// unescape returns what the inside of a well-formed string literal stands for:
// s itself when it has no escapes.
func unescape(s []byte, lone surrogates) []byte {
	n := bytes.IndexByte(s, '\\')
	if n < 0 {
		return s
	}
	text := make([]byte, 0, len(s)) // an escape is never shorter than its text
	for n >= 0 {
		text = append(text, s[:n]...)
		text, s = appendUnescaped(text, s[n:], lone)
		n = bytes.IndexByte(s, '\\')
	}
	return append(text, s...)
}

// appendUnescaped appends the character that s starts with an escape of, and
// returns what follows.
func appendUnescaped(dst, s []byte, lone surrogates) (text, rest []byte) {
	c, rest := s[1], s[2:]
	switch c {
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		return appendCodePoint(dst, s, lone)
	}
	return append(dst, c), rest
}

// appendCodePoint is appendUnescaped for \uXXXX, alone or as a surrogate pair.
func appendCodePoint(dst, s []byte, lone surrogates) (text, rest []byte) {
	r, rest := codeUnit(s), s[6:]
	if !utf16.IsSurrogate(r) {
		return utf8.AppendRune(dst, r), rest
	}
	if len(rest) >= 6 && rest[0] == '\\' && rest[1] == 'u' {
		if pair := utf16.DecodeRune(r, codeUnit(rest)); pair != utf8.RuneError {
			return utf8.AppendRune(dst, pair), rest[6:]
		}
	}
	if lone == replaceSurrogates {
		return utf8.AppendRune(dst, utf8.RuneError), rest
	}
	return append(dst, 0xE0|byte(r>>12), 0x80|byte(r>>6&0x3F), 0x80|byte(r&0x3F)), rest
}

// codeUnit is the number in an escape of the form \uXXXX.
func codeUnit(escape []byte) rune {
	var r rune
	for _, c := range escape[2:6] {
		digit := c - '0'
		if digit > 9 {
			digit = (c | 0x20) - 'a' + 10
		}
		r = r<<4 | rune(digit)
	}
	return r
}
