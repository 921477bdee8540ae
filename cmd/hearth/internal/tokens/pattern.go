package tokens

import "strings"

// pattern is a room's name in which * stands for any characters, also none.
// It has the literal parts between the stars.
type pattern []string

func newPattern(s string) pattern { return strings.Split(s, "*") }

// matches takes the leftmost place for each part, which finds a match if there
// is one, in time that grows with the product of the lengths at worst.
func (p pattern) matches(name string) bool {
	first, last := p[0], p[len(p)-1]
	if len(p) == 1 {
		return name == first
	}
	if len(name) < len(first)+len(last) || !strings.HasPrefix(name, first) || !strings.HasSuffix(name, last) {
		return false
	}
	name = name[len(first) : len(name)-len(last)]
	for _, part := range p[1 : len(p)-1] {
		_, rest, found := strings.Cut(name, part)
		if !found {
			return false
		}
		name = rest
	}
	return true
}
