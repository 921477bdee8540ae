//go:build unix

package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/hearthws/hearth/internal/redistest"
	"github.com/hearthws/hearth/internal/transcript/servers"
)

// TestDeflate has clients that compress, and ones that do not, talk to both
// servers with compression on, and to each other.
func TestDeflate(t *testing.T) {
	t.Parallel()
	rng := newSeed(t)
	redis := redistest.Start(t)
	for k, addr := range map[kind]string{
		original: startOriginal(t, peer{Redis: redis.Addr(), PerMessageDeflate: true}).Addr(),
		loop:     servers.Hearth(t, "-transport", "loop", "-deflate").Addr(),
		stream:   servers.Hearth(t, "-transport", "stream", "-deflate").Addr(),
	} {
		var noise strings.Builder
		for range 30_000 {
			noise.WriteRune(rune(' ' + rng.IntN(2000)))
		}
		t.Run(string(k), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
			defer cancel()
			clients := map[websocket.CompressionMode]*websocket.Conn{}
			for _, mode := range []websocket.CompressionMode{
				websocket.CompressionDisabled, websocket.CompressionNoContextTakeover, websocket.CompressionContextTakeover,
			} {
				c, res, err := websocket.Dial(ctx, "ws://"+addr+"/ws", &websocket.DialOptions{CompressionMode: mode, CompressionThreshold: 1})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { c.CloseNow() })
				c.SetReadLimit(1 << 20)
				answer := res.Header.Get("Sec-WebSocket-Extensions")
				if wants := mode != websocket.CompressionDisabled; strings.Contains(answer, "permessage-deflate") != wants {
					t.Errorf("mode %d is answered %q", mode, answer)
				}
				clients[mode] = c
				exchange(ctx, t, c, map[string]any{"event": "authenticate"}, "connected", "")
			}
			for _, text := range []string{"", "x", strings.Repeat("again ", 1000), noise.String(), strings.Repeat("x", 120_000)} {
				for _, c := range clients {
					exchange(ctx, t, c, map[string]any{"event": "echo", "data": text}, "echo", text)
				}
				for _, from := range clients {
					if err := wsjson.Write(ctx, from, map[string]any{"event": "bcast", "data": map[string]string{"body": text}}); err != nil {
						t.Fatal(err)
					}
					for _, c := range clients {
						exchange(ctx, t, c, nil, "msg", text)
					}
				}
			}
			for mode, c := range clients { // 200 bytes on the wire, if compressed
				large := fmt.Sprintf(`{"event":"echo","data":%q}`, strings.Repeat("x", 200_000))
				if err := c.Write(ctx, websocket.MessageText, []byte(large)); err != nil {
					t.Fatal(err)
				}
				_, _, err := c.Read(ctx)
				if code := websocket.CloseStatus(err); code != websocket.StatusMessageTooBig {
					t.Errorf("mode %d: a message over the limit when inflated ends with %d: %v", mode, code, err)
				}
			}
		})
	}
}

// exchange sends a message, if there is one, and wants the next one to be that.
func exchange(ctx context.Context, t *testing.T, c *websocket.Conn, send any, event, text string) {
	t.Helper()
	if send != nil {
		if err := wsjson.Write(ctx, c, send); err != nil {
			t.Fatal(err)
		}
	}
	var m struct {
		Event string
		Data  json.RawMessage
	}
	if err := wsjson.Read(ctx, c, &m); err != nil {
		t.Fatalf("waiting for %s: %v", event, err)
	}
	var got string
	if event != "connected" && json.Unmarshal(m.Data, &got) != nil || m.Event != event || got != text {
		t.Fatalf("received %s of %d bytes, want %s of %d", m.Event, len(got), event, len(text))
	}
}
