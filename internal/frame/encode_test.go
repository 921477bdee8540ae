package frame_test

import (
	"bytes"
	"testing"

	"github.com/gobwas/ws"
	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth/internal/frame"
)

// Another implementation reads the headers as they were meant.
func TestAppendHeader(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 127, 65535, 65536, 1<<31 - 1} {
		for bits := range 4 {
			fin, rsv1 := bits&1 != 0, bits&2 != 0
			b := frame.AppendHeader([]byte("before"), text, fin, rsv1, n)
			got, err := ws.ReadHeader(bytes.NewReader(b[len("before"):]))
			if err != nil {
				t.Fatal(err)
			}
			want := ws.Header{Fin: fin, Rsv: ws.Rsv(rsv1, false, false), OpCode: ws.OpText, Length: int64(n)}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%d bytes (-want +got):\n%s", n, diff)
			}
			if size := len(b) - len("before"); size != ws.HeaderSize(want) || size > frame.MaxServerHeader {
				t.Errorf("%d bytes: header of %d", n, size)
			}
		}
	}
}

func TestAppendClose(t *testing.T) {
	tests := []struct {
		name   string
		code   int
		reason string
		want   string
	}{
		{"no code", 0, "ignored", "\x88\x00"},
		{"code", 1000, "", "\x88\x02\x03\xe8"},
		{"reason", 4003, "no", "\x88\x04\x0f\xa3no"},
		{"longest", 1000, repeat(123), "\x88\x7d\x03\xe8" + repeat(123)},
		{"too long", 1000, repeat(200), "\x88\x7d\x03\xe8" + repeat(123)},
		{"cut before a code point", 1000, repeat(121) + "€", "\x88\x7b\x03\xe8" + repeat(121)},
		{"cut behind a code point", 1000, repeat(120) + "€€", "\x88\x7d\x03\xe8" + repeat(120) + "€"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := string(frame.AppendClose([]byte("before"), tt.code, tt.reason))
			if diff := cmp.Diff("before"+tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := readClient(t, []byte(tt.want)); len(got) != 1 || got[0].Op != closes {
				t.Errorf("a client reads %v", got)
			}
		})
	}
}

func TestParseClose(t *testing.T) {
	tests := []struct {
		payload string
		code    int
		reason  string
	}{
		{"", frame.NoStatus, ""},
		{"\x03\xe8", 1000, ""},
		{"\x0f\xa3why", 4003, "why"},
	}
	for _, tt := range tests {
		if code, reason := frame.ParseClose([]byte(tt.payload)); code != tt.code || string(reason) != tt.reason {
			t.Errorf("ParseClose(%q) = %d, %q", tt.payload, code, reason)
		}
	}
}

// readClient reads the frames of a server, in pieces of one byte.
func readClient(t *testing.T, input []byte) []event {
	t.Helper()
	var r frame.Reader
	r.ResetClient(usual, true)
	return feed(t, &r, input, 1)
}

func TestClientReadsServer(t *testing.T) {
	input := frame.Append(nil, text, []byte("plain"))
	input = frame.AppendDeflated(input, binary, []byte(repeat(300)), 15)
	input = frame.Append(input, ping, nil)
	input = frame.AppendClose(input, 1001, "bye")
	want := []event{message(text, "plain"), message(binary, repeat(300)), message(ping, ""), message(closes, "\x03\xe9bye")}
	if diff := cmp.Diff(want, readClient(t, input)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]event{violation(1002)}, readClient(t, masked(text, "masked"))); diff != "" {
		t.Errorf("a masked frame (-want +got):\n%s", diff)
	}
}

// The example of RFC 6455, section 5.7, and that the payload is not changed.
func TestAppendMasked(t *testing.T) {
	payload := []byte("Hello")
	got := frame.AppendMasked(nil, text, true, false, payload, key)
	want := "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
	if string(got) != want {
		t.Errorf("AppendMasked = %x, want %x", got, want)
	}
	if string(payload) != "Hello" {
		t.Errorf("payload became %q", payload)
	}
}
