package frame_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hearthws/hearth/internal/frame"
)

// The numbers of the cases follow the well-known Autobahn test suite; the
// bytes and the verdicts come from RFC 6455. A case says what a server must
// find in input, however that is cut.
type protocolCase struct {
	id    string
	input []byte
	want  []event
}

const (
	text   = frame.Text
	binary = frame.Binary
	more   = frame.Continuation
	closes = frame.Close
	ping   = frame.Ping
	pong   = frame.Pong
)

func TestConformance(t *testing.T) {
	var cases []protocolCase
	for _, group := range [][]protocolCase{framing(), pings(), reservedBits(), opcodes(), fragments(), closing()} {
		cases = append(cases, group...)
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) { expect(t, usual, false, c.input, c.want...) })
	}
}

func framing() (cases []protocolCase) {
	for i, op := range []frame.Opcode{text, binary} {
		for j, n := range []int{0, 125, 126, 127, 128, 65535, 65536} {
			cases = append(cases, protocolCase{
				fmt.Sprintf("1.%d.%d", i+1, j+1),
				masked(op, repeat(n)),
				[]event{message(op, repeat(n))},
			})
		}
	}
	return cases
}

func pings() []protocolCase {
	octets := "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"
	return []protocolCase{
		{"2.1", masked(ping, ""), []event{message(ping, "")}},
		{"2.2", masked(ping, "Hello, world!"), []event{message(ping, "Hello, world!")}},
		{"2.3", masked(ping, octets), []event{message(ping, octets)}},
		{"2.4", masked(ping, repeat(125)), []event{message(ping, repeat(125))}},
		{"2.5", masked(ping, repeat(126)), []event{violation(1002)}},
		{"2.7", masked(pong, ""), []event{message(pong, "")}},
		{"2.8", masked(pong, "unsolicited"), []event{message(pong, "unsolicited")}},
		{
			"2.10", join(masked(ping, "1"), masked(ping, "2"), masked(ping, "3")),
			[]event{message(ping, "1"), message(ping, "2"), message(ping, "3")},
		},
	}
}

func reservedBits() (cases []protocolCase) {
	for rsv := byte(1); rsv <= 7; rsv++ {
		for _, op := range []frame.Opcode{text, binary, ping, pong, closes} {
			bad := masked(op, "bad")
			bad[0] |= rsv << 4
			cases = append(cases, protocolCase{
				fmt.Sprintf("3.%d %v", rsv, op),
				join(masked(text, "good"), bad, masked(ping, "")),
				[]event{message(text, "good"), violation(1002)},
			})
		}
	}
	return cases
}

func opcodes() (cases []protocolCase) {
	for _, op := range []frame.Opcode{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		for _, payload := range []string{"", "payload"} {
			cases = append(cases, protocolCase{
				fmt.Sprintf("4 opcode %d %q", byte(op), payload),
				join(masked(text, "good"), masked(op, payload), masked(ping, "")),
				[]event{message(text, "good"), violation(1002)},
			})
		}
	}
	return cases
}

func fragments() []protocolCase {
	return []protocolCase{
		{"5.1", join(part(ping, "a"), masked(more, "b")), []event{violation(1002)}},
		{"5.2", join(part(pong, "a"), masked(more, "b")), []event{violation(1002)}},
		{"5.2 close", part(closes, ""), []event{violation(1002)}},
		{"5.3", join(part(text, "frag1"), masked(more, "frag2")), []event{message(text, "frag1frag2")}},
		{
			"5.6", join(part(text, "frag1"), masked(ping, "p"), masked(more, "frag2")),
			[]event{message(ping, "p"), message(text, "frag1frag2")},
		},
		{"5.9", join(masked(more, "stray"), masked(text, "x")), []event{violation(1002)}},
		{"5.12", join(part(more, "stray"), masked(text, "x")), []event{violation(1002)}},
		{
			"5.15", join(part(text, "a"), masked(more, "b"), part(more, "c"), masked(text, "d")),
			[]event{message(text, "ab"), violation(1002)},
		},
		{"5.18", join(part(text, "a"), masked(text, "b")), []event{violation(1002)}},
		{"5.18 binary", join(part(text, "a"), part(binary, "b")), []event{violation(1002)}},
		{
			"5.19", join(part(text, "1"), part(more, "2"), masked(ping, "p1"), part(more, "3"), part(more, "4"), masked(ping, "p2"), masked(more, "5")),
			[]event{message(ping, "p1"), message(ping, "p2"), message(text, "12345")},
		},
		{"6.1.2", join(part(text, ""), part(more, ""), masked(more, "")), []event{message(text, "")}},
		{"6.1.3", join(part(text, ""), part(more, "middle"), masked(more, "")), []event{message(text, "middle")}},
		{"empty start", join(part(text, ""), masked(more, "whole")), []event{message(text, "whole")}},
		{"between", join(part(binary, "\xff"), masked(pong, ""), masked(more, "\xfe")), []event{message(pong, ""), message(binary, "\xff\xfe")}},
		{
			"two messages", join(part(text, "a"), masked(more, "b"), part(binary, "c"), masked(more, "d")),
			[]event{message(text, "ab"), message(binary, "cd")},
		},
	}
}

