package conformance_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// sized is text whose message has n bytes.
func sized(e *endpoint, n int) (text string, ok bool) {
	n -= len(e.wrap(""))
	if n < 0 {
		return "", false
	}
	return strings.Repeat("*", n), true
}

// invalid wants the answer that a server of messages gives to what is none.
func invalid(p *peer) string {
	m, ok := p.read()
	if !ok || !bytes.Contains(m.payload, []byte("Invalid message format")) {
		return "answered with " + m.String()
	}
	return ""
}

// framing are the cases of sections 1 and 10.
func framing() (all []case_) {
	for i, kind := range []struct {
		name string
		op   byte
	}{{"text", opText}, {"binary", opBinary}} {
		for j, n := range []int{0, 125, 126, 127, 128, 65535, 65536, 65536} {
			chop, what := 0, fmt.Sprintf("%s message of %d bytes", kind.name, n)
			if j == 7 {
				chop, what = 997, what+", in chops of 997"
			}
			all = append(all, case_{fmt.Sprintf("1.%d.%d", i+1, j+1), what, func(t testing.TB, e *endpoint) string {
				p, _ := connect(t, e, "")
				defer p.conn.Close()
				text, ok := sized(e, n)
				b := f(fin|kind.op, e.wrap(text))
				if !ok {
					b = f(fin|kind.op, "")
				}
				p.chop(b, max(chop, len(b)*min(1, 1-min(chop, 1))))
				if !ok {
					return invalid(p)
				}
				return echoes(p, e, text)
			}})
		}
	}
	return append(all, case_{"10.1.1", "65,536 bytes in fragments of 1,300", func(t testing.TB, e *endpoint) string {
		p, _ := connect(t, e, "")
		defer p.conn.Close()
		text, _ := sized(e, 65536)
		p.write(fragments(opText, e.wrap(text), 1300))
		return echoes(p, e, text)
	}})
}

// fragments are the frames of a message, of n bytes each.
func fragments(op byte, payload string, n int) (b []byte) {
	for first := true; ; first = false {
		part := payload[:min(n, len(payload))]
		payload = payload[len(part):]
		head := byte(opContinuation)
		if first {
			head = op
		}
		if payload == "" {
			return append(b, f(head|fin, part)...)
		}
		b = append(b, f(head, part)...)
	}
}

// pings are the cases of section 2.
func pings() (all []case_) {
	pong := func(payloads ...string) func(p *peer, e *endpoint) string {
		return func(p *peer, _ *endpoint) string {
			for _, want := range payloads {
				if m, ok := p.read(); !ok || m.op != opPong || string(m.payload) != want {
					return "answered with " + m.String()
				}
			}
			p.write(f(fin|opClose, closing(1000, "")))
			return closes(p, 1000)
		}
	}
	ping := func(payload string) func(*endpoint) []byte {
		return func(*endpoint) []byte { return f(fin|opPing, payload) }
	}
	long := strings.Repeat("\xfe", 125)
	chopped := case_{"2.6", "ping of 125 bytes, byte by byte", func(t testing.TB, e *endpoint) string {
		p, _ := connect(t, e, "")
		defer p.conn.Close()
		p.chop(f(fin|opPing, long), 1)
		return pong(long)(p, e)
	}}
	var ten []byte
	var payloads []string
	for i := range 10 {
		payloads = append(payloads, fmt.Sprint("payload-", i))
		ten = append(ten, f(fin|opPing, payloads[i])...)
	}
	return []case_{
		sends("2.1", "ping without payload", ping(""), pong("")),
		sends("2.2", "ping with text", ping("Hello, world!"), pong("Hello, world!")),
		sends("2.3", "ping with binary", ping("\x00\xff\xfe\xfd\xfc\xfb\x00\xff"), pong("\x00\xff\xfe\xfd\xfc\xfb\x00\xff")),
		sends("2.4", "ping of 125 bytes", ping(long), pong(long)),
		sends("2.5", "ping of 126 bytes", ping(long+"x"), closesWith(1002)),
		chopped,
		sends("2.7", "pong unasked, without payload", func(*endpoint) []byte { return f(fin|opPong, "") }, pong()),
		sends("2.8", "pong unasked, with payload", func(*endpoint) []byte { return f(fin|opPong, "unsolicited") }, pong()),
		sends("2.9", "pong unasked, then ping", func(*endpoint) []byte {
			return append(f(fin|opPong, "unsolicited"), f(fin|opPing, "ping")...)
		}, pong("ping")),
		sends("2.10", "ten pings", func(*endpoint) []byte { return ten }, pong(payloads...)),
		{"2.11", "ten pings, byte by byte", func(t testing.TB, e *endpoint) string {
			p, _ := connect(t, e, "")
			defer p.conn.Close()
			p.chop(ten, 1)
			return pong(payloads...)(p, e)
		}},
	}
}

