package seal_test

import (
	"crypto/ecdh"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
	"github.com/hearthws/hearth/seal"
)

// Keys that are none, such as points off the curve and the one at infinity, are
// refused, in the documented way; those that are one are answered. Without any, it
// depends on whether encryption is demanded. Fails when DecodePublicKey gives
// some key instead of an error.
func TestA34KeysThatAreNone(t *testing.T) {
	e := newEncryption(t, seal.Options{})
	for _, required := range []bool{false, true} {
		options := func() hearth.Options {
			o := sealing(e)
			o.RequireEncryption = required
			return o
		}
		onBoth(t, options, func(t *testing.T, s *hearthtest.Server, dial func() *hearthtest.Client) {
			refused := int64(0)
			refuse := func(name string, credentials any) {
				t.Helper()
				c := dial()
				c.Send("authenticate", credentials)
				if m := c.Next(); m.String() != `{"event":"error","data":{"message":"Encryption handshake failed"}}` {
					t.Errorf("%s: received %s", name, m)
				}
				if code, reason := c.ExpectClose(); code != 4004 || reason != "Encryption required" {
					t.Errorf("%s: closed with %d %q", name, code, reason)
				}
				refused++
			}
			for _, k := range loadVectors(t).PublicKeys {
				if !k.Valid {
					refuse(k.Name, map[string]any{"publicKey": k.Text, "seal": 1})
					continue
				}
				if m := dial().Authenticate(map[string]any{"publicKey": k.Text}); !strings.Contains(string(m.Data), `"serverPublicKey"`) {
					t.Errorf("%s: received %s", k.Name, m)
				}
			}
			for _, key := range []any{1, true, []string{"x"}, map[string]any{}} {
				refuse("no text", map[string]any{"publicKey": key})
			}
			for _, credentials := range []any{nil, map[string]any{}, map[string]any{"publicKey": nil}, map[string]any{"PublicKey": e.PublicKeys()[0]}} {
				if required {
					refuse("no key", credentials)
					continue
				}
				c := dial()
				if m := c.Authenticate(credentials); strings.Contains(string(m.Data), "serverPublicKey") || c.Conn().Encrypted() {
					t.Errorf("who does not ask is encrypted: %s", m)
				}
			}
			if st := s.Stats(); st.AuthRejected != refused || st.AuthFailed != 0 {
				t.Errorf("%d clients are counted as rejected and %d as failed, want %d and 0", st.AuthRejected, st.AuthFailed, refused)
			}
		})
	}
}

// What is announced decides what is answered, and nothing else does.
func TestAnnouncement(t *testing.T) {
	e := newEncryption(t, seal.Options{})
	s := hearthtest.New(t, sealing(e))
	key := e.PublicKeys()[0]
	for text, counts := range map[string]bool{
		`1`: true, `1.0`: true, `0`: false, `2`: false, `"1"`: false, `true`: false, `null`: false, `[1]`: false, `{"v":1}`: false,
	} {
		m := s.Dial().Authenticate(json.RawMessage(`{"publicKey":"` + key + `","seal":` + text + `}`))
		if got := strings.Contains(string(m.Data), `"seal":{"v":1,"inbound":true}`); got != counts || !counts && strings.Contains(string(m.Data), "seal") {
			t.Errorf("seal: %s is answered by %s", text, m)
		}
	}
}

// Everybody has a salt, and so a key, of their own.
func TestKeysAreOfOneConnection(t *testing.T) {
	e := newEncryption(t, seal.Options{})
	s := hearthtest.New(t, sealing(e))
	seen := map[string]bool{}
	for range 50 {
		c := connect(t, s.Dial(), seal.ClientOptions{})
		snapshot := c.Conn().Snapshot()
		if snapshot.ServerPublicKey != e.PublicKeys()[0] || seen[snapshot.Salt] {
			t.Fatalf("key %s, salt %s", snapshot.ServerPublicKey, snapshot.Salt)
		}
		seen[snapshot.Salt] = true
	}
}

