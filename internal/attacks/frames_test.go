package attacks_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/flate"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
	"github.com/hearthws/hearth/internal/frame"
)

// longFrame is the header of a text frame that claims n bytes, in eight.
func longFrame(n uint64) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{0x81, 0xff}, n), 1, 2, 3, 4)
}

// Frames that lie. Fails when parseHeader does not look at the mask, when it
// takes lengths in any form, and when it passes those with the highest bit.
func TestA08LyingFrames(t *testing.T) {
	onBoth(t, accepting, func(t *testing.T, s *target) {
		for name, test := range map[string]struct {
			bytes []byte
			code  int
		}{
			"unmasked":            {[]byte("\x81\x02{}"), hearth.CloseProtocolError},
			"2^63":                {longFrame(1 << 63), hearth.CloseProtocolError},
			"2^64-1":              {longFrame(1<<64 - 1), hearth.CloseProtocolError},
			"2^63-1":              {longFrame(1<<63 - 1), hearth.CloseTooBig},
			"2^32":                {longFrame(1 << 32), hearth.CloseTooBig},
			"one byte more":       {longFrame(hearth.DefaultMaxPayload + 1), hearth.CloseTooBig},
			"5 bytes in 16 bits":  {[]byte("\x81\xfe\x00\x05\x00\x00\x00\x00hello"), hearth.CloseProtocolError},
			"5 bytes in 64 bits":  {append(longFrame(5), "hello"...), hearth.CloseProtocolError},
			"65535 in 64 bits":    {longFrame(65535), hearth.CloseProtocolError},
			"ping of 126 bytes":   {[]byte("\x89\xfe\x00\x7e\x00\x00\x00\x00"), hearth.CloseProtocolError},
			"ping in fragments":   {[]byte("\x09\x80\x00\x00\x00\x00"), hearth.CloseProtocolError},
			"reserved bits":       {[]byte("\xb1\x80\x00\x00\x00\x00"), hearth.CloseProtocolError},
			"reserved opcode":     {[]byte("\x83\x80\x00\x00\x00\x00"), hearth.CloseProtocolError},
			"stray continuation":  {masked(frame.Continuation, true, "x"), hearth.CloseProtocolError},
			"close of one byte":   {masked(frame.Close, true, "\x03"), hearth.CloseProtocolError},
			"compressed, not so":  {[]byte("\xc1\x80\x00\x00\x00\x00"), hearth.CloseProtocolError},
			"message in another":  {slices.Concat(masked(frame.Text, false, "x"), masked(frame.Text, true, "y")), hearth.CloseProtocolError},
			"close, then a frame": {slices.Concat(masked(frame.Close, true, "\x0f\xa0"), masked(frame.Text, true, `{"event":"echo"}`)), 4000},
		} {
			c := s.connect(t, nil)
			if _, err := c.Write(append(test.bytes, masked(frame.Text, true, `{"event":"echo"}`)...)); err != nil {
				t.Fatal(err)
			}
			if code, reason := c.ExpectClose(); code != test.code {
				t.Errorf("%s: closed with %d %q, want %d", name, code, reason, test.code)
			}
			if got := c.Received(); len(got) > 0 {
				t.Errorf("%s: what follows is answered with %s", name, got[0])
			}
		}
	})
}

// A length that is only claimed costs nothing. Fails when store makes room for
// what a header claims.
func TestA08ClaimedLength(t *testing.T) {
	onBoth(t, func() hearth.Options {
		opts := accepting()
		opts.MaxPayload = 1 << 30
		return opts
	}, func(t *testing.T, s *target) {
		var all []*hearthtest.Client
		for range 20 {
			all = append(all, s.connect(t, nil))
		}
		before := allocated()
		for _, c := range all {
			_, _ = c.Write(append(longFrame(1<<30), "some bytes"...))
			_, _ = c.Write([]byte("and more"))
			c.Drop()
		}
		eventually(t, "all of it was read, up to the end", func() bool { return s.Stats().Disconnected == int64(len(all)) })
		if grown := allocated() - before; grown > 4<<20 {
			t.Errorf("20 claims of 1 GiB cost %d bytes", grown)
		}
	})
}

// deflated is text compressed as one message, in one frame or several.
func deflated(text string, frames int) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 1)
	_, _ = w.Write([]byte(text))
	_ = w.Flush()
	data := bytes.TrimSuffix(b.Bytes(), []byte("\x00\x00\xff\xff"))
	var out []byte
	for i := range frames {
		part := data[len(data)*i/frames : len(data)*(i+1)/frames]
		op := frame.Text
		if i > 0 {
			op = frame.Continuation
		}
		out = frame.AppendMasked(out, op, i == frames-1, i == 0, part, [4]byte{1, 2, 3, 4})
	}
	return out
}

