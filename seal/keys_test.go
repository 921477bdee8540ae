package seal_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"slices"
	"strings"
	"testing"

	"github.com/hearthws/hearth/seal"
)

func block(kind string, der []byte, err error) string {
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func pkcs8(key any) string {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return block("PRIVATE KEY", der, err)
}

func sec1(key *ecdsa.PrivateKey) string {
	der, err := x509.MarshalECPrivateKey(key)
	return block("EC PRIVATE KEY", der, err)
}

func asText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func TestParseKeys(t *testing.T) {
	generate := func(curve elliptic.Curve) *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	signing := generate(elliptic.P256())
	a, err := signing.ECDH()
	if err != nil {
		t.Fatal(err)
	}
	b := fixedKey("b")
	p384 := generate(elliptic.P384())
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	jwkA, jwkB := asJWK(a), asJWK(b)
	edit := func(f func(*jwk)) string {
		k := jwkA
		f(&k)
		return asText(k)
	}

	for _, test := range []struct {
		name, text string
		want       []*ecdh.PrivateKey
		err        string
	}{
		{"PKCS #8", pkcs8(signing), []*ecdh.PrivateKey{a}, ""},
		{"SEC 1", sec1(signing), []*ecdh.PrivateKey{a}, ""},
		{"SEC 1 behind parameters", block("EC PARAMETERS", []byte{6, 0}, nil) + sec1(signing), []*ecdh.PrivateKey{a}, ""},
		{"several, and text", "old\n" + sec1(signing) + "new\n" + pkcs8(b), []*ecdh.PrivateKey{a, b}, ""},
		{"JWK", asText(jwkB), []*ecdh.PrivateKey{b}, ""},
		{"JWK with more members", " \n" + strings.Replace(asText(jwkB), "{", `{"kid":"1","use":"enc",`, 1), []*ecdh.PrivateKey{b}, ""},
		{"set of JWK", asText(map[string]any{"keys": []jwk{jwkB, jwkA}}), []*ecdh.PrivateKey{b, a}, ""},

		{"nothing", "", nil, "neither PEM nor a JSON Web Key"},
		{"empty set", `{"keys":[]}`, nil, "neither PEM nor a JSON Web Key"},
		{"P-384", pkcs8(p384), nil, "key 1: it is not on P-256"},
		{"P-384 in SEC 1", pkcs8(b) + sec1(p384), nil, "key 2: it is not on P-256"},
		{"X25519", pkcs8(x25519), nil, "key 1: it is not on P-256"},
		{"Ed25519", pkcs8(ed), nil, "key 1: it is not on P-256"},
		{"certificate", block("CERTIFICATE", []byte{1}, nil), nil, "key 1: it is a CERTIFICATE"},
		{"damaged", block("PRIVATE KEY", []byte{1}, nil), nil, "key 1: "},
		{"JWK of another curve", edit(func(k *jwk) { k.Crv = "P-384" }), nil, "key 1: it is not on P-256"},
		{"JWK of another type", edit(func(k *jwk) { k.Kty = "OKP" }), nil, "key 1: it is not on P-256"},
		{"public JWK", edit(func(k *jwk) { k.D = "" }), nil, "key 1: it has no private part"},
		{"JWK in base64", edit(func(k *jwk) { k.D += "==" }), nil, "key 1: it has no private part"},
		{"JWK with a short part", edit(func(k *jwk) { k.D = k.D[:40] }), nil, "key 1: its private part (d) is no key"},
		{"JWK with another public part", edit(func(k *jwk) { k.X = jwkB.X }), nil, "key 1: its public part"},
		{"JWK that is cut", asText(jwkA)[:50], nil, "key 1: it is no JSON Web Key"},
	} {
		got, err := seal.ParseKeys([]byte(test.text))
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: %v", test.name, err)
			}
			if err != nil && strings.Contains(err.Error(), jwkA.D[:20]) {
				t.Errorf("%s: the error shows the key", test.name)
			}
			continue
		}
		if err != nil || !slices.EqualFunc(got, test.want, func(a, b *ecdh.PrivateKey) bool { return bytes.Equal(a.Bytes(), b.Bytes()) }) {
			t.Errorf("%s: %d keys, %v", test.name, len(got), err)
		}
	}
}

func TestOptionsThatCannotBe(t *testing.T) {
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, keys := range [][]*ecdh.PrivateKey{{x25519}, {fixedKey("a"), nil}} {
		if _, err := seal.New(seal.Options{Keys: keys}); err == nil || !strings.Contains(err.Error(), "option Keys") {
			t.Errorf("New: %v", err)
		}
	}
	for _, o := range []seal.ClientOptions{
		{ServerKeys: []string{"x"}},
		{ServerKeys: []string{seal.EncodePublicKey(fixedKey("a").PublicKey()), ""}},
		{Strict: true, Lenient: true},
	} {
		if _, err := seal.NewOffer(o); err == nil || !strings.Contains(err.Error(), "option") {
			t.Errorf("NewOffer(%+v): %v", o, err)
		}
	}
	// A process has a key of its own if it is given none.
	if a, b := newEncryption(t, seal.Options{}).PublicKeys(), newEncryption(t, seal.Options{}).PublicKeys(); len(a) != 1 || slices.Equal(a, b) {
		t.Errorf("fresh keys are %v and %v", a, b)
	}
}
