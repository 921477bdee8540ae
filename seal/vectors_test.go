package seal_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/seal"
)

var update = flag.Bool("update", false, "write protocol/vectors/encryption.json")

const vectorsFile = "../protocol/vectors/encryption.json"

// vectors is encryption.json; protocol/vectors/README.md explains it.
type vectors struct {
	PublicKeys []publicKeyVector `json:"publicKeys"`
	Sessions   []sessionVector   `json:"sessions"`
	Refused    []refusedVector   `json:"refused"`
}

type publicKeyVector struct {
	Name  string `json:"name"`
	Text  string `json:"text"`
	Valid bool   `json:"valid"`
}

type sessionVector struct {
	Name           string          `json:"name"`
	Client         jwk             `json:"client"`
	Server         jwk             `json:"server"`
	ClientKey      string          `json:"clientKey"`
	ServerKey      string          `json:"serverKey"`
	Salt           string          `json:"salt"`
	Info           string          `json:"info"`
	AdditionalData string          `json:"additionalData,omitempty"`
	Key            string          `json:"key"`
	Messages       []messageVector `json:"messages"`
}

type messageVector struct {
	Direction string `json:"direction"`
	Message   string `json:"message"`
	Sealed    string `json:"sealed"`
}

type refusedVector struct {
	Name      string `json:"name"`
	Direction string `json:"direction"`
	Data      string `json:"data"`
	Counted   bool   `json:"onlyCounted,omitempty"`
}

type jwk struct {
	Kty string `json:"kty"`
	Crv string `json:"crv"`
	X   string `json:"x"`
	Y   string `json:"y"`
	D   string `json:"d"`
}

var b64 = base64.StdEncoding.EncodeToString

// fixed is 32 bytes that are always the same.
func fixed(name string) []byte {
	sum := sha256.Sum256([]byte("hearth test vector: " + name))
	return sum[:]
}

func fixedKey(name string) *ecdh.PrivateKey {
	key, err := ecdh.P256().NewPrivateKey(fixed(name))
	if err != nil {
		panic(err)
	}
	return key
}

func asJWK(key *ecdh.PrivateKey) jwk {
	url := base64.RawURLEncoding.EncodeToString
	p := key.PublicKey().Bytes()
	return jwk{"EC", "P-256", url(p[1:33]), url(p[33:]), url(key.Bytes())}
}

// strayBit is another text for the same bytes, which are not a multiple of 3.
func strayBit(text string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	i := strings.IndexByte(text, '=') - 1
	return text[:i] + string(alphabet[strings.IndexByte(alphabet, text[i])+1]) + text[i+1:]
}

// iv is a nonce of the protocol.
func iv(direction string, n uint64) []byte {
	return binary.BigEndian.AppendUint64(append([]byte(direction), 0), n)
}

// sealed seals by the standard library alone.
func sealed(key, iv, message []byte, aad string) string {
	return fmt.Sprintf(`{"event":"encrypted","data":%s}`, sealedData(iv, gcm(key).Seal(nil, iv, message, []byte(aad))))
}

func sealedData(iv, ct []byte) string { return fmt.Sprintf(`{"iv":%q,"ct":%q}`, b64(iv), b64(ct)) }

func gcm(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return aead
}

