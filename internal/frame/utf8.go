package frame

import "unicode/utf8"

// UTF8 checks a text that arrives in pieces, and finds a wrong one at its
// first byte that no continuation can mend (RFC 3629, section 4). The zero
// value is at the start of a text.
type UTF8 struct {
	need   int8 // bytes that the code point in progress still lacks
	lo, hi byte // bounds of the next of them
}

// Write checks the next piece and returns false if the text is not UTF-8,
// whatever may follow. After that u is of no use until reset.
func (u *UTF8) Write(p []byte) bool {
	for u.need > 0 && len(p) > 0 {
		if !u.step(p[0]) {
			return false
		}
		p = p[1:]
	}
	// Whole code points are left to the standard library, which passes eight
	// bytes of ASCII at a time. The last may be cut off.
	cut := lastStart(p)
	if !utf8.Valid(p[:cut]) {
		return false
	}
	for _, c := range p[cut:] {
		if !u.step(c) {
			return false
		}
	}
	return true
}

// Complete reports whether the text may end here: no code point is unfinished.
func (u *UTF8) Complete() bool { return u.need == 0 }

// lastStart returns the index of the lead byte of the last code point of p if
// that takes several bytes and may be incomplete, else len(p).
func lastStart(p []byte) int {
	for i := len(p) - 1; i >= 0 && i >= len(p)-3; i-- {
		if p[i] >= 0xc0 {
			return i
		}
		if p[i] < utf8.RuneSelf {
			break
		}
	}
	return len(p)
}

// step takes one byte.
func (u *UTF8) step(c byte) bool {
	if u.need > 0 {
		if c < u.lo || c > u.hi {
			return false
		}
		u.need--
		u.lo, u.hi = 0x80, 0xbf
		return true
	}
	u.lo, u.hi = 0x80, 0xbf
	switch {
	case c < 0x80:
	case c < 0xc2: // continuations, and leads of overlong pairs
		return false
	case c < 0xe0:
		u.need = 1
	case c < 0xf0:
		u.need = 2
		if c == 0xe0 {
			u.lo = 0xa0 // below: overlong
		} else if c == 0xed {
			u.hi = 0x9f // above: surrogates
		}
	case c < 0xf5:
		u.need = 3
		if c == 0xf0 {
			u.lo = 0x90 // below: overlong
		} else if c == 0xf4 {
			u.hi = 0x8f // above: beyond U+10FFFF
		}
	default:
		return false
	}
	return true
}
