package conformance_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// closingCases are the cases of section 7.
func closingCases() []case_ {
	bye := f(fin|opClose, closing(1000, ""))
	after := func(id, what string, echo bool, frames func(e *endpoint) []byte) case_ {
		return sends(id, what, frames, func(p *peer, e *endpoint) string {
			if echo {
				if wrong := echoes(p, e, "Hello World!"); wrong != "" {
					return wrong
				}
			}
			return closes(p, 1000)
		})
	}
	hello := func(e *endpoint) []byte { return f(fin|opText, e.wrap("Hello World!")) }
	with := func(id, what, payload string, code int) case_ {
		return sends(id, what, func(*endpoint) []byte { return f(fin|opClose, payload) }, closesWith(code))
	}
	all := []case_{
		{"7.1.1", "message, then close", func(t testing.TB, e *endpoint) string {
			p, _ := connect(t, e, "")
			defer p.conn.Close()
			p.write(hello(e))
			if wrong := echoes(p, e, "Hello World!"); wrong != "" {
				return wrong
			}
			p.write(bye)
			return closes(p, 1000)
		}},
		after("7.1.2", "two close frames", false, func(*endpoint) []byte { return append(bytes.Clone(bye), bye...) }),
		after("7.1.3", "ping after close", false, func(*endpoint) []byte { return append(bytes.Clone(bye), f(fin|opPing, "")...) }),
		after("7.1.4", "text after close", false, func(e *endpoint) []byte { return append(bytes.Clone(bye), hello(e)...) }),
		after("7.1.5", "close between two fragments", false, func(*endpoint) []byte {
			return bytes.Join([][]byte{f(opText, "a"), bye, f(fin|opContinuation, "b")}, nil)
		}),
		after("7.1.6", "256 KiB after close", false, func(e *endpoint) []byte {
			return append(bytes.Clone(bye), f(fin|opText, e.wrap(strings.Repeat("B", 256<<10)))...)
		}),
		with("7.3.1", "close without payload", "", 0),
		with("7.3.2", "close with one byte", "a", 1002),
		with("7.3.3", "close with a code", closing(1000, ""), 1000),
		with("7.3.4", "close with code and reason", closing(1000, "Hello World!"), 1000),
		with("7.3.5", "close with a reason of 123 bytes", closing(1000, strings.Repeat("*", 123)), 1000),
		with("7.3.6", "close with a reason of 124 bytes", closing(1000, strings.Repeat("*", 124)), 1002),
		with("7.5.1", "close whose reason is not UTF-8", closing(1000, "κόσμε\xed\xa0\x80edited"), 1007),
	}
	for i, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999} {
		all = append(all, with(fmt.Sprint("7.7.", i+1), fmt.Sprint("close with code ", code), closing(code, ""), code))
	}
	for i, code := range []int{0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999} {
		all = append(all, with(fmt.Sprint("7.9.", i+1), fmt.Sprint("close with code ", code, ", which may not be"), closing(code, ""), 1002))
	}
	for i, code := range []int{5000, 65535} {
		all = append(all, with(fmt.Sprint("7.13.", i+1), fmt.Sprint("close with code ", code, ", which is undefined"), closing(code, ""), 1002))
	}
	return all
}
