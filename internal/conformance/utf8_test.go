package conformance_test

import (
	"fmt"
	"strings"
	"testing"
)

// utf8Cases are the cases of section 6.
func utf8Cases() []case_ {
	const (
		greek   = "κόσμε"
		good    = "Hello-µ@ßöäüàá-UTF-8!!"
		broken  = "κόσμε\xed\xa0\x80edited" // a surrogate
		beyond  = "\xf4\x90\x80\x80"        // U+110000
		tooFast = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"
	)
	valid := func(id, what, text string, fragment int) case_ {
		return case_{id, what, func(t testing.TB, e *endpoint) string {
			p, _ := connect(t, e, "")
			defer p.conn.Close()
			whole := e.wrap(text)
			if fragment == 0 {
				fragment = max(1, len(whole))
			}
			p.write(fragments(opText, whole, fragment))
			if e.text && strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }) {
				return invalid(p) // JSON demands escapes there
			}
			return echoes(p, e, text)
		}}
	}
	wrong := func(id, what, text string, fragment int) case_ {
		return case_{id, what, func(t testing.TB, e *endpoint) string {
			p, _ := connect(t, e, "")
			defer p.conn.Close()
			whole := e.wrap(text)
			if fragment == 0 {
				fragment = len(whole)
			}
			p.write(fragments(opText, whole, fragment))
			return closes(p, 1007)
		}}
	}
	// early sends a text up to and with its first wrong byte, and nothing after.
	early := func(id, what string, inFragments bool, good, bad string) case_ {
		return case_{id, what, func(t testing.TB, e *endpoint) string {
			p, _ := connect(t, e, "")
			defer p.conn.Close()
			begin := e.wrap("")
			begin = begin[:len(begin)/2]
			if inFragments {
				p.write(f(opText, begin+good))
				p.write(f(opContinuation, bad))
			} else {
				whole := f(fin|opText, begin+good+bad+"never sent")
				p.write(whole[:len(whole)-len("never sent")])
			}
			return closes(p, 1007)
		}}
	}
	all := []case_{
		{"6.1.1", "empty text", func(t testing.TB, e *endpoint) string {
			p, _ := connect(t, e, "")
			defer p.conn.Close()
			p.write(f(fin|opText, ""))
			if e.text {
				return invalid(p)
			}
			return echoes(p, e, "")
		}},
		{"6.1.2", "text in three empty fragments", func(t testing.TB, e *endpoint) string {
			p, _ := connect(t, e, "")
			defer p.conn.Close()
			p.write(append(append(f(opText, ""), f(opContinuation, "")...), f(fin|opContinuation, "")...))
			if e.text {
				return invalid(p)
			}
			return echoes(p, e, "")
		}},
		{"6.1.3", "text between two empty fragments", func(t testing.TB, e *endpoint) string {
			p, _ := connect(t, e, "")
			defer p.conn.Close()
			p.write(append(append(f(opText, ""), f(opContinuation, e.wrap("middle"))...), f(fin|opContinuation, "")...))
			return echoes(p, e, "middle")
		}},
		valid("6.2.1", "valid text", good, 0),
		valid("6.2.2", "valid text in fragments of 12", good, 12),
		valid("6.2.3", "valid text, a fragment a byte", good, 1),
		valid("6.2.4", "Greek, a fragment a byte", greek, 1),
		wrong("6.3.1", "a surrogate", broken, 0),
		wrong("6.3.2", "a surrogate, a fragment a byte", broken, 1),
		early("6.4.1", "fails in the fragment that is wrong", true, tooFast, beyond),
		early("6.4.2", "fails before that fragment is whole text", true, tooFast+"\xf4", "\x90"),
		early("6.4.3", "fails within a frame", false, tooFast, beyond),
		early("6.4.4", "fails within a frame at the first wrong byte", false, tooFast, "\xf4\x90"),
	}
	for i, text := range []string{"Hello, world!", "Hello\x7f", greek, "ab\u00a0cd", "日本語"} {
		all = append(all, valid(fmt.Sprint("6.5.", i+1), "valid text", text, 0))
	}
	for i := range len(greek) {
		part := greek[:i+1]
		if strings.ToValidUTF8(part, "?") == part {
			all = append(all, valid(fmt.Sprint("6.6.", i+1), fmt.Sprintf("Greek, %d bytes: whole", i+1), part, 0))
		} else {
			all = append(all, wrong(fmt.Sprint("6.6.", i+1), fmt.Sprintf("Greek, %d bytes: cut off", i+1), part, 0))
		}
	}
	for _, section := range []struct {
		n     int
		what  string
		ok    bool
		texts []string
	}{
		{7, "first of a length", true, []string{"\x00", "\u0080", "\u0800", "\U00010000"}},
		{8, "of five or six bytes", false, []string{"\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80"}},
		{9, "last of a length", true, []string{"\x7f", "\u07ff", "\uffff", "\U0010ffff"}},
		{10, "last of a length that is not allowed", false, []string{"\xf7\xbf\xbf\xbf", "\xfb\xbf\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf\xbf"}},
		{11, "next to what is not allowed", true, []string{"\xed\x9f\xbf", "\ue000", "\ufffd", "\U0010ffff"}},
		{11, "above U+10FFFF", false, []string{beyond}},
		{12, "continuations alone", false, []string{"\x80", "\xbf", "\x80\xbf", "\x80\xbf\x80", "\x80\xbf\x80\xbf", "\x80\xbf\x80\xbf\x80"}},
		{13, "leads alone", false, []string{"\xc0 ", "\xc3 \xc4 ", "\xe0 ", "\xef ", "\xf0 "}},
		{14, "cut off", false, []string{"\xc0", "\xe0\x80", "\xf0\x80\x80", "\xdf", "\xef\xbf", "\xf7\xbf\xbf"}},
		{15, "cut off, one after the other", false, []string{"\xc0\xe0\x80\xf0\x80\x80\xdf\xef\xbf\xf7\xbf\xbf"}},
		{16, "bytes that do not occur", false, []string{"\xfe", "\xff", "\xfe\xfe\xff\xff"}},
		{17, "overlong", false, []string{"\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf", "\xfc\x80\x80\x80\x80\xaf"}},
		{18, "overlong, the highest", false, []string{"\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf8\x87\xbf\xbf\xbf"}},
		{19, "overlong NUL", false, []string{"\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80"}},
		{20, "surrogates", false, []string{"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf", "\xed\xb0\x80", "\xed\xbe\x80", "\xed\xbf\xbf"}},
		{21, "pairs of surrogates", false, []string{"\xed\xa0\x80\xed\xb0\x80", "\xed\xa0\x80\xed\xbf\xbf", "\xed\xad\xbf\xed\xb0\x80", "\xed\xaf\xbf\xed\xbf\xbf"}},
		{22, "not characters, and allowed", true, []string{"\ufffe", "\uffff", "\U0001fffe", "\U0001ffff", "\U0008fffe", "\U0010fffe"}},
		{23, "specials", true, []string{"\ufff9", "\ufffa", "\ufffb", "\ufffc", "\ufffd", "\ufffe", "\uffff"}},
	} {
		for i, text := range section.texts {
			id, what := fmt.Sprintf("6.%d.%d", section.n, i+1), fmt.Sprintf("%s: % x", section.what, text)
			if section.n == 11 && !section.ok {
				id = "6.11.5"
			}
			if section.ok {
				all = append(all, valid(id, what, text, 0))
			} else {
				all = append(all, wrong(id, what, text, 0))
			}
		}
	}
	return all
}