// makeVectors computes the vectors from nothing but names.
func makeVectors(t *testing.T) vectors {
	t.Helper()
	var v vectors
	point := fixedKey("client").PublicKey().Bytes()
	offCurve := bytes.Clone(point)
	offCurve[64] ^= 1
	for _, k := range []struct {
		name  string
		text  string
		valid bool
	}{
		{"a point", b64(point), true},
		{"another point", b64(fixedKey("server").PublicKey().Bytes()), true},
		{"empty", "", false},
		{"the point at infinity", b64([]byte{0}), false},
		{"zero coordinates", b64(append([]byte{4}, make([]byte, 64)...)), false},
		{"off the curve", b64(offCurve), false},
		{"coordinates beyond the field", b64(append([]byte{4}, bytes.Repeat([]byte{0xff}, 64)...)), false},
		{"compressed", b64(append([]byte{2 + point[64]&1}, point[1:33]...)), false},
		{"hybrid", b64(append([]byte{6 + point[64]&1}, point[1:]...)), false},
		{"without its first byte", b64(point[1:]), false},
		{"64 bytes", b64(point[:64]), false},
		{"66 bytes", b64(append(bytes.Clone(point), 0)), false},
		{"in base64url", strings.NewReplacer("+", "-", "/", "_").Replace(b64(point)), false},
		{"without padding", strings.TrimRight(b64(point), "="), false},
		{"with a stray bit", strayBit(b64(point)), false},
		{"with a line break", b64(point)[:64] + "\n" + b64(point)[64:], false},
		{"with a blank", " " + b64(point), false},
		{"in hexadecimal", fmt.Sprintf("%x", point), false},
	} {
		v.PublicKeys = append(v.PublicKeys, publicKeyVector{k.name, k.text, k.valid})
	}

	for _, s := range []struct{ name, info, aad string }{
		{"defaults", seal.DefaultInfo, ""},
		{"another info string", "app-v2 ☀", ""},
		{"additional data", seal.DefaultInfo, "tenant-7 ☀"},
	} {
		client, server, salt := fixedKey("client "+s.name), fixedKey("server "+s.name), fixed("salt "+s.name)
		key, err := seal.DeriveKey(server, client.PublicKey(), salt, s.info)
		if err != nil {
			t.Fatal(err)
		}
		session := sessionVector{
			Name: s.name, Client: asJWK(client), Server: asJWK(server),
			ClientKey: b64(client.PublicKey().Bytes()), ServerKey: b64(server.PublicKey().Bytes()),
			Salt: b64(salt), Info: s.info, AdditionalData: s.aad, Key: b64(key),
		}
		count := map[string]uint64{}
		for _, m := range []struct{ direction, message string }{
			{"s2c", `{"event":"tick"}`},
			{"s2c", `{"event":"text","data":"día ☀ 😀 \u0000"}`},
			{"c2s", `{"event":"join","data":{"rooms":["lobby"]}}`},
			{"s2c", `{"event":"error","data":{"message":"Invalid message format"}}`},
			{"c2s", `{"event":"heartbeat"}`},
			{"c2s", `{"event":"raw","data":{"n":1e400,"n":"\ud800"}}`},
		} {
			n := count[m.direction]
			count[m.direction]++
			session.Messages = append(session.Messages, messageVector{
				m.direction, m.message, sealed(key, iv(m.direction, n), []byte(m.message), s.aad),
			})
		}
		v.Sessions = append(v.Sessions, session)
	}
	v.Refused = makeRefused(t, v.Sessions[0])
	return v
}

