package hearth_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
	"github.com/hearthws/hearth/internal/frame"
)

// FuzzServer sends arbitrary bytes to a whole server, behind an upgrade, and
// behind an authentication or not; as they are, or cut into frames that are
// masked as they have to be. Whatever they are, nothing panics, what the server
// answers is WebSocket, others are served, and nothing is left afterwards:
// hearthtest looks at every index, and the bubble for goroutines.
func FuzzServer(f *testing.F) {
	const authenticated, framed, deflate, inline, cut = 1, 2, 4, 8, 16
	for _, input := range []string{
		`{"event":"authenticate","data":{"user":"ann"}}`, `{"event":"join","data":{"rooms":["a","b",7]}}`,
		`{"event":"leave","data":{"rooms":["a"]}}`, `{"event":"heartbeat"}`, `{"event":"echo","data":[1e400],"id":1}`,
		`{"event":"fail"}`, `{"event":"panic"}`, `{"event":"encrypted","data":{"iv":"","ct":""}}`, `null`, `[]`, "\xff",
	} {
		wire := frame.AppendMasked(nil, frame.Text, true, false, []byte(input), [4]byte{1, 2, 3, 4})
		f.Add(byte(authenticated), wire)
		f.Add(byte(0), wire[:len(wire)-1])
		f.Add(byte(authenticated|framed|inline), append([]byte{0x81, byte(len(input))}, input...))
		f.Add(byte(framed|deflate), append([]byte{0xc1, byte(len(input))}, input...))
	}
	f.Add(byte(framed|authenticated), []byte{0x01, 1, '{', 0x89, 0, 0x80, 1, '}', 0x88, 2, 0x03, 0xe8, 0x81, 0})
	f.Add(byte(framed|authenticated|cut), []byte{0x81, 2, '{', '}', 0x01, 1, 'x'})

	f.Fuzz(func(t *testing.T, mode byte, input []byte) {
		if len(input) > 4<<10 {
			return // longer ones only take longer
		}
		on := func(bit byte) bool { return mode&bit != 0 }
		synctest.Test(t, func(t *testing.T) {
			opts := accepting()
			opts.PerMessageDeflate, opts.InlineHooks = on(deflate), on(inline)
			opts.MaxPayload, opts.MaxPendingMessages = 2<<10, 4
			opts.Logger = slog.New(slog.DiscardHandler)
			opts.OnMessage = func(_ context.Context, c *hearth.Client, m hearth.Message) error {
				switch m.Event {
				case "fail":
					return errBroken
				case "panic":
					panic("as it was told")
				}
				_, err := c.Send("echo", m)
				return err
			}
			s := hearthtest.New(t, opts)
			witness := s.Connect(user("bob"))
			r := hearthtest.NewRequest(s.Path())
			if on(deflate) {
				r.Header.Set("Sec-WebSocket-Extensions", "permessage-deflate")
			}
			c := s.DialHandler(s, r)
			if on(authenticated) {
				c.Authenticate(user("ann"))
			}
			if on(framed) {
				input = frames(input)
			}
			_, _ = c.Write(input) // the server may have closed
			synctest.Wait()
			if err := s.ConsistencyCheck(); err != nil {
				t.Error(err)
			}
			if on(cut) {
				c.Drop()
			}
			witness.Send("echo", 1)
			witness.Expect("echo")
			time.Sleep(time.Minute) // every timer of that client has expired
			synctest.Wait()
		})
	})
}

// frames reads input as frames of a first byte, a length and a payload, and
// writes them as a client does.
func frames(input []byte) []byte {
	var out []byte
	for len(input) >= 2 {
		first, n := input[0], min(int(input[1]), len(input)-2)
		payload := input[2 : 2+n]
		out = append(out, frame.AppendMasked(nil, frame.Opcode(first&0xf), first&0x80 != 0, first&0x40 != 0, payload, [4]byte{4, 3, 2, 1})...)
		input = input[2+n:]
	}
	return out
}
