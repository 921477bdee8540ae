package transcript

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Canonical rewrites a JSON text so that two texts are equal exactly when
// JSON.parse reads the same values from them:
//
//   - no white space, and one spelling of each string, lone surrogates kept;
//   - a number that a float64 holds is written as JavaScript writes it, any
//     other keeps its digits;
//   - the members of an object are sorted by name, except that the outermost
//     object keeps its order; a name that occurs twice stays twice.
//
// Nothing is decoded, so depth and size are those of the text.
func Canonical(text []byte) (string, error) {
	p := parser{in: text}
	out, err := p.value(nil, true)
	if err == nil {
		p.space()
		if p.at < len(p.in) {
			err = errors.New("text after the value")
		}
	}
	if err != nil {
		return "", fmt.Errorf("transcript: not JSON at byte %d: %w", p.at, err)
	}
	return string(out), nil
}

type parser struct {
	in []byte
	at int
}

func (p *parser) space() {
	for p.at < len(p.in) && bytes.IndexByte([]byte(" \t\r\n"), p.in[p.at]) >= 0 {
		p.at++
	}
}

// next skips white space and takes c if it comes.
func (p *parser) next(c byte) bool {
	p.space()
	if p.at < len(p.in) && p.in[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *parser) value(dst []byte, outermost bool) ([]byte, error) {
	p.space()
	if p.at == len(p.in) {
		return nil, errors.New("no value")
	}
	switch c := p.in[p.at]; {
	case c == '{':
		return p.object(dst, outermost)
	case c == '[':
		return p.array(dst)
	case c == '"':
		return p.str(dst)
	case c == '-' || '0' <= c && c <= '9':
		return p.number(dst)
	}
	for _, word := range []string{"true", "false", "null"} {
		if bytes.HasPrefix(p.in[p.at:], []byte(word)) {
			p.at += len(word)
			return append(dst, word...), nil
		}
	}
	return nil, errors.New("no value")
}

func (p *parser) object(dst []byte, outermost bool) ([]byte, error) {
	p.at++
	type member struct {
		text []byte
		name int // the length of the name in text
	}
	var members []member
	for !p.next('}') {
		if len(members) > 0 && !p.next(',') {
			return nil, errors.New("no comma")
		}
		p.space()
		if p.at == len(p.in) || p.in[p.at] != '"' {
			return nil, errors.New("no name")
		}
		text, err := p.str(nil)
		if err != nil {
			return nil, err
		}
		if !p.next(':') {
			return nil, errors.New("no colon")
		}
		name := len(text)
		if text, err = p.value(append(text, ':'), false); err != nil {
			return nil, err
		}
		members = append(members, member{text, name})
	}
	if !outermost {
		slices.SortStableFunc(members, func(a, b member) int { return bytes.Compare(a.text[:a.name], b.text[:b.name]) })
	}
	dst = append(dst, '{')
	for i, m := range members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, m.text...)
	}
	return append(dst, '}'), nil
}

func (p *parser) array(dst []byte) ([]byte, error) {
	p.at++
	dst = append(dst, '[')
	for first := true; !p.next(']'); first = false {
		if !first {
			if !p.next(',') {
				return nil, errors.New("no comma")
			}
			dst = append(dst, ',')
		}
		var err error
		if dst, err = p.value(dst, false); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func (p *parser) number(dst []byte) ([]byte, error) {
	from := p.at
	for p.at < len(p.in) && bytes.IndexByte([]byte("+-.0123456789eE"), p.in[p.at]) >= 0 {
		p.at++
	}
	digits := p.in[from:p.at]
	if !json.Valid(digits) {
		return nil, errors.New("no number")
	}
	if f, err := strconv.ParseFloat(string(digits), 64); err == nil { // it is in range
		if short := javaScriptNumber(f); exact(string(digits)).Cmp(exact(short)) == 0 {
			return append(dst, short...), nil
		}
	}
	return append(dst, digits...), nil
}

func exact(number string) *big.Rat {
	r, _ := new(big.Rat).SetString(number)
	return r
}

// javaScriptNumber is Number.prototype.toString, ECMA-262 section 6.1.6.1.20.
func javaScriptNumber(f float64) string {
	if f == 0 {
		return "0" // also for -0
	}
	format := byte('f')
	if abs := math.Abs(f); abs < 1e-6 || abs >= 1e21 {
		format = 'e'
	}
	s := strconv.FormatFloat(f, format, -1, 64)
	// JavaScript writes e-7 where Go writes e-07.
	s = strings.Replace(s, "e-0", "e-", 1)
	return strings.Replace(s, "e+0", "e+", 1)
}

// str reads a string into UTF-16 code units, as JavaScript has it, and writes
// it back: what is not a pair of surrogates stays an escape.
func (p *parser) str(dst []byte) ([]byte, error) {
	from := p.at
	for p.at++; ; p.at++ {
		if p.at >= len(p.in) {
			return nil, errors.New("string without end")
		}
		if p.in[p.at] == '"' {
			break
		}
		if p.in[p.at] == '\\' {
			p.at++
		}
	}
	p.at++
	raw := p.in[from:p.at]
	if !json.Valid(raw) {
		return nil, fmt.Errorf("no string: %.40q", raw)
	}
	dst = append(dst, '"')
	for body := raw[1 : len(raw)-1]; len(body) > 0; {
		r, size := firstRune(body)
		body = body[size:]
		if utf16.IsSurrogate(r) && len(body) > 0 {
			low, n := firstRune(body)
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				r, body = pair, body[n:]
			}
		}
		dst = appendRune(dst, r)
	}
	return append(dst, '"'), nil
}

// firstRune is the first character of a string's body and its length in the
// text; a surrogate is one for itself.
func firstRune(body []byte) (rune, int) {
	if body[0] != '\\' {
		return utf8.DecodeRune(body)
	}
	if body[1] == 'u' {
		n, _ := strconv.ParseUint(string(body[2:6]), 16, 16)
		return rune(n), 6
	}
	from, to := `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	return rune(to[strings.IndexByte(from, body[1])]), 2
}

func appendRune(dst []byte, r rune) []byte {
	switch {
	case r == '"' || r == '\\':
		return append(dst, '\\', byte(r))
	case r < 0x20 || utf16.IsSurrogate(r) || r == 0x7F || r == 0x2028 || r == 0x2029:
		return fmt.Appendf(dst, `\u%04x`, r)
	}
	return utf8.AppendRune(dst, r)
}
