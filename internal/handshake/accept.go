package handshake

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"net"
	"net/http"
	"time"
)

const defaultWriteTimeout = 10 * time.Second

// Accept takes the connection of the request over from net/http and answers
// 101. Header fields that were set on w before are sent along. It answers
// failures itself; an error is always an *[Error] with reason hijack, or write
// when the client was already gone.
func (p *Plan) Accept(w http.ResponseWriter) (Result, error) {
	header := w.Header()
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		e := &Error{
			http.StatusInternalServerError, "hijack",
			"The server cannot take over this connection: a middleware hides http.Hijacker, or it was already taken.", err,
		}
		e.Write(w)
		return Result{}, e
	}
	res := Result{Conn: conn, Deflate: p.Deflate, WindowBits: p.WindowBits, Subprotocol: p.Subprotocol}
	if n := rw.Reader.Buffered(); n > 0 {
		ahead, _ := rw.Reader.Peek(n) // cannot fail
		res.Buffered = bytes.Clone(ahead)
	}
	if err := p.answer(conn, header); err != nil {
		conn.Close()
		return Result{}, &Error{0, "write", "the answer 101 could not be written", err}
	}
	return res, nil
}

// answer writes the 101, with a deadline that it removes, together with those
// that net/http may have set.
func (p *Plan) answer(conn net.Conn, header http.Header) error {
	timeout := p.options.WriteTimeout
	if timeout <= 0 {
		timeout = defaultWriteTimeout
	}
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	if _, err := conn.Write(p.appendAnswer(make([]byte, 0, 512), header)); err != nil {
		return err
	}
	return conn.SetDeadline(time.Time{})
}

// appendAnswer appends the 101 (RFC 6455, section 4.2.2).
func (p *Plan) appendAnswer(dst []byte, header http.Header) []byte {
	dst = append(dst, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	dst = appendAccept(dst, p.key)
	if p.Subprotocol != "" {
		dst = append(dst, "\r\nSec-WebSocket-Protocol: "...)
		dst = append(dst, p.Subprotocol...)
	}
	if p.Deflate {
		dst = append(dst, "\r\nSec-WebSocket-Extensions: "...)
		dst = appendDeflate(dst, p.WindowBits)
	}
	dst = append(dst, "\r\n"...)
	dst = appendHeader(dst, header)
	dst = appendHeader(dst, p.options.Header)
	return append(dst, "\r\n"...)
}

// appendAccept appends the proof that the handshake was understood.
func appendAccept(dst []byte, key string) []byte {
	const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	var buf [24 + len(guid)]byte
	sum := sha1.Sum(append(append(buf[:0], key...), guid...))
	return base64.StdEncoding.AppendEncode(dst, sum[:])
}

// reserved are the fields that the handshake itself writes or must not have.
var reserved = map[string]bool{
	"Upgrade":                  true,
	"Connection":               true,
	"Content-Length":           true,
	"Transfer-Encoding":        true,
	"Sec-Websocket-Accept":     true,
	"Sec-Websocket-Protocol":   true,
	"Sec-Websocket-Extensions": true,
	"Sec-Websocket-Version":    true,
}

// appendHeader appends fields as net/http writes them, which includes that
// line breaks in values become spaces.
func appendHeader(dst []byte, h http.Header) []byte {
	if len(h) == 0 {
		return dst
	}
	buf := bytes.NewBuffer(dst)
	_ = h.WriteSubset(buf, reserved) // a Buffer does not fail
	return buf.Bytes()
}
