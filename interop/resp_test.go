//go:build unix

package interop

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// resp is a bare connection to Redis, which nobody's client library has
// touched.
type resp struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

func dialRedis(t testing.TB, addr string) *resp {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &resp{t, conn, bufio.NewReader(conn)}
}

// do sends a command and returns the reply.
func (r *resp) do(args ...string) []string {
	r.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := io.WriteString(r.conn, b.String()); err != nil {
		r.t.Fatal(err)
	}
	return r.next()
}

// next reads one reply, or one message of a subscription, as its parts.
func (r *resp) next() []string {
	r.t.Helper()
	r.conn.SetReadDeadline(time.Now().Add(waitLimit))
	parts, err := r.read()
	if err != nil {
		r.t.Fatal(err)
	}
	return parts
}

func (r *resp) read() ([]string, error) {
	line, err := r.r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	kind, rest := line[0], strings.TrimSpace(line[1:])
	n, _ := strconv.Atoi(rest)
	switch kind {
	case '*':
		var parts []string
		for range n {
			more, err := r.read()
			if err != nil {
				return nil, err
			}
			parts = append(parts, more...)
		}
		return parts, nil
	case '$':
		b := make([]byte, n+2)
		_, err := io.ReadFull(r.r, b)
		return []string{string(b[:n])}, err
	case '-':
		return nil, fmt.Errorf("redis: %s", rest)
	}
	return []string{rest}, nil
}
