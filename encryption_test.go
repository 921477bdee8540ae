package hearth_test

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// reversing is an Encryption whose messages are written backwards. What ends
// with a { is refused, and what is to say "nothing" is not sealed.
type reversing struct {
	err           error // of Handshake
	none          bool  // Handshake returns no session
	counted       bool
	running, most atomic.Int64
}

func (r *reversing) Handshake(context.Context, *hearth.Client, json.RawMessage) (hearth.HandshakeResult, hearth.EncryptionSession, error) {
	if r.none {
		return hearth.HandshakeResult{}, nil, nil
	}
	return hearth.HandshakeResult{ServerPublicKey: "k", Counted: r.counted}, r, r.err
}

func (r *reversing) AppendSealed(dst, message []byte) []byte {
	n := r.running.Add(1)
	defer r.running.Add(-1)
	for most := r.most.Load(); n > most && !r.most.CompareAndSwap(most, n); most = r.most.Load() {
	}
	runtime.Gosched()
	if string(message) == `{"event":"panic"}` {
		panic("asked to")
	}
	if string(message) == `{"event":"nothing"}` {
		return dst
	}
	return append(dst, backwards(message)...)
}

func (r *reversing) Open(dst []byte, data json.RawMessage) ([]byte, error) {
	var text string
	_ = json.Unmarshal(data, &text)
	if text == "panic" {
		panic("asked to")
	}
	if text == "" || text[0] != '}' {
		return nil, errBroken
	}
	return append(dst, backwards([]byte(text))...), nil
}

func backwards(text []byte) []byte {
	text = slices.Clone(text)
	slices.Reverse(text)
	return text
}

// withEncryption echoes, sealed for who sends a publicKey.
func withEncryption(r *reversing) hearth.Options {
	opts := echoing()
	opts.Encryption = r
	return opts
}

var asking = map[string]string{"publicKey": "k"}

// The server seals and opens with what Options.Encryption has made, and leaves
// clients alone that do not ask for it.
func TestEncryption(t *testing.T) {
	onBoth(t, func(t *testing.T, n *network) {
		s := n.serve(t, withEncryption(&reversing{}))
		plain, c := n.connect(t, s, nil), n.connect(t, s, asking)
		if plain.Conn().Encrypted() || !c.Conn().Encrypted() {
			t.Error("who is encrypted is not who asked")
		}
		plain.Conn().EnableEncryption() // brings no keys
		if plain.Conn().Encrypted() {
			t.Error("EnableEncryption makes a client encrypted without a key")
		}
		hear := func(want string) {
			t.Helper()
			if got := backwards([]byte(c.Next().String())); string(got) != want {
				t.Fatalf("received %s, want %s", got, want)
			}
		}
		c.Send("echo", 1)
		hear(`{"event":"echo","data":1}`)
		c.Send("encrypted", string(backwards([]byte(`{"event":"echo","data":2}`))))
		hear(`{"event":"echo","data":2}`)
		c.Send("encrypted", "x")
		hear(errorEvent("Sealed message refused"))
		if _, err := c.Conn().Send("nothing", hearth.Absent); err != nil {
			t.Error(err)
		}
		if err := s.Broadcast(t.Context(), "all", 3); err != nil {
			t.Error(err)
		}
		hear(`{"event":"all","data":3}`)
		plain.Send("encrypted", "x") // an event like any other
		for _, want := range []string{`{"event":"all","data":3}`, `{"event":"encrypted","data":"x"}`} {
			if m := plain.Next(); m.String() != want {
				t.Errorf("the plain client received %s, want %s", m, want)
			}
		}
		if st := s.Stats(); st.SealRefused != 1 {
			t.Errorf("%d sealed messages are counted as refused", st.SealRefused)
		}
	})
}

// A client that counts is closed after a message that does not open.
func TestSealRefusedCloses(t *testing.T) {
	onBoth(t, func(t *testing.T, n *network) {
		s := n.serve(t, withEncryption(&reversing{counted: true}))
		c := n.connect(t, s, asking)
		c.Send("encrypted", "x")
		if got := backwards([]byte(c.Next().String())); string(got) != errorEvent("Sealed message refused") {
			t.Errorf("received %s", got)
		}
		expectClose(t, c, 4005, "Sealed message refused")
	})
}

// A session that panics harms its client only. Fails, and ends the program, when
// Seal and open do not recover.
func TestEncryptionPanics(t *testing.T) {
	onBoth(t, func(t *testing.T, n *network) {
		s := n.serve(t, withEncryption(&reversing{counted: true}))
		plain, sealing, opening := n.connect(t, s, nil), n.connect(t, s, asking), n.connect(t, s, asking)
		if _, err := sealing.Conn().Send("panic", hearth.Absent); err != nil {
			t.Error(err)
		}
		expectClose(t, sealing, hearth.CloseInternal, "Encryption failed")
		opening.Send("encrypted", "panic")
		opening.Next() // says so
		expectClose(t, opening, hearth.CloseSealRefused, "Sealed message refused")
		plain.Send("echo", 1)
		plain.Expect("echo")
		if st := s.Stats(); st.HookFailures != 2 || st.SealRefused != 1 {
			t.Errorf("%d failures and %d refusals are counted, want 2 and 1", st.HookFailures, st.SealRefused)
		}
	})
}

// A handshake that fails is told from one that refuses.
func TestEncryptionHandshakeFails(t *testing.T) {
	for r, want := range map[*reversing]struct {
		text string
		code int
	}{
		{err: hearth.ErrRejected}:     {"Encryption handshake failed", 4004},
		{err: errors.New("no vault")}: {"Authentication error", 4003},
		{none: true}:                  {"Authentication error", 4003},
	} {
		bubble(t, func(t *testing.T) {
			s := hearthtest.New(t, withEncryption(r))
			c := s.Dial()
			c.Send("authenticate", asking)
			if m := c.Next(); m.String() != errorEvent(want.text) {
				t.Errorf("%+v: received %s", r, m)
			}
			if code, _ := c.ExpectClose(); code != want.code {
				t.Errorf("%+v: closed with %d", r, code)
			}
			s.Connect(nil) // who does not ask is not concerned
		})
	}
}

// A loop seals one message at a time, so no limit on hooks is exceeded.
func TestSealingKeepsBatchLimit(t *testing.T) {
	const clients, messages = 20, 50
	onBoth(t, func(t *testing.T, n *network) {
		r := &reversing{}
		opts := withEncryption(r)
		opts.Loops, opts.EncryptedBatchLimit = 1, 1
		s := n.serve(t, opts)
		var all []*hearthtest.Client
		for range clients {
			all = append(all, n.connect(t, s, asking))
		}
		for i := range messages {
			_ = s.Broadcast(t.Context(), "m", i)
		}
		for _, c := range all {
			for range messages {
				c.Next()
			}
		}
		if most := r.most.Load(); most != 1 {
			t.Errorf("%d messages were sealed at once", most)
		}
	})
}
