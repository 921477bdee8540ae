package seal_test

import (
	"bytes"
	"crypto/ecdh"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/seal"
)

// What a client makes of `connected`.
func TestAccept(t *testing.T) {
	key := seal.EncodePublicKey(fixedKey("server").PublicKey())
	other := seal.EncodePublicKey(fixedKey("other").PublicKey())
	salt := b64(fixed("salt"))
	answer := func(key, salt, rest string) string {
		return fmt.Sprintf(`{"id":"1","serverPublicKey":%q,"salt":%q%s}`, key, salt, rest)
	}
	const announced = `,"seal":{"v":1,"inbound":true}`
	pinned := func(keys ...string) seal.ClientOptions { return seal.ClientOptions{ServerKeys: keys} }
	strict := seal.ClientOptions{Strict: true}
	lenient := seal.ClientOptions{ServerKeys: []string{key}, Lenient: true}
	for _, test := range []struct {
		name    string
		opts    seal.ClientOptions
		text    string
		err     error
		inbound bool
	}{
		{"counted", seal.ClientOptions{}, answer(key, salt, announced), nil, true},
		{"the original's", seal.ClientOptions{}, answer(key, salt, ""), nil, false},
		{"counted, and plain inbound", seal.ClientOptions{}, answer(key, salt, `,"seal":{"v":1}`), nil, false},
		{"null for seal", seal.ClientOptions{}, answer(key, salt, `,"seal":null`), nil, false},
		{"pinned", pinned(key), answer(key, salt, announced), nil, true},
		{"one of two pinned", pinned(other, key), answer(key, salt, announced), nil, true},
		{"strict", strict, answer(key, salt, announced), nil, true},
		{"other capitals besides", seal.ClientOptions{}, answer(key, salt, announced+`,"Salt":"x","ServerPublicKey":"x","SEAL":{"v":2},"seAl":null`), nil, true},
		{"the last of two", seal.ClientOptions{}, answer(key, salt, `,"seal":{"v":2,"inbound":false}`+announced), nil, true},
		{"the last of two is without", seal.ClientOptions{}, answer(key, salt, announced+`,"seal":{"v":1}`), nil, false},
		{"other capitals inside", seal.ClientOptions{}, answer(key, salt, `,"seal":{"v":1,"Inbound":true}`), nil, false},
		{"lenient", lenient, answer(key, salt, ""), nil, false},

		{"no encryption", seal.ClientOptions{}, `{"id":"1"}`, seal.ErrRefused, false},
		{"other capitals", seal.ClientOptions{}, `{"ServerPublicKey":"` + key + `","salt":"` + salt + `"}`, seal.ErrRefused, false},
		{"other capitals of salt", seal.ClientOptions{}, `{"serverPublicKey":"` + key + `","Salt":"` + salt + `"}`, seal.ErrRefused, false},
		{"no object", seal.ClientOptions{}, `"x"`, seal.ErrRefused, false},
		{"null for a key", seal.ClientOptions{}, `{"serverPublicKey":null,"salt":"` + salt + `"}`, seal.ErrRefused, false},
		{"no salt", seal.ClientOptions{}, `{"serverPublicKey":"` + key + `"}`, seal.ErrRefused, false},
		{"short salt", seal.ClientOptions{}, answer(key, b64(fixed("salt")[:31]), announced), seal.ErrRefused, false},
		{"salt in base64url", seal.ClientOptions{}, answer(key, strings.TrimRight(salt, "="), announced), seal.ErrRefused, false},
		{"key that is none", seal.ClientOptions{}, answer(b64(fixed("x")), salt, announced), seal.ErrRefused, false},
		{"another version", seal.ClientOptions{}, answer(key, salt, `,"seal":{"v":2,"inbound":true}`), seal.ErrRefused, false},
		{"text for a version", seal.ClientOptions{}, answer(key, salt, `,"seal":{"v":"1","inbound":true}`), seal.ErrRefused, false},
		{"true for seal", seal.ClientOptions{}, answer(key, salt, `,"seal":true`), seal.ErrRefused, false},
		{"strict, not counted", strict, answer(key, salt, ""), seal.ErrRefused, false},
		{"strict, plain inbound", strict, answer(key, salt, `,"seal":{"v":1}`), seal.ErrRefused, false},
		{"pinned, not counted", pinned(key), answer(key, salt, ""), seal.ErrRefused, false},
		{"another key", pinned(key), answer(other, salt, announced), seal.ErrServerKey, false},
		{"another key, lenient", lenient, answer(other, salt, ""), seal.ErrServerKey, false},
	} {
		offer, err := seal.NewOffer(test.opts)
		if err != nil {
			t.Fatal(err)
		}
		s, err := offer.Accept([]byte(test.text))
		if !errors.Is(err, test.err) || (err == nil) != (s != nil) {
			t.Errorf("%s: %v", test.name, err)
		}
		if s != nil && s.Inbound() != test.inbound {
			t.Errorf("%s: inbound is %t", test.name, s.Inbound())
		}
		if c := offer.Credentials(); c.Seal != 1 || !slices.Equal(c.ServerKeys, test.opts.ServerKeys) {
			t.Errorf("%s: the offer is %+v", test.name, c)
		}
	}
}

