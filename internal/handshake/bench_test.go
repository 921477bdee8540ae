package handshake_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hearthws/hearth/internal/handshake"
)

var browser = request(
	"Origin: https://example.com", "Sec-WebSocket-Protocol: chat",
	"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
)

func BenchmarkCheck(b *testing.B) {
	r := parse(b, browser)
	o := &handshake.Options{Deflate: true}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := handshake.Check(r, o); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCheckAbuse refuses a header of 64,000 offers.
func BenchmarkCheckAbuse(b *testing.B) {
	r := parse(b, request())
	for name, field := range map[string]string{"subprotocols": "Sec-Websocket-Protocol", "extensions": "Sec-Websocket-Extensions"} {
		b.Run(name, func(b *testing.B) {
			r.Header[field] = []string{strings.Repeat("x-offer,", 64000)}
			defer delete(r.Header, field)
			for b.Loop() {
				if _, err := handshake.Check(r, &handshake.Options{}); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}

func BenchmarkAccept(b *testing.B) {
	r := parse(b, browser)
	conn := new(memoryConn)
	w := pooled{hijacker{httptest.NewRecorder(), conn}, bufio.NewReadWriter(bufio.NewReader(conn), bufio.NewWriter(conn))}
	b.ReportAllocs()
	for b.Loop() {
		conn.written.Reset()
		conn.deadlines = conn.deadlines[:0]
		if _, err := handshake.Upgrade(w, r, &handshake.Options{Deflate: true}); err != nil {
			b.Fatal(err)
		}
	}
}

// pooled hands out one and the same buffer, as net/http does.
type pooled struct {
	hijacker
	rw *bufio.ReadWriter
}

func (p pooled) Hijack() (net.Conn, *bufio.ReadWriter, error) { return p.conn, p.rw, nil }

// BenchmarkConnect is the whole way over loopback, client and net/http
// included.
func BenchmarkConnect(b *testing.B) {
	o := &handshake.Options{Deflate: true}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if res, err := handshake.Upgrade(w, r, o); err == nil {
			res.Conn.Close()
		}
	}))
	defer s.Close()
	b.ReportAllocs()
	for b.Loop() {
		c, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.WriteString(c, browser); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadAll(c); err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}
