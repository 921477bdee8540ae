package tokens_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth/cmd/hearth/internal/tokens"
)

func member(t *testing.T, text, token string) *tokens.Member {
	t.Helper()
	set, err := tokens.Parse("t", text)
	if err != nil {
		t.Fatal(err)
	}
	return set.Member(tokens.KeyOf(token))
}

func TestParse(t *testing.T) {
	const text = "\uFEFF# who may connect\n" +
		"\n" +
		"one ada lobby team-*\r\n" +
		"\t two\t-   \n" +
		"#three eve *\n" +
		"four bob # *" // no end of line; # is a room here
	set, err := tokens.Parse("t", text)
	if err != nil {
		t.Fatal(err)
	}
	if set.Len() != 3 {
		t.Errorf("%d tokens, want 3", set.Len())
	}
	for token, want := range map[string]*struct {
		user string
		line int
	}{"one": {"ada", 3}, "two": {"", 4}, "#three": nil, "three": nil, "four": {"bob", 6}, "": nil, "one ": nil} {
		switch m := set.Member(tokens.KeyOf(token)); {
		case want == nil && m != nil:
			t.Errorf("token %q is known", token)
		case want != nil && (m == nil || m.User != want.user || m.Line != want.line):
			t.Errorf("token %q is %+v, want %+v", token, m, *want)
		}
	}
}

func TestMayUse(t *testing.T) {
	for _, test := range []struct {
		patterns string
		yes, no  []string
	}{
		{"", nil, []string{"", "lobby"}},
		{"lobby", []string{"lobby"}, []string{"", "lobb", "lobby2", "Lobby", "a lobby"}},
		{"*", []string{"", "lobby", "a room with spaces", "ä"}, nil},
		{"team-*", []string{"team-", "team-a", "team-a-b"}, []string{"team", "a-team-b"}},
		{"*-log", []string{"-log", "a-log", "a-log-log"}, []string{"a-logs"}},
		{"a*b*c", []string{"abc", "a-b-c", "abbbc", "acbcc"}, []string{"acb", "ac", "bc", "abcd"}},
		{"ab*ba", []string{"abba", "abxba"}, []string{"aba", "ab", "ba"}},
		{"a**b", []string{"ab", "a-b"}, []string{"a"}},
		{"one two-*", []string{"one", "two-2"}, []string{"two"}},
		{"a?", []string{"a?"}, []string{"ab"}}, // only * is special
		{"[a]", []string{"[a]"}, []string{"a"}},
	} {
		m := member(t, "token user "+test.patterns, "token")
		for _, room := range test.yes {
			if !m.MayUse(room) {
				t.Errorf("rooms %q: may not use %q", test.patterns, room)
			}
		}
		for _, room := range test.no {
			if m.MayUse(room) {
				t.Errorf("rooms %q: may use %q", test.patterns, room)
			}
		}
	}
}

func TestParseErrors(t *testing.T) {
	const text = "secret-1 ada *\n" +
		"secret-2\n" +
		"secret-1 bob\n" +
		"secret-3 eve lobby ws:room\n" +
		"secret-4 \xff\n" +
		"secret-5 a\x00b\n"
	set, err := tokens.Parse("who.txt", text)
	if set != nil || err == nil {
		t.Fatalf("Parse = %v, %v", set, err)
	}
	want := []string{
		"who.txt:2: has no user; a line is TOKEN USER [ROOM…], with - as USER for none",
		"who.txt:3: has the token of line 1 again",
		`who.txt:4: room "ws:room": names that begin with ws: are the server's own`,
		"who.txt:5: is not UTF-8",
		"who.txt:6: has a control character",
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	var line *tokens.LineError
	if !errors.As(err, &line) || line.Line != 2 {
		t.Errorf("errors.As finds %+v", line)
	}
}

func TestLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	if _, err := tokens.Load(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Load without a file: %v", err)
	}
	if err := os.WriteFile(file, []byte("a b c\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := tokens.Load(file)
	if err != nil || set.Len() != 1 {
		t.Errorf("Load = %v, %v", set, err)
	}
}

func FuzzTokens(f *testing.F) {
	f.Add("# comment\ntoken user lobby team-*\nother -\n", "team-1")
	f.Add("\uFEFFa b *\r\na b\n", "")
	f.Add("a\n\xff\x00\n\u0085b c ws:*", "ws:room")
	f.Add("t u a*b*c a**b *", "abcabc")
	f.Fuzz(func(t *testing.T, text, room string) {
		set, err := tokens.Parse("t", text)
		if err != nil {
			if set != nil {
				t.Error("a set and an error")
			}
			for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
				var line *tokens.LineError
				if !errors.As(e, &line) || line.Line < 1 || line.Line > strings.Count(text, "\n")+1 {
					t.Errorf("%v is not about a line of the text", e)
				}
			}
			return
		}
		count := 0
		for line := range strings.Lines(strings.TrimPrefix(text, "\uFEFF")) {
			fields := strings.Fields(line)
			if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
				continue
			}
			count++
			m := set.Member(tokens.KeyOf(fields[0]))
			if m == nil || m.User != strings.TrimPrefix(fields[1], "-") && m.User != fields[1] {
				t.Fatalf("line %q is %+v", line, m)
			}
			if got, want := m.MayUse(room), anyMatch(fields[2:], room); got != want {
				t.Errorf("line %q: MayUse(%q) = %v, want %v", line, room, got, want)
			}
		}
		if count != set.Len() {
			t.Errorf("%d lines, %d tokens", count, set.Len())
		}
	})
}

// anyMatch is what MayUse says, computed in another way: at[i] tells whether
// the first i bytes of the pattern can stand for what was read of the name.
func anyMatch(patterns []string, name string) bool {
	for _, p := range patterns {
		at := make([]bool, len(p)+1)
		at[0] = true
		skip := func() {
			for i := range len(p) {
				at[i+1] = at[i+1] || at[i] && p[i] == '*'
			}
		}
		skip()
		for i := range len(name) {
			for j := len(p); j >= 0; j-- {
				at[j] = at[j] && j < len(p) && p[j] == '*' || j > 0 && at[j-1] && p[j-1] == name[i] && p[j-1] != '*'
			}
			skip()
		}
		if at[len(p)] {
			return true
		}
	}
	return false
}
