package tokens

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"
)

// LineError says what is wrong with a line of a tokens file. It never holds a
// token.
type LineError struct {
	File   string
	Line   int // counted from 1
	Reason string
}

func (e *LineError) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Reason) }

// Load reads a tokens file. The error has one [LineError] for each line that
// is wrong.
func Load(file string) (*Set, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return Parse(file, string(text))
}

// Parse reads the text of a tokens file; file is its name in errors.
func Parse(file, text string) (*Set, error) {
	set := &Set{members: make(map[Key]*Member)}
	var errs []error
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(text, "\uFEFF")) {
		number++
		if reason := set.add(number, line); reason != "" {
			errs = append(errs, &LineError{File: file, Line: number, Reason: reason})
		}
	}
	if errs != nil {
		return nil, errors.Join(errs...)
	}
	return set, nil
}

// add takes a line into the set, or says what is wrong with it.
func (s *Set) add(number int, line string) (reason string) {
	if !utf8.ValidString(line) {
		return "is not UTF-8"
	}
	fields := strings.Fields(line)
	if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
		return ""
	}
	if strings.ContainsFunc(line, func(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) }) {
		return "has a control character"
	}
	if len(fields) == 1 {
		return "has no user; a line is TOKEN USER [ROOM…], with - as USER for none"
	}
	m := &Member{User: fields[1], Line: number}
	if m.User == "-" {
		m.User = ""
	}
	for _, room := range fields[2:] {
		if strings.HasPrefix(room, "ws:") {
			return fmt.Sprintf("room %q: names that begin with ws: are the server's own", room)
		}
		m.rooms = append(m.rooms, newPattern(room))
	}
	key := KeyOf(fields[0])
	if other := s.members[key]; other != nil {
		return fmt.Sprintf("has the token of line %d again", other.Line)
	}
	s.members[key] = m
	return ""
}