// reserved are the cases of sections 3 and 4.
func reserved() (all []case_) {
	for rsv := byte(1); rsv <= 7; rsv++ {
		op := []byte{opText, opText, opText, opText, opBinary, opPing, opClose}[rsv-1]
		all = append(all, sends(fmt.Sprint("3.", rsv), fmt.Sprintf("reserved bits %03b on opcode %d", rsv, op), func(e *endpoint) []byte {
			return append(f(fin|rsv<<4|op, ""), f(fin|opPing, "")...)
		}, closesWith(1002)))
	}
	for i, ops := range [][]byte{{3, 4, 5, 6, 7}, {11, 12, 13, 14, 15}} {
		for j, op := range ops {
			all = append(all, sends(fmt.Sprintf("4.%d.%d", i+1, j+1), fmt.Sprintf("reserved opcode %d", op), func(e *endpoint) []byte {
				return append(f(fin|op, []string{"", "payload"}[j%2]), f(fin|opPing, "")...)
			}, closesWith(1002)))
		}
	}
	return all
}

// fragmentation are the cases of section 5.
func fragmentation() []case_ {
	join := func(frames ...[]byte) func(*endpoint) []byte {
		return func(*endpoint) []byte { return bytes.Join(frames, nil) }
	}
	const text = "fragment1fragment2"
	halves := func(e *endpoint) (a, b string) {
		whole := e.wrap(text)
		return whole[:len(whole)/2], whole[len(whole)/2:]
	}
	two := func(id, what string, chop int, between ...[]byte) case_ {
		return case_{id, what, func(t testing.TB, e *endpoint) string {
			p, _ := connect(t, e, "")
			defer p.conn.Close()
			a, b := halves(e)
			all := bytes.Join([][]byte{f(opText, a), bytes.Join(between, nil), f(fin|opContinuation, b)}, nil)
			if chop == 0 {
				chop = len(all)
			}
			p.chop(all, chop)
			for range between {
				if m, ok := p.read(); !ok || m.op != opPong {
					return "a ping between fragments is answered with " + m.String()
				}
			}
			return echoes(p, e, text)
		}}
	}
	ping := f(fin|opPing, "ping payload")
	stray := func(id, what string, frames ...[]byte) case_ {
		return sends(id, what, join(frames...), closesWith(1002))
	}
	return []case_{
		stray("5.1", "ping in two fragments", f(opPing, "a"), f(fin|opContinuation, "b")),
		stray("5.2", "pong in two fragments", f(opPong, "a"), f(fin|opContinuation, "b")),
		two("5.3", "text in two fragments", 0),
		two("5.4", "the same, byte by byte", 1),
		two("5.5", "the same, in chops of 3", 3),
		two("5.6", "ping between two fragments", 0, ping),
		two("5.7", "the same, in chops of 5", 5, ping),
		two("5.8", "the same, byte by byte", 1, ping),
		stray("5.9", "continuation of nothing, last, then text", f(fin|opContinuation, "x"), f(fin|opText, "y")),
		stray("5.10", "continuation of nothing, last", f(fin|opContinuation, "non-continuation payload")),
		stray("5.12", "continuation of nothing, not last, then text", f(opContinuation, "x"), f(fin|opText, "y")),
		stray("5.13", "continuation of nothing, not last", f(opContinuation, "x")),
		{"5.15", "text in two fragments, then a continuation of nothing", func(t testing.TB, e *endpoint) string {
			p, _ := connect(t, e, "")
			defer p.conn.Close()
			a, b := halves(e)
			p.write(append(f(opText, a), f(fin|opContinuation, b)...))
			if wrong := echoes(p, e, text); wrong != "" {
				return wrong
			}
			p.write(append(f(opContinuation, "x"), f(fin|opText, "y")...))
			return closes(p, 1002)
		}},
		stray("5.16", "continuation not last, text, continuation last, twice", f(opContinuation, "x"), f(opText, "y"), f(fin|opContinuation, "z")),
		stray("5.17", "continuation last, text, continuation last, twice", f(fin|opContinuation, "x"), f(opText, "y"), f(fin|opContinuation, "z")),
		stray("5.18", "text within a fragmented text", f(opText, "x"), f(fin|opText, "y")),
		two("5.19", "pings between fragments", 0, ping, ping),
		two("5.20", "the same, in chops of 7", 7, ping, ping),
	}
}