// Messages that inflate: refused when they pass the limit, and what does not
// pass it counts for its rate as it is inflated. Contexts are not agreed on, so
// that none can be prepared. Fails when inflate is not given MaxMessage, and
// when spend gets the length as sent.
func TestA09CompressionBombs(t *testing.T) {
	onBoth(t, func() hearth.Options {
		opts := accepting()
		opts.PerMessageDeflate = true
		return opts
	}, func(t *testing.T, s *target) {
		bomb := strings.Repeat("0", 16<<20)
		for _, frames := range []int{1, 7} {
			data := deflated(bomb, frames)
			for _, authenticated := range []bool{false, true} {
				c := s.deflating(t)
				if got := c.Header().Get("Sec-WebSocket-Extensions"); !strings.Contains(got, "client_no_context_takeover") || !strings.Contains(got, "server_no_context_takeover") {
					t.Errorf("agreed on %q", got)
				}
				if authenticated {
					c.Authenticate(nil)
				}
				before := allocated()
				_, _ = c.Write(data)
				expectClose(t, c, hearth.CloseTooBig)
				if got := allocated() - before; got > 2<<20 {
					t.Errorf("a bomb of %d bytes costs %d bytes", len(data), got)
				}
			}
		}
		early := s.deflating(t)
		_, _ = early.Write(deflated(strings.Repeat("0", hearth.DefaultMaxAuthPayload+1), 1))
		expectClose(t, early, hearth.CloseTooBig)
	})
	onBoth(t, func() hearth.Options {
		opts := accepting()
		opts.PerMessageDeflate, opts.CloseOnRateLimit = true, true
		opts.ByteRate = 1 << 16
		return opts
	}, func(t *testing.T, s *target) {
		c := s.deflating(t)
		c.Authenticate(nil)
		small := deflated(`{"event":"e","data":"`+strings.Repeat("0", 100_000)+`"}`, 1)
		_, _ = c.Write(bytes.Repeat(small, 100)) // 20 KB that are 10 MB
		expectClose(t, c, hearth.ClosePolicy)
	})
}

// Messages that never end are ended. Fails without the check of r.frames.
func TestA10Fragments(t *testing.T) {
	onBoth(t, accepting, func(t *testing.T, s *target) {
		for name, part := range map[string]string{"empty": "", "one byte": "x"} {
			c := s.connect(t, nil)
			flood := masked(frame.Text, false, "")
			for range 20_000 {
				flood = append(flood, masked(frame.Continuation, false, part)...)
			}
			_, _ = c.Write(flood)
			if code, reason := c.ExpectClose(); code != hearth.ClosePolicy {
				t.Errorf("%s: closed with %d %q", name, code, reason)
			}
		}
		if got := s.Stats().Refused["fragments"]; got != 2 {
			t.Errorf("%d are counted", got)
		}
	})
}

// Floods of control frames and tiny messages from somebody who does not read
// the answers: no more is queued than for others, and no more is read than the
// rate allows. Fails when answersPings is true, and when Control spends nothing.
func TestA11Floods(t *testing.T) {
	onBoth(t, func() hearth.Options {
		opts := accepting()
		opts.BackpressureLimit = 64 << 10
		opts.MessageRate = 1_000_000
		return opts
	}, func(t *testing.T, s *target) {
		c := s.connect(t, nil)
		c.Stall()
		most := int64(0)
		flood := bytes.Repeat(masked(frame.Ping, true, strings.Repeat("p", 125)), 1000)
		for range 60 { // 8 MB, more than sockets take
			if _, err := c.Write(flood); err != nil {
				t.Fatal(err)
			}
			most = max(most, s.Stats().QueuedBytes)
		}
		if most > 1<<20 { // the limit, and what was read before it was reached
			t.Errorf("%d bytes were queued", most)
		}
		c.Unstall()
		eventually(t, "it lives on", func() bool { // while much is queued, echoes are dropped
			c.Send("echo", 1)
			return len(c.Received()) > 0
		})
	})
	onBoth(t, func() hearth.Options {
		opts := accepting()
		opts.MessageRate, opts.CloseOnRateLimit = 1000, true
		return opts
	}, func(t *testing.T, s *target) {
		for name, one := range map[string][]byte{
			"pings": masked(frame.Ping, true, ""), "pongs": masked(frame.Pong, true, ""), "tiny": masked(frame.Text, true, "{}"),
		} {
			c := s.connect(t, nil)
			_, _ = c.Write(bytes.Repeat(one, 5000))
			if code, reason := c.ExpectClose(); code != hearth.ClosePolicy {
				t.Errorf("%s: closed with %d %q", name, code, reason)
			}
		}
		c := s.connect(t, nil)
		_, _ = c.Write(bytes.Repeat(masked(frame.Close, true, "\x0f\xa0"), 5000))
		expectClose(t, c, 4000)
	})
}

// What is not UTF-8 ends the connection. Fails when UTF8.Write and Complete are
// true at once, and when checkClose does not look at the reason.
func TestA18InvalidUTF8(t *testing.T) {
	onBoth(t, accepting, func(t *testing.T, s *target) {
		for name, bytes := range map[string][]byte{
			"text":          masked(frame.Text, true, "{\"event\":\"\xff\"}"),
			"surrogate":     masked(frame.Text, true, "{\"event\":\"\xed\xa0\x80\"}"),
			"overlong":      masked(frame.Text, true, "{\"event\":\"\xc0\xaf\"}"),
			"cut off":       masked(frame.Text, true, "{\"event\":\"\xe2\x82"),
			"close reason":  masked(frame.Close, true, "\x0f\xa0\xff"),
			"split":         slices.Concat(masked(frame.Text, false, "{\"event\":\"\xf0\x9f"), masked(frame.Continuation, true, "\x41\"}")),
			"not yet ended": masked(frame.Text, false, "{\"event\":\"\xff"),
		} {
			c := s.connect(t, nil)
			_, _ = c.Write(bytes)
			if code, reason := c.ExpectClose(); code != hearth.CloseInvalidData {
				t.Errorf("%s: closed with %d %q", name, code, reason)
			}
			if got := c.Received(); len(got) > 0 {
				t.Errorf("%s: answered with %s", name, got[0])
			}
		}
	})
}
