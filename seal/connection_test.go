package seal_test

import (
	"strings"
	"testing"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
	"github.com/hearthws/hearth/seal"
)

// Everything after `connected` is sealed, on whichever way it is sent, and
// whatever is sent sealed is handled as if it were plain.
func TestSealedConnection(t *testing.T) {
	e := newEncryption(t, seal.Options{})
	onBoth(t, func() hearth.Options { return sealing(e) }, func(t *testing.T, s *hearthtest.Server, dial func() *hearthtest.Client) {
		c := connect(t, dial(), seal.ClientOptions{ServerKeys: e.PublicKeys()})
		if !c.session.Inbound() || !c.Conn().Encrypted() {
			t.Error("the connection is not encrypted in both directions")
		}
		c.say("echo", "é🦊\u0000")
		c.expect(`{"event":"echo","data":"é🦊\u0000"}`)
		long := strings.Repeat("long ", 10_000)
		c.say("echo", long)
		c.expect(`{"event":"echo","data":"` + long + `"}`)
		c.SendText(`{"event":"plain"}`)
		c.expect(`{"event":"plain","data":null}`)
		c.SendText("{")
		c.expect(`{"event":"error","data":{"message":"Invalid message format"}}`)

		c.say("join", map[string]any{"rooms": []string{"room"}})
		c.say("echo", "joined")
		c.expect(`{"event":"echo","data":"joined"}`)
		ctx := t.Context()
		for _, err := range []error{
			s.ToRoom(ctx, "room", "room", 1),
			s.Broadcast(ctx, "all", 2),
			s.ToClient(ctx, c.ID(), "client", hearth.Absent),
			s.Publish("room", hearth.Raw{Payload: []byte("raw")}),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.Conn().SendRaw(hearth.Raw{Payload: []byte("raw")}); err != hearth.ErrEncrypted {
			t.Errorf("SendRaw: %v", err)
		}
		if _, err := c.Conn().Batch(func(b *hearth.Batch) { b.Send("batch", 3); b.Send("batch", 4) }); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			`{"event":"room","data":1}`, `{"event":"all","data":2}`, `{"event":"client"}`,
			`{"event":"batch","data":3}`, `{"event":"batch","data":4}`,
		} {
			c.expect(want)
		}
		eventually(t, "nothing is queued", func() bool { return s.Stats().QueuedBytes == 0 })
	})
}