// makeRefused are data of messages that a receiver refuses in the place of the
// first message of the session.
func makeRefused(t *testing.T, s sessionVector) (all []refusedVector) {
	t.Helper()
	key := decode(t, s.Key)
	plain := []byte(`{"event":"x"}`)
	for _, d := range []string{"s2c", "c2s"} {
		other := map[string]string{"s2c": "c2s", "c2s": "s2c"}[d]
		first := iv(d, 0)
		ct := gcm(key).Seal(nil, first, plain, nil)
		with := func(iv []byte) []byte { return gcm(key).Seal(nil, iv, plain, nil) }
		flipped := func(bit int) []byte {
			p := bytes.Clone(ct)
			p[bit/8] ^= 1 << (bit % 8)
			return p
		}
		one := sealedData(first, ct)
		for _, r := range []struct {
			name, data string
			counted    bool
		}{
			{"the next but one", sealedData(iv(d, 1), with(iv(d, 1))), true},
			{"the last of all", sealedData(iv(d, 1<<64-1), with(iv(d, 1<<64-1))), true},
			{"a random nonce", sealedData(fixed("iv")[:12], with(fixed("iv")[:12])), true},
			{"the other direction", sealedData(iv(other, 0), with(iv(other, 0))), false},
			{"first bit flipped", sealedData(first, flipped(0)), false},
			{"last bit flipped", sealedData(first, flipped(len(ct)*8-1)), false},
			{"another nonce than it was sealed with", sealedData(first, with(iv(d, 7))), false},
			{"another key", sealedData(first, gcm(fixed("another key")).Seal(nil, first, plain, nil)), false},
			{"additional data that is not configured", sealedData(first, gcm(key).Seal(nil, first, plain, []byte("x"))), false},
			{"one byte less of the tag", sealedData(first, ct[:len(ct)-1]), false},
			{"half of the tag", sealedData(first, ct[:len(ct)-8]), false},
			{"no tag", sealedData(first, ct[:len(ct)-16]), false},
			{"nothing", sealedData(first, nil), false},
			{"a byte more", sealedData(first, append(bytes.Clone(ct), 0)), false},
			{"a nonce of 11 bytes", sealedData(first[:11], ct), false},
			{"a nonce of 13 bytes", sealedData(append(bytes.Clone(first), 0), ct), false},
			{"no nonce", sealedData(nil, ct), false},
			{"without padding", strings.ReplaceAll(one, "=", ""), false},
			{"a stray bit in the padding", fmt.Sprintf(`{"iv":%q,"ct":%q}`, b64(first), strayBit(b64(ct))), false},
			{"a line break in base64", strings.Replace(one, `"ct":"`, `"ct":"\n`, 1), false},
			{"a blank in base64", strings.Replace(one, `"ct":"`, `"ct":" `, 1), false},
			{"iv missing", fmt.Sprintf(`{"ct":%q}`, b64(ct)), false},
			{"ct missing", fmt.Sprintf(`{"iv":%q}`, b64(first)), false},
			{"no strings", `{"iv":1,"ct":2}`, false},
			{"an array", fmt.Sprintf(`[%q,%q]`, b64(first), b64(ct)), false},
			{"a string", fmt.Sprintf("%q", b64(ct)), false},
			{"null", "null", false},
		} {
			all = append(all, refusedVector{d + ": " + r.name, d, r.data, r.counted})
		}
	}
	return all
}

