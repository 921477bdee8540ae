package hearth_test

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// When Handshake runs, with what, and what follows from it.
func TestHandshake(t *testing.T) {
	type test struct {
		name      string
		require   bool
		offered   bool // Handshake is there
		message   string
		encrypted bool
		gets      string // that Handshake is called with
	}
	bubbles(t, []test{
		{"required", true, true, `{"event":"authenticate","data":{"a":1}}`, true, `{"a":1}`},
		{"required, no data", true, true, `{"event":"authenticate"}`, true, `{}`},
		{"asked for", false, true, `{"event":"authenticate","data":{"publicKey":"k"}}`, true, `{"publicKey":"k"}`},
		{"asked for with what is no key", false, true, `{"event":"authenticate","data":{"publicKey":5}}`, true, `{"publicKey":5}`},
		{"not asked for", false, true, `{"event":"authenticate","data":{"key":"k"}}`, false, ""},
		{"null", false, true, `{"event":"authenticate","data":{"publicKey":null}}`, false, ""},
		{"nested", false, true, `{"event":"authenticate","data":{"a":{"publicKey":"k"}}}`, false, ""},
		{"not an object", false, true, `{"event":"authenticate","data":"publicKey"}`, false, ""},
		{"not offered", false, false, `{"event":"authenticate","data":{"publicKey":"k"}}`, false, ""},
	}, func(test test) string { return test.name }, func(t *testing.T, test test) {
		got := ""
		opts := accepting()
		opts.Authenticate = func(context.Context, *hearth.Client, json.RawMessage) (hearth.Identity, error) {
			return hearth.Identity{UserID: "ann", Metadata: "m"}, nil
		}
		opts.RequireEncryption = test.require
		opts.Transform = asItIs
		if test.offered {
			opts.Handshake = func(_ context.Context, c *hearth.Client, data json.RawMessage) (hearth.HandshakeResult, error) {
				got = string(data)
				if c.State() != hearth.StateAuthenticating || c.Encrypted() || c.UserID() != "ann" || c.Metadata() != "m" {
					t.Errorf("during Handshake the client is %s, encrypted %t, of %q with %v", c.State(), c.Encrypted(), c.UserID(), c.Metadata())
				}
				return hearth.HandshakeResult{ServerPublicKey: "server"}, nil
			}
		}
		s := hearthtest.New(t, opts)
		c := s.Dial()
		c.SendText(test.message)
		connected, err := hearth.DataOf[struct{ ServerPublicKey *string }](c.Expect("connected").Message)
		if err != nil {
			t.Fatal(err)
		}
		if got != test.gets {
			t.Errorf("Handshake gets %q, want %q", got, test.gets)
		}
		if c.Conn().Encrypted() != test.encrypted || (connected.ServerPublicKey != nil) != test.encrypted {
			t.Errorf("encrypted %t, key %v, want %t", c.Conn().Encrypted(), connected.ServerPublicKey, test.encrypted)
		}
	})
}

// EnableEncryption may come at any time, is irreversible, and may be repeated.
func TestEnableEncryption(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := hearthtest.New(t, sealing(accepting()))
		early, late, plain := s.Dial(), s.Connect(nil), s.Connect(nil)
		early.Conn().EnableEncryption()
		early.Send("hello", nil)
		expectReceived(t, early, errorEvent("Not authenticated")) // all before `connected` is plain
		early.Authenticate(nil)                                   // and so is that
		late.Conn().EnableEncryption()
		late.Conn().EnableEncryption()
		if !early.Conn().Encrypted() || !late.Conn().Encrypted() || plain.Conn().Encrypted() {
			t.Error("the wrong ones are encrypted")
		}
		if err := s.Broadcast(t.Context(), "news", 1); err != nil {
			t.Fatal(err)
		}
		for _, c := range []*hearthtest.Client{early, late, plain} {
			c.SendText("{")
		}
		const news, mistake = `{"event":"news","data":1}`, `{"event":"error","data":{"message":"Invalid message format"}}`
		expectReceived(t, early, sealed(news), sealed(mistake))
		expectReceived(t, late, sealed(news), sealed(mistake))
		expectReceived(t, plain, news, mistake)
	})
}

// The wait for the broker is no gap.
func TestEnableEncryptionWhileBeingLetIn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		broker := newFakeBroker()
		opts := sealing(accepting())
		opts.Broker = broker
		s := hearthtest.New(t, opts)
		broker.hold()
		c := s.Dial()
		c.Send("authenticate", nil)
		synctest.Wait()
		c.Conn().EnableEncryption()
		c.SendText("{")
		synctest.Wait() // it is read before `connected` is sent
		broker.answer(nil)
		synctest.Wait()
		_ = s.Broadcast(t.Context(), "news", 1)
		expectNext(t, c, errorEvent("Invalid message format")) // before `connected`
		c.Expect("connected")
		expectReceived(t, c, sealed(`{"event":"news","data":1}`))
	})
}

// sealing are options whose Transform wraps messages, as encryption would.
func sealing(opts hearth.Options) hearth.Options {
	opts.Transform = func(_ context.Context, _ *hearth.Client, m hearth.Outgoing) (*hearth.Outgoing, error) {
		return seal(m), nil
	}
	return opts
}

func seal(m hearth.Outgoing) *hearth.Outgoing {
	plain := `{"event":"` + m.Event + `"`
	if m.Data != nil {
		plain += `,"data":` + string(m.Data)
	}
	return &hearth.Outgoing{Event: hearth.EventEncrypted, Data: json.RawMessage(plain + "}")}
}

// sealed is the message that sealing makes of message.
func sealed(message string) string { return `{"event":"encrypted","data":` + message + `}` }