// What a client refuses of a server, every flipped bit included.
func TestClientRefuses(t *testing.T) {
	v := loadVectors(t).Sessions[0]
	first := v.Messages[0].Sealed
	uncounted, _ := v.ends(t, false)
	for bit := range 8 * len(first) {
		text := []byte(first)
		text[bit/8] ^= 1 << (bit % 8)
		counted, _ := v.ends(t, true)
		for _, client := range []*seal.ClientSession{counted, uncounted} {
			if got, err := client.Open(text); !errors.Is(err, seal.ErrBroken) {
				t.Fatalf("with bit %d flipped, %s is opened as %q, %v", bit, text, got, err)
			}
		}
	}
	for _, text := range []string{
		"", "x", "null", `{"event":"x","data":1}`, `{"event":"encrypted"}`,
		`{"event":"error","data":{"message":"trust me"}}`, `{"event":"connected","data":{}}`,
	} {
		client, _ := v.ends(t, true)
		if _, err := client.Open([]byte(text)); !errors.Is(err, seal.ErrBroken) {
			t.Errorf("%q: %v", text, err)
		}
		if _, err := client.Open([]byte(first)); !errors.Is(err, seal.ErrBroken) {
			t.Errorf("after %q the first message is opened", text)
		}
	}
	// What is inside must be text.
	client, server := v.ends(t, true)
	if _, err := client.Open(server.AppendSealed(nil, []byte("{\"event\":\"\xff\"}"))); !errors.Is(err, seal.ErrBroken) {
		t.Errorf("not UTF-8: %v", err)
	}
}

// Nothing that can be printed or logged shows a key.
func TestNothingShowsKeys(t *testing.T) {
	key := fixedKey("secret")
	e := newEncryption(t, seal.Options{Keys: []*ecdh.PrivateKey{key}})
	v := loadVectors(t).Sessions[0]
	client, server := v.ends(t, true)
	offer := seal.OfferWith(key, seal.ClientOptions{})
	secrets := [][]byte{key.Bytes(), decode(t, v.Key)}

	var out bytes.Buffer
	values := []any{e, offer, client, server, hearth.Options{Encryption: e}, seal.Options{Keys: []*ecdh.PrivateKey{key}}}
	for _, value := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&out, verb+"\n", value)
			fmt.Fprintf(&out, verb+"\n", []any{value})
			fmt.Fprintf(&out, verb+"\n", struct{ V any }{value})
		}
		for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(h).Info("value", "value", value, "in", []any{value})
		}
		fmt.Fprintln(&out, value)
	}
	text := out.String()
	for _, secret := range secrets {
		for _, form := range []string{
			string(secret), b64(secret), fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret),
			strings.Trim(fmt.Sprint(secret), "[]"), strings.Trim(fmt.Sprintf("%#v", secret), "[]byte{}"),
		} {
			if strings.Contains(text, form) {
				t.Errorf("a key is shown, as %s", form)
			}
		}
	}
	if !strings.Contains(text, e.PublicKeys()[0]) || !strings.Contains(text, "seal.ClientSession") {
		t.Error("what should be shown is not")
	}
}