func closing() []protocolCase {
	code := func(c int) string { return string([]byte{byte(c >> 8), byte(c)}) }
	ends := func(payload string) []event { return []event{message(closes, payload)} }
	cases := []protocolCase{
		{"7.1.2", join(masked(closes, ""), masked(closes, "")), ends("")},
		{"7.1.3", join(masked(closes, ""), masked(ping, "")), ends("")},
		{"7.1.4", join(masked(closes, ""), masked(text, "late")), ends("")},
		{"7.1.5", join(part(text, "a"), masked(closes, ""), masked(more, "b")), ends("")},
		{"7.1.6", join(masked(text, repeat(70000)), masked(closes, ""), masked(ping, "")), []event{message(text, repeat(70000)), message(closes, "")}},
		{"7.1 garbage after", join(masked(closes, ""), []byte("\xff\xff\xff\xff")), ends("")},
		{"7.3.1", masked(closes, ""), ends("")},
		{"7.3.2", masked(closes, "\x03"), []event{violation(1002)}},
		{"7.3.3", masked(closes, code(1000)), ends(code(1000))},
		{"7.3.4", masked(closes, code(1000)+"Hello, world!"), ends(code(1000) + "Hello, world!")},
		{"7.3.5", masked(closes, code(1000)+repeat(123)), ends(code(1000) + repeat(123))},
		{"7.3.6", masked(closes, code(1000)+repeat(124)), []event{violation(1002)}},
		{"7.5.1", masked(closes, code(1000)+"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"), []event{violation(1007)}},
		{"7.5.1 cut", masked(closes, code(1000)+"\xce"), []event{violation(1007)}},
	}
	for _, c := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999} {
		cases = append(cases, protocolCase{fmt.Sprint("7.7 ", c), masked(closes, code(c)), ends(code(c))})
	}
	for _, c := range []int{0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		cases = append(cases, protocolCase{fmt.Sprint("7.9 ", c), masked(closes, code(c)), []event{violation(1002)}})
	}
	return cases
}

// TestLengths covers what the table above leaves out of section 5.2.
func TestLengths(t *testing.T) {
	cases := []protocolCase{
		{"not masked", frame.Append(nil, text, []byte("plain")), []event{violation(1002)}},
		{"16 bits for 125", []byte{0x81, 0xfe, 0, 125, 1, 2, 3, 4}, []event{violation(1002)}},
		{"64 bits for 65535", []byte{0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4}, []event{violation(1002)}},
		{"2^63", []byte{0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0}, []event{violation(1002)}},
		{"2^64-1", []byte("\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff"), []event{violation(1002)}},
		{"2^63-1", []byte("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff"), []event{violation(1009)}},
		{"ping in 16 bits", []byte{0x89, 0xfe, 0, 5, 1, 2, 3, 4}, []event{violation(1002)}},
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) { expect(t, usual, false, c.input, c.want...) })
	}
}

// Groups 9 and 10: large messages, in fragments and pieces of many sizes.
func TestLargeMessages(t *testing.T) {
	cfg := &frame.Config{MaxMessage: 16 << 20}
	for _, size := range []int{64 << 10, 256 << 10, 4 << 20, 16 << 20} {
		payload := strings.Repeat("κόσμε 16 bytes..", size/len("κόσμε 16 bytes.."))
		for _, fragment := range []int{64, 256, 1000, 64 << 10, size} {
			if size > 4<<20 && fragment < size {
				continue // the 4 MiB above show it
			}
			var input []byte
			op := text
			for rest := payload; rest != ""; op = more {
				n := min(fragment, len(rest))
				input = frame.AppendMasked(input, op, n == len(rest), false, []byte(rest[:n]), key)
				rest = rest[n:]
			}
			for _, chop := range []int{0, 1460} {
				got := read(t, cfg, false, input, chop)
				if len(got) != 1 || got[0] != message(text, payload) {
					t.Fatalf("%d bytes in fragments of %d and pieces of %d: %v", size, fragment, chop, got)
				}
			}
		}
	}
}