// While a key is being replaced, old and new clients work; existing connections
// keep what they have.
func TestRotation(t *testing.T) {
	older, old, fresh := fixedKey("older"), fixedKey("old"), fixedKey("fresh")
	text := func(k *ecdh.PrivateKey) string { return seal.EncodePublicKey(k.PublicKey()) }
	e := newEncryption(t, seal.Options{Keys: []*ecdh.PrivateKey{old}})
	s := hearthtest.New(t, sealing(e))
	before := connect(t, s.Dial(), seal.ClientOptions{ServerKeys: []string{text(old)}})

	expect := func(pinned []string, want string) {
		t.Helper()
		c := s.Dial()
		offer, err := seal.NewOffer(seal.ClientOptions{ServerKeys: pinned})
		if err != nil {
			t.Fatal(err)
		}
		connected := c.Authenticate(offer.Credentials())
		session, err := offer.Accept(connected.Data)
		if want == "" {
			if !errors.Is(err, seal.ErrServerKey) {
				t.Errorf("with the keys %v pinned: %v", pinned, err)
			}
			return
		}
		if err != nil || c.Conn().Snapshot().ServerPublicKey != want {
			t.Errorf("with the keys %v pinned: %s, %v", pinned, connected, err)
			return
		}
		p := &peer{t, c, session, connected}
		p.say("x", 1)
		p.expect(`{"event":"x","data":1}`)
	}
	rotate := func(keys ...*ecdh.PrivateKey) {
		t.Helper()
		if err := e.Rotate(keys...); err != nil {
			t.Fatal(err)
		}
	}
	expect([]string{text(fresh)}, "")
	expect([]string{text(fresh), text(old)}, text(old))
	rotate(old, fresh)
	expect(nil, text(old))
	expect([]string{text(old)}, text(old))
	expect([]string{text(fresh)}, text(fresh))
	expect([]string{text(fresh), text(old)}, text(old)) // the server's order counts
	expect([]string{text(older), text(fresh)}, text(fresh))
	expect([]string{text(older)}, "")
	rotate(fresh)
	expect(nil, text(fresh))
	expect([]string{text(old)}, "")
	if got := e.PublicKeys(); !slices.Equal(got, []string{text(fresh)}) {
		t.Errorf("public keys are %v", got)
	}
	before.say("x", 2)
	before.expect(`{"event":"x","data":2}`)

	for _, wrong := range []any{"x", 1, []any{1}, nil, map[string]any{}} { // no list of keys is as good as none
		m := s.Dial().Authenticate(map[string]any{"publicKey": text(old), "serverKeys": wrong})
		if !strings.Contains(string(m.Data), text(fresh)) {
			t.Errorf("serverKeys %v is answered by %s", wrong, m)
		}
	}
	if e.Rotate() == nil || e.Rotate(nil) == nil {
		t.Error("no key is taken for one")
	}
}

// Both sides must be configured alike.
func TestOptionsOfTheScheme(t *testing.T) {
	same := func(a, b string) seal.Options { return seal.Options{Info: a, AdditionalData: b} }
	for _, test := range []struct {
		server seal.Options
		client seal.ClientOptions
		works  bool
	}{
		{same("", ""), seal.ClientOptions{}, true},
		{same(seal.DefaultInfo, ""), seal.ClientOptions{}, true},
		{same("app", "tenant"), seal.ClientOptions{Info: "app", AdditionalData: "tenant"}, true},
		{same("app", ""), seal.ClientOptions{}, false},
		{same("", "tenant"), seal.ClientOptions{}, false},
		{same("", ""), seal.ClientOptions{AdditionalData: "tenant"}, false},
		{same("", "other"), seal.ClientOptions{AdditionalData: "tenant"}, false},
	} {
		s := hearthtest.New(t, sealing(newEncryption(t, test.server)))
		c := connect(t, s.Dial(), test.client)
		if _, err := c.Conn().Send("x", 1); err != nil {
			t.Fatal(err)
		}
		if _, err := c.session.Open([]byte(c.Next().String())); (err == nil) != test.works {
			t.Errorf("server %+v, client %+v: %v", test.server, test.client, err)
		}
		c.SendText(c.x())
		if !test.works {
			c.refused("another scheme")
		}
	}
}
