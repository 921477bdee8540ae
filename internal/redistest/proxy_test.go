//go:build unix

package redistest_test

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hearthws/hearth/internal/redistest"
)

// line is a connection that speaks in lines.
type line struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func dial(t *testing.T, addr string) *line {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &line{conn, t, bufio.NewReader(conn)}
}

func (l *line) say(text string) {
	l.t.Helper()
	if _, err := l.Write([]byte(text + "\r\n")); err != nil {
		l.t.Fatal(err)
	}
}

// hear is the next line that comes within a time, "" for none, "end" for the end.
func (l *line) hear(within time.Duration) string {
	_ = l.SetReadDeadline(time.Now().Add(within))
	text, err := l.r.ReadString('\n')
	if err, ok := err.(net.Error); ok && err.Timeout() {
		return text
	}
	if err != nil {
		return "end"
	}
	return strings.TrimSpace(text)
}

const (
	long  = 10 * time.Second
	short = 50 * time.Millisecond
)

func TestProxy(t *testing.T) {
	server, other := redistest.Start(t), redistest.Start(t)
	other.CLI("SET", "name", "other")
	proxy := redistest.StartProxy(t, server.Addr())
	publisher, subscriber := dial(t, proxy.Addr()), dial(t, proxy.Addr())
	subscriber.say("*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nc")
	for range 6 {
		subscriber.hear(long)
	}
	if !strings.Contains(proxy.Sent(redistest.Subscriber), "SUBSCRIBE") || proxy.Sent(redistest.Publisher) != "" {
		t.Errorf("sent: %q, %q", proxy.Sent(redistest.Subscriber), proxy.Sent(redistest.Publisher))
	}

	proxy.Hold(redistest.Publisher, len("+PO"))
	publisher.say("PING")
	if got := publisher.hear(short); got != "+PO" || !proxy.Held(redistest.Publisher) {
		t.Errorf("heard %q of a reply of which 3 bytes may pass", got)
	}
	subscriber.say("PING")
	if got := subscriber.hear(long); got != "*2" {
		t.Errorf("the other side heard %q", got)
	}
	proxy.Release()
	if got := publisher.hear(long); got != "NG" {
		t.Errorf("heard %q, want the rest", got)
	}

	proxy.Silence()
	publisher.say("PING")
	if got := publisher.hear(short); got != "" {
		t.Errorf("heard %q through a silent proxy", got)
	}
	proxy.Release()
	if got := publisher.hear(long); got != "+PONG" {
		t.Errorf("heard %q after the silence", got)
	}

	proxy.Retarget(other.Addr())
	proxy.Cut(redistest.Publisher)
	if got := publisher.hear(long); got != "end" {
		t.Errorf("heard %q on a connection that was cut", got)
	}
	moved := dial(t, proxy.Addr())
	moved.say("GET name")
	if got := moved.hear(long); got != "$5" {
		t.Errorf("heard %q, want the other server", got)
	}
}

// failed is a test that may fail without harm.
type failed struct {
	testing.TB
	message string
}

func (f *failed) Helper() {}
func (f *failed) Fatal(args ...any) {
	f.message = args[0].(error).Error()
	panic(f)
}

func TestMissingBinarySaysWhatToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	f := &failed{TB: t}
	func() {
		defer func() { _ = recover() }()
		redistest.Start(f)
	}()
	for _, text := range []string{"redis-server is not installed", "apt-get install"} {
		if !strings.Contains(f.message, text) {
			t.Errorf("%q does not say %q", f.message, text)
		}
	}
}
