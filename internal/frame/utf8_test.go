package frame_test

import (
	"fmt"
	"testing"
	"unicode/utf8"

	"github.com/hearthws/hearth/internal/frame"
)

// Group 6: what is UTF-8, and where a wrong text is found.
func TestUTF8Texts(t *testing.T) {
	valid := map[string]string{
		"6.2":      "Hello-µ@ßöäüàá-UTF-8!!",
		"6.5":      "κόσμε",
		"6.7":      "\x00", // the first of each length
		"6.7.2":    "\u0080",
		"6.7.3":    "\u0800",
		"6.7.4":    "\U00010000",
		"6.9.1":    "\x7f", // the last of each length
		"6.9.2":    "\u07ff",
		"6.9.3":    "\uffff", // no character, yet a code point
		"6.9.4":    "\U0010ffff",
		"6.11.1":   "\ud7ff",
		"6.11.2":   "\ue000",
		"6.11.3":   "\ufffd",
		"6.22.1":   "\ufffe",
		"6.22.34":  "\U0001fffe\U0008ffff",
		"long":     repeat(1000) + "€",
		"unblocks": "1234567é1234567",
	}
	for id, s := range valid {
		t.Run(id, func(t *testing.T) {
			expect(t, usual, false, masked(text, s), message(text, s))
			for i := range len(s) { // fragments of every length, within code points, too
				if i < 100 {
					expect(t, usual, false, join(part(text, s[:i]), masked(more, s[i:])), message(text, s))
				}
			}
		})
	}
	invalid := map[string]string{
		"6.3":         "κόσμε\xed\xa0\x80edited", // a surrogate
		"6.6 cut":     "\xce",
		"6.6 cut 3":   "\xe1\xbd",
		"6.6 cut 4":   "\xf0\x90\x80",
		"6.8 5 bytes": "\xf8\x88\x80\x80\x80",
		"6.8 6 bytes": "\xfc\x84\x80\x80\x80\x80",
		"6.10":        "\xf4\x90\x80\x80", // above U+10FFFF
		"6.12":        "\x80",             // continuation bytes alone
		"6.12.8":      "abc\xbf",
		"6.14":        "\xc3 ", // a lead byte alone
		"6.15":        "\xe0\x80 ",
		"6.17":        "\xc3\xe0\x80",
		"6.18":        "\xc0\xaf", // overlong
		"6.18.2":      "\xe0\x80\xaf",
		"6.18.3":      "\xf0\x80\x80\xaf",
		"6.19":        "\xc1\xbf",
		"6.20":        "\xed\xaf\xbf\xed\xbf\xbf",
		"6.21 FE":     "\xfe",
		"6.21 FF":     "\xff",
	}
	for id, s := range invalid {
		t.Run(id, func(t *testing.T) {
			expect(t, usual, false, join(masked(text, s), masked(ping, "")), violation(1007))
			for i := range len(s) {
				expect(t, usual, false, join(part(text, s[:i]), masked(more, s[i:])), violation(1007))
			}
			expect(t, usual, false, masked(binary, s), message(binary, s))
		})
	}
}

// Case 6.4: a text that no continuation can mend is refused at that byte, in
// the middle of a frame and of a message.
func TestUTF8FailsFast(t *testing.T) {
	const good, bad, rest = "κόσμε", "\xf4\x90", "\x80\x80edited"
	for _, op := range []frame.Opcode{text, more} {
		var start []byte
		if op == more {
			start = part(text, good)
		}
		whole := frame.AppendMasked(start, op, true, false, []byte(good+bad+rest), key)
		cut := len(whole) - len(rest)
		if got := read(t, usual, false, whole[:cut-1], 1); len(got) != 0 {
			t.Errorf("%v: before the bad byte: %v", op, got)
		}
		for _, chop := range []int{0, 1} {
			if got := read(t, usual, false, whole[:cut], chop); len(got) != 1 || got[0] != violation(1007) {
				t.Errorf("%v: at the bad byte: %v", op, got)
			}
		}
	}
}

// TestUTF8Exhaustive compares the validator with unicode/utf8 on sequences of
// three bytes of every class, behind leads that begin longer ones, cut
// everywhere.
func TestUTF8Exhaustive(t *testing.T) {
	prefixes := []string{"", "a", "\xc3", "\xf0\x90", "\xf4", "\xf1\x80"}
	for _, prefix := range prefixes {
		for i := range len(edges) * len(edges) * len(edges) {
			n := len(edges)
			p := append([]byte(prefix), edges[i/n/n], edges[i/n%n], edges[i%n])
			for cut := range p {
				var u frame.UTF8
				got := u.Write(p[:cut]) && u.Write(p[cut:]) && u.Complete()
				if want := utf8.Valid(p); got != want {
					t.Fatalf("%x cut at %d: %v, want %v", p, cut, got, want)
				}
			}
			if err := failsFast(p); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// edges has the first and the last byte of each class of the grammar in RFC
// 3629, section 4: the bytes between them behave alike.
const edges = "\x00\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xec\xed\xee\xef\xf0\xf1\xf3\xf4\xf5\xff"

// failsFast checks that p is refused exactly if no three bytes make it valid.
func failsFast(p []byte) error {
	hope := false
	for _, tail := range []string{"", "\x80", "\x9f", "\xa0", "\x80\x80", "\x90\x80", "\x9f\x80", "\xa0\x80", "\x80\x80\x80", "\x90\x80\x80", "\x8f\x80\x80"} {
		hope = hope || utf8.Valid([]byte(string(p)+tail))
	}
	var whole, single frame.UTF8
	got := whole.Write(p)
	bytewise := true
	for i := range p {
		bytewise = bytewise && single.Write(p[i:i+1])
	}
	if got != hope || bytewise != hope {
		return fmt.Errorf("%x: Write says %v, byte by byte %v, but it can become valid: %v", p, got, bytewise, hope)
	}
	return nil
}
