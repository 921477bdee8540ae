package conformance_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/flate"
)

// large are the cases of section 9.
func large() (all []case_) {
	add := func(id, what string, n, fragment, chop int, op byte) {
		all = append(all, case_{id, what, func(t testing.TB, e *endpoint) string {
			p, _ := connect(t, e, "")
			defer p.conn.Close()
			text := strings.Repeat("*", n)
			whole := e.wrap(text)
			b := fragments(op, whole, min(fragment, len(whole)))
			go p.chop(b, min(chop, len(b)))
			return echoes(p, e, text)
		}})
	}
	const all64 = 64 << 20
	for i, n := range []int{64 << 10, 256 << 10, 1 << 20, 4 << 20, 8 << 20, 16 << 20} {
		add(fmt.Sprint("9.1.", i+1), fmt.Sprintf("text of %d KiB", n>>10), n, all64, all64, opText)
	}
	for i, n := range []int{64 << 10, 1 << 20, 16 << 20} {
		add(fmt.Sprint("9.2.", []int{1, 3, 6}[i]), fmt.Sprintf("binary of %d KiB", n>>10), n, all64, all64, opBinary)
	}
	for i, n := range []int{64, 1 << 10, 64 << 10, 1 << 20} {
		add(fmt.Sprint("9.3.", []int{1, 3, 6, 8}[i]), fmt.Sprintf("text of 4 MiB in fragments of %d", n), 4<<20, n, all64, opText)
	}
	for i, n := range []int{64, 256, 1024} {
		add(fmt.Sprint("9.5.", i+1), fmt.Sprintf("text of 1 MiB in chops of %d", n), 1<<20, all64, n, opText)
	}
	return all
}

// deflateCases are the cases of sections 12 and 13.
func deflateCases() (all []case_) {
	for i, n := range []int{16, 64, 256, 1024, 4096, 16 << 10, 64 << 10, 128 << 10} {
		times := 250
		if n > 4096 {
			times = 25
		}
		all = append(all, case_{fmt.Sprint("12.1.", i+1), fmt.Sprintf("%d compressed messages of %d bytes", times, n), func(t testing.TB, e *endpoint) string {
			return squeezed(t, e, "permessage-deflate; client_max_window_bits", n, times, nil)
		}})
	}
	for i, test := range []struct {
		offer string
		holds []string // what the answer has to say
	}{
		{"permessage-deflate", nil},
		{"permessage-deflate; client_no_context_takeover", nil},
		{"permessage-deflate; server_no_context_takeover", []string{"server_no_context_takeover"}},
		{"permessage-deflate; server_max_window_bits=9", []string{"server_max_window_bits=9"}},
		{"permessage-deflate; server_max_window_bits=15", nil},
		{"permessage-deflate; client_max_window_bits=9", nil},
		{"permessage-deflate; client_no_context_takeover; server_no_context_takeover; server_max_window_bits=12; client_max_window_bits=12", []string{"server_no_context_takeover", "server_max_window_bits=12"}},
		{"permessage-deflate; unknown, permessage-deflate", nil},
	} {
		all = append(all, case_{fmt.Sprint("13.", i+1), "offer `" + test.offer + "`", func(t testing.TB, e *endpoint) string {
			return squeezed(t, e, test.offer, 4096, 10, test.holds)
		}})
	}
	return all
}

// squeezed sends compressed messages and reads compressed echoes, each with a
// context of its own.
func squeezed(t testing.TB, e *endpoint, offer string, n, times int, holds []string) (wrong string) {
	p, agreed := connect(t, e, offer)
	defer p.conn.Close()
	if !strings.HasPrefix(agreed, "permessage-deflate") {
		return fmt.Sprintf("agreed on %q", agreed)
	}
	for _, want := range append(holds, "client_no_context_takeover") {
		if !strings.Contains(agreed, want) {
			return fmt.Sprintf("agreed on %q, without %s", agreed, want)
		}
	}
	text := strings.Repeat("a text that repeats itself, ", n/28+1)[:n]
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 1)
	_, _ = io.WriteString(w, e.wrap(text))
	_ = w.Flush()
	one := f(fin|rsv1|opText, strings.TrimSuffix(b.String(), "\x00\x00\xff\xff"))
	go p.chop(bytes.Repeat(one, times), 1<<20)
	for range times {
		m, ok := p.read()
		switch {
		case !ok || m.op != opText:
			return "answered with " + m.String()
		case n > 1024 && !m.compressed:
			return "the echo is not compressed"
		}
		echo := m.payload
		if m.compressed {
			var err error
			if echo, err = io.ReadAll(flate.NewReader(io.MultiReader(bytes.NewReader(m.payload), strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff")))); err != nil {
				return "the echo cannot be inflated: " + err.Error()
			}
		}
		if e.unwrap(string(echo)) != text {
			return fmt.Sprintf("the echo has %d bytes", len(echo))
		}
	}
	return ""
}
