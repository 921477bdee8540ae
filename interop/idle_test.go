//go:build unix

package interop

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/hearthws/hearth/internal/redistest"
	"github.com/hearthws/hearth/internal/transcript/servers"
)

// idleTimeout is the shortest that the original can have.
const idleTimeout = 8 * time.Second

// muteConn is a connection whose writes are lost once it is mute: its client
// still receives, but no pong leaves it.
type muteConn struct {
	net.Conn
	mute *atomic.Bool
}

func (c muteConn) Write(b []byte) (int, error) {
	if c.mute.Load() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

// TestIdleTimeout checks that both servers drop a client that has become mute,
// without a close frame, and keep one that only answers pings.
func TestIdleTimeout(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	flag := fmt.Sprint(idleTimeout)
	for k, addr := range map[kind]string{
		original: startOriginal(t, peer{Redis: redis.Addr(), IdleTimeout: int64(idleTimeout.Seconds())}).Addr(),
		loop:     servers.Hearth(t, "-transport", "loop", "-idle-timeout", flag).Addr(),
		stream:   servers.Hearth(t, "-transport", "stream", "-idle-timeout", flag).Addr(),
	} {
		t.Run(string(k), func(t *testing.T) {
			t.Parallel()
			quiet := (&node{name: string(k), addr: addr}).connect(t, "quiet", "u", nil)
			var mute atomic.Bool
			client := &http.Client{Transport: &http.Transport{
				DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
					c, err := new(net.Dialer).DialContext(ctx, network, addr)
					return muteConn{c, &mute}, err
				},
			}}
			ctx, cancel := context.WithTimeout(t.Context(), 3*idleTimeout)
			defer cancel()
			conn, _, err := websocket.Dial(ctx, "ws://"+addr+"/ws", &websocket.DialOptions{HTTPClient: client})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.CloseNow()
			if err := conn.Write(ctx, websocket.MessageText, []byte(`{"event":"authenticate"}`)); err != nil {
				t.Fatal(err)
			}
			if _, _, err := conn.Read(ctx); err != nil { // connected
				t.Fatal(err)
			}
			mute.Store(true)
			since := time.Now()
			_, _, err = conn.Read(ctx)
			if code := websocket.CloseStatus(err); err == nil || ctx.Err() != nil || code != -1 {
				t.Errorf("the mute client was not dropped, or with code %d: %v", code, err)
			}
			// The original counts in steps of four seconds, and may be early.
			if after := time.Since(since); after < idleTimeout && k != original || after > 2*idleTimeout {
				t.Errorf("the mute client was dropped after %s", after)
			}
			if err := quiet.echo(); err != nil {
				t.Errorf("the quiet client: %v", err)
			}
		})
	}
}
