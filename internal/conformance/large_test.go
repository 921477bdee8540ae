package conformance_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/flate"
)

// large are the cases of section 9.
func large() (all []case_) {
	asked := 0
	add := func(id, what string, n, fragment, chop int, op byte) {
		if asked++; underRace && (op == opBinary || asked%2 == 0) {
			return // every other text is enough
		}
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
	const whole = 64 << 20 // more than any case has
	kinds := []struct {
		op   byte
		name string
	}{{opText, "text"}, {opBinary, "binary"}}
	for k, kind := range kinds {
		for i, n := range []int{64 << 10, 256 << 10, 1 << 20, 4 << 20, 8 << 20, 16 << 20} {
			add(fmt.Sprintf("9.%d.%d", 1+k, i+1), fmt.Sprintf("%s of %d KiB", kind.name, n>>10), n, whole, whole, kind.op)
		}
	}
	for k, kind := range kinds {
		for i := range 9 { // the last is one fragment
			n := 64 << (2 * i)
			add(fmt.Sprintf("9.%d.%d", 3+k, i+1), fmt.Sprintf("%s of 4 MiB in fragments of %d", kind.name, n), 4<<20, n, whole, kind.op)
		}
	}
	for k, kind := range kinds {
		for i := range 6 {
			n := 64 << i
			add(fmt.Sprintf("9.%d.%d", 5+k, i+1), fmt.Sprintf("%s of 1 MiB in chops of %d", kind.name, n), 1<<20, whole, n, kind.op)
		}
	}
	for k, kind := range kinds {
		for i, n := range []int{0, 16, 64, 256, 1024, 4096} {
			all = append(all, case_{fmt.Sprintf("9.%d.%d", 7+k, i+1), fmt.Sprintf("%d times %s of %d bytes there and back", many, kind.name, n), func(t testing.TB, e *endpoint) (wrong string) {
				p, _ := connect(t, e, "")
				defer p.conn.Close()
				text := strings.Repeat("*", n)
				one := f(fin|kind.op, e.wrap(text))
				for i := 0; i < times(many) && wrong == ""; i++ {
					p.write(one)
					wrong = echoes(p, e, text)
				}
				return wrong
			}})
		}
	}
	return all
}

// many is how often a message is repeated where the table says so.
const many = 1000

// times is n when the document is written, and less in tests, which have to be over
// soon, above all under the race detector.
func times(n int) int {
	switch {
	case *update:
		return n
	case underRace:
		return max(1, n/100)
	}
	return max(1, n/10)
}

// sizes are the messages of sections 12 and 13.
var sizes = []struct{ message, fragment int }{
	{16, 0},
	{64, 0},
	{256, 0},
	{1 << 10, 0},
	{4 << 10, 0},
	{8 << 10, 0},
	{16 << 10, 0},
	{32 << 10, 0},
	{64 << 10, 0},
	{128 << 10, 0},
	{8 << 10, 256},
	{16 << 10, 256},
	{32 << 10, 256},
	{64 << 10, 256},
	{128 << 10, 256},
	{128 << 10, 1 << 10},
	{128 << 10, 4 << 10},
	{128 << 10, 32 << 10},
}

// texts are what they are made of.
var texts = []struct {
	name string
	of   func(n int) string
}{
	{"text that repeats itself", func(n int) string { return strings.Repeat("a text that repeats itself, ", n/28+1)[:n] }},
	{"letters by chance", func(n int) string {
		random := rand.NewChaCha8([32]byte{})
		b := make([]byte, n)
		_, _ = random.Read(b)
		return base64.StdEncoding.EncodeToString(b)[:n]
	}},
}

// deflateCases are the cases of sections 12 and 13.
func deflateCases() (all []case_) {
	add := func(id, offer, text string, size, fragment, n int, holds []string, what string) {
		what += fmt.Sprintf(": %d messages of %d bytes", n, size)
		if fragment > 0 {
			what += fmt.Sprintf(" in fragments of %d", fragment)
		}
		all = append(all, case_{id, what, func(t testing.TB, e *endpoint) string {
			return squeezed(t, e, offer, text, fragment, times(n), holds)
		}})
	}
	for k, text := range texts {
		for i, size := range sizes {
			add(fmt.Sprintf("12.%d.%d", k+1, i+1), "permessage-deflate; client_max_window_bits", text.of(size.message), size.message, size.fragment, many, nil, text.name)
		}
	}
	for k, test := range []struct {
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
		for i, size := range sizes {
			add(fmt.Sprintf("13.%d.%d", k+1, i+1), test.offer, texts[0].of(size.message), size.message, size.fragment, 20, test.holds, "offer `"+test.offer+"`")
		}
	}
	return all
}

// squeezed sends a text many times, compressed, and reads echoes, each with a
// context of its own.
func squeezed(t testing.TB, e *endpoint, offer, text string, fragment, times int, holds []string) (wrong string) {
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
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 1)
	_, _ = io.WriteString(w, e.wrap(text))
	_ = w.Flush()
	squeezed := strings.TrimSuffix(b.String(), tail[:4])
	if fragment == 0 {
		fragment = len(squeezed)
	}
	one := fragments(rsv1|opText, squeezed, fragment)
	go func() {
		for range times {
			p.chop(one, len(one))
		}
	}()
	inflater := flate.NewReader(nil)
	var echo bytes.Buffer
	for range times {
		m, ok := p.read()
		switch {
		case !ok || m.op != opText:
			return "answered with " + m.String()
		case len(text) > 1024 && !m.compressed:
			return "the echo is not compressed"
		}
		got := m.payload
		if m.compressed {
			_ = inflater.(flate.Resetter).Reset(io.MultiReader(bytes.NewReader(m.payload), strings.NewReader(tail)), nil)
			echo.Reset()
			if _, err := echo.ReadFrom(inflater); err != nil {
				return "the echo cannot be inflated: " + err.Error()
			}
			got = echo.Bytes()
		}
		if e.unwrap(string(got)) != text {
			return fmt.Sprintf("the echo has %d bytes", len(got))
		}
	}
	return ""
}

// tail ends a compressed message, whose own end is without its first four bytes
// (RFC 7692 section 7.2.2), and follows it with an empty last block.
const tail = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"
