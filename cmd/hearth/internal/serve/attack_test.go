package serve

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
)

// A crowd that begins handshakes and does not end them is cut off, and holds up
// nobody meanwhile. Fails without readHeaderTimeout and readTimeout.
func TestA04SlowHandshakes(t *testing.T) {
	t.Parallel()
	addr := run(t)
	var crowd []net.Conn
	for i := range 1000 {
		conn := dial(t, addr)
		fmt.Fprint(conn, []string{"", "GET", "GET /ws HTTP/1.1\r\nHost: localhost\r\n"}[i%3])
		crowd = append(crowd, conn)
		if i%50 > 0 {
			continue
		}
		honest := dial(t, addr)
		fmt.Fprint(honest, "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
		answer, err := http.ReadResponse(bufio.NewReader(honest), nil)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusSwitchingProtocols {
			t.Errorf("an honest request is answered %s", answer.Status)
		}
		honest.Close()
	}
	for i, conn := range crowd {
		if _, err := io.ReadAll(conn); os.IsTimeout(err) {
			t.Fatalf("connection %d is still open after 30 s", i)
		}
	}
}