func decode(t *testing.T, text string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// encode writes one vector a line.
func (v *vectors) encode(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	list := func(name string, n int, at func(i int) any, last bool) {
		fmt.Fprintf(&b, "  %q: [\n", name)
		for i := range n {
			var line bytes.Buffer
			enc := json.NewEncoder(&line)
			enc.SetEscapeHTML(false)
			if err := enc.Encode(at(i)); err != nil {
				t.Fatal(err)
			}
			comma := ","
			if i == n-1 {
				comma = ""
			}
			fmt.Fprintf(&b, "    %s%s\n", bytes.TrimSpace(line.Bytes()), comma)
		}
		b.WriteString(map[bool]string{true: "  ]\n", false: "  ],\n"}[last])
	}
	b.WriteString("{\n")
	list("publicKeys", len(v.PublicKeys), func(i int) any { return v.PublicKeys[i] }, false)
	list("sessions", len(v.Sessions), func(i int) any { return v.Sessions[i] }, false)
	list("refused", len(v.Refused), func(i int) any { return v.Refused[i] }, true)
	b.WriteString("}\n")
	return b.Bytes()
}

// loadVectors also checks that they are what they are said to be made of.
func loadVectors(t *testing.T) vectors {
	t.Helper()
	made := makeVectors(t)
	if *update {
		if err := os.WriteFile(vectorsFile, made.encode(t), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, made.encode(t)) {
		t.Error("encryption.json is not what this test makes; see go test ./seal -update")
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVectorsOfPublicKeys(t *testing.T) {
	for _, k := range loadVectors(t).PublicKeys {
		key, err := seal.DecodePublicKey(k.Text)
		if (err == nil) != k.Valid {
			t.Errorf("%s: %v", k.Name, err)
		}
		if err == nil && seal.EncodePublicKey(key) != k.Text {
			t.Errorf("%s: is written %s", k.Name, seal.EncodePublicKey(key))
		}
	}
}

// ends are both ends of a session.
func (s *sessionVector) ends(t *testing.T, counted bool) (*seal.ClientSession, hearth.EncryptionSession) {
	t.Helper()
	client, server := s.Client.private(t), s.Server.private(t)
	answer := map[string]any{"serverPublicKey": s.ServerKey, "salt": s.Salt}
	if counted {
		answer["seal"] = map[string]any{"v": 1, "inbound": true}
	}
	connected, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	near, err := seal.OfferWith(client, seal.ClientOptions{Info: s.Info, AdditionalData: s.AdditionalData}).Accept(connected)
	if err != nil {
		t.Fatal(err)
	}
	far, err := seal.ServerSession(server, client.PublicKey(), decode(t, s.Salt), s.Info, s.AdditionalData, counted)
	if err != nil {
		t.Fatal(err)
	}
	return near, far
}

func (k *jwk) private(t *testing.T) *ecdh.PrivateKey {
	t.Helper()
	text, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.ParseKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	return keys[0]
}

func TestVectorsOfSessions(t *testing.T) {
	for _, s := range loadVectors(t).Sessions {
		t.Run(s.Name, func(t *testing.T) {
			key, err := seal.DeriveKey(s.Client.private(t), s.Server.private(t).PublicKey(), decode(t, s.Salt), s.Info)
			if err != nil || b64(key) != s.Key {
				t.Errorf("the client's key is %s, %v", b64(key), err)
			}
			client, server := s.ends(t, true)
			for i, m := range s.Messages {
				var text, opened []byte
				var err error
				if m.Direction == "s2c" {
					text = server.AppendSealed(nil, []byte(m.Message))
					opened, err = client.Open([]byte(m.Sealed))
				} else {
					text = client.Seal([]byte(m.Message))
					opened, err = server.Open(nil, dataOf(t, m.Sealed))
				}
				if string(text) != m.Sealed {
					t.Errorf("message %d is sealed as %s, want %s", i, text, m.Sealed)
				}
				if err != nil || string(opened) != m.Message {
					t.Errorf("message %d is opened as %s, %v", i, opened, err)
				}
			}
		})
	}
}

func dataOf(t *testing.T, message string) json.RawMessage {
	t.Helper()
	var m struct{ Data json.RawMessage }
	if err := json.Unmarshal([]byte(message), &m); err != nil {
		t.Fatal(err)
	}
	return m.Data
}

func TestVectorsOfRefusedMessages(t *testing.T) {
	v := loadVectors(t)
	first := map[string]string{} // by direction
	for _, m := range v.Sessions[0].Messages {
		if first[m.Direction] == "" {
			first[m.Direction] = m.Sealed
		}
	}
	for _, r := range v.Refused {
		for _, counted := range []bool{true, false} {
			client, server := v.Sessions[0].ends(t, counted)
			open := func(data string) error {
				var err error
				if r.Direction == "s2c" {
					_, err = client.Open([]byte(`{"event":"encrypted","data":` + data + `}`))
				} else {
					_, err = server.Open(nil, json.RawMessage(data))
				}
				return err
			}
			err := open(r.Data)
			if refused := counted || !r.Counted; (err != nil) != refused {
				t.Errorf("%s, counted %t: %v", r.Name, counted, err)
			}
			after := open(string(dataOf(t, first[r.Direction])))
			if (after != nil) != counted {
				t.Errorf("%s, counted %t: the right message after it: %v", r.Name, counted, after)
			}
		}
	}
}
