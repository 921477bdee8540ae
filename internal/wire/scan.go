package wire

import "unicode/utf8"

// MaxDepth is how deep arrays and objects may be nested, the outermost one
// included. It is the limit of encoding/json, too.
const MaxDepth = 10000

// Valid reports whether b is one JSON value in UTF-8, with or without white
// space around it.
func Valid(b []byte) bool {
	if !utf8.Valid(b) {
		return false
	}
	end := skipValue(b, skipSpace(b, 0), 0)
	return end >= 0 && isSpace(b[end:])
}

// The skip functions take the index of the first byte of something and return
// the index of the first byte after it, or -1 when it is malformed. An index
// may be len(b).

// skipValue passes over the value at i, which is inside of depth containers. It
// keeps 64 containers in one word, and calls itself once for every 64 more.
func skipValue(b []byte, i, depth int) int {
	var (
		open    int    // containers that began here and have not ended
		objects uint64 // a bit for each, the innermost lowest: set when it is an object
	)
value:
	for {
		if i == len(b) {
			return -1
		}
		switch c := b[i]; c {
		case '"':
			i = skipString(b, i)
		case '{', '[':
			if open == 64 {
				i = skipValue(b, i, depth+open)
				break
			}
			if depth+open == MaxDepth {
				return -1
			}
			i = skipSpace(b, i+1)
			if i == len(b) {
				return -1
			}
			if b[i] == c+2 { // '}' and ']' come two after '{' and '[' in ASCII
				i++
				break
			}
			open++
			objects <<= 1
			if c == '{' {
				objects |= 1
				if i = skipName(b, i); i < 0 {
					return -1
				}
			}
			continue
		case 't':
			i = skipLiteral(b, i, "true")
		case 'f':
			i = skipLiteral(b, i, "false")
		case 'n':
			i = skipLiteral(b, i, "null")
		default:
			i = skipNumber(b, i)
		}
		if i < 0 {
			return -1
		}

		// After a value: the ends of containers, then a comma and the next value.
		for open > 0 {
			i = skipSpace(b, i)
			if i == len(b) {
				return -1
			}
			inObject := objects&1 != 0
			switch c := b[i]; {
			case c == ',':
				i = skipSpace(b, i+1)
				if inObject {
					if i = skipName(b, i); i < 0 {
						return -1
					}
				}
				continue value
			case c == '}' && inObject, c == ']' && !inObject:
				open--
				objects >>= 1
				i++
			default:
				return -1
			}
		}
		return i
	}
}

// skipName passes over a member's name, the colon, and white space, to the
// member's value.
func skipName(b []byte, i int) int {
	if i = skipString(b, i); i < 0 {
		return -1
	}
	i = skipSpace(b, i)
	if i == len(b) || b[i] != ':' {
		return -1
	}
	return skipSpace(b, i+1)
}

func skipLiteral(b []byte, i int, word string) int {
	end := i + len(word)
	if end > len(b) || string(b[i:end]) != word {
		return -1
	}
	return end
}

func skipNumber(b []byte, i int) int {
	if i < len(b) && b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if i = skipDigits(b, i); i < 0 {
		return -1
	}
	if i < len(b) && b[i] == '.' {
		if i = skipDigits(b, i+1); i < 0 {
			return -1
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		return skipDigits(b, i)
	}
	return i
}

// skipDigits passes over one digit or more.
func skipDigits(b []byte, i int) int {
	start := i
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	if i == start {
		return -1
	}
	return i
}

// skipSpace passes over white space, which may be none.
func skipSpace(b []byte, i int) int {
	const space uint64 = 1<<' ' | 1<<'\t' | 1<<'\n' | 1<<'\r'
	for i < len(b) && b[i] <= ' ' && uint64(1)<<b[i]&space != 0 {
		i++
	}
	return i
}

// isSpace reports whether b is nothing but white space.
func isSpace(b []byte) bool { return skipSpace(b, 0) == len(b) }
