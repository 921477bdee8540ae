package wire

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// skipString passes over a string literal, quotes included.
func skipString(b []byte, i int) int {
	end, _ := scanString(b, i)
	return end
}

// scanString is skipString, and tells whether the literal has escapes.
func scanString(b []byte, i int) (end int, escaped bool) {
	if i >= len(b) || b[i] != '"' {
		return -1, false
	}
	for i++; ; {
		for len(b)-i >= 8 {
			if found := special(binary.LittleEndian.Uint64(b[i:])); found != 0 {
				i += bits.TrailingZeros64(found) / 8
				break
			}
			i += 8
		}
		if i >= len(b) {
			return -1, false
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1, escaped
		case c == '\\':
			escaped = true
			if i = skipEscape(b, i); i < 0 {
				return -1, false
			}
		case c < ' ':
			return -1, false
		default: // less than a word is left
			i++
		}
	}
}

func skipEscape(b []byte, i int) int {
	if len(b)-i < 2 {
		return -1
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		if len(b)-i < 6 {
			return -1
		}
		for _, c := range b[i+2 : i+6] {
			if !isHex(c) {
				return -1
			}
		}
		return i + 6
	}
	return -1
}

func isHex(c byte) bool {
	return c-'0' <= 9 || (c|0x20)-'a' <= 5
}

// plain is how many bytes s starts with that stand for themselves inside a
// string literal: no quote, backslash or control character.
func plain(s string) int {
	i := 0
	for ; len(s)-i >= 8; i += 8 {
		if found := special(word(s, i)); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(s) && s[i] >= ' ' && s[i] != '"' && s[i] != '\\' {
		i++
	}
	return i
}

// plainASCII reports whether s is ASCII that stands for itself in a literal.
func plainASCII(s string) bool {
	if len(s) < 8 {
		for i := range len(s) {
			if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
				return false
			}
		}
		return true
	}
	last := word(s, len(s)-8) // some of it for the second time
	found := special(last) | last
	for i := 0; len(s)-i > 8; i += 8 {
		w := word(s, i)
		found |= special(w) | w
	}
	return found&0x8080808080808080 == 0
}

// word is the eight bytes of s from i on, the first one lowest.
func word(s string, i int) uint64 {
	w := s[i : i+8]
	return uint64(w[0]) | uint64(w[1])<<8 | uint64(w[2])<<16 | uint64(w[3])<<24 |
		uint64(w[4])<<32 | uint64(w[5])<<40 | uint64(w[6])<<48 | uint64(w[7])<<56
}

// special marks, by its highest bit, the lowest byte of word that is a quote, a
// backslash or a control character. Bytes above that one may be marked wrongly:
// a subtraction borrows from its neighbours upwards, never downwards.
func special(word uint64) uint64 {
	const (
		ones = 0x0101010101010101
		high = 0x8080808080808080
	)
	control := word - ones*' '
	quote := (word ^ ones*'"') - ones
	slash := (word ^ ones*'\\') - ones
	return (control | quote | slash) &^ word & high
}
