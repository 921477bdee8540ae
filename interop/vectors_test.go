//go:build unix

package interop

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	hseal "github.com/hearthws/hearth/seal"
)

// What the original's class takes of what is refused here, and why it does.
const (
	strayBits    = "its base64 may have bits set that stand for nothing, which does no harm beyond there being two texts for one message"
	noDirections = "both directions have one key, and nothing says whose a message is: who sits between can send it back"
)

var (
	laxKeys = map[string]string{
		"with a stray bit": strayBits,
		"compressed":       "Bun imports it, and it is a point on the curve",
	}
	laxMessages = map[string]string{
		"c2s: a stray bit in the padding": strayBits,
		"s2c: a stray bit in the padding": strayBits,
		"c2s: the other direction":        noDirections,
		"s2c: the other direction":        noDirections,
	}
)

// encryptionVectors is what is needed here of protocol/vectors/encryption.json.
type encryptionVectors struct {
	PublicKeys []struct {
		Name  string
		Valid bool
	}
	Sessions []vectorSession
	Refused  []struct {
		Name        string
		OnlyCounted bool
	}
}

type vectorSession struct {
	Name, ClientKey, ServerKey, Salt, Info, AdditionalData string
	Server                                                 json.RawMessage
	Messages                                               []struct{ Direction, Message string }
}

// live is what package seal brings to a session with the original's class.
type live struct {
	Salt      string   `json:"salt"`      // of the server's
	Sealed    []string `json:"sealed"`    // by the server's
	PublicKey string   `json:"publicKey"` // of the client's

	open map[string]func(data json.RawMessage) (string, error) // by direction
}

// begin starts a server's end with the session's key, and a client's end with a
// new one.
func (s *vectorSession) begin(t *testing.T) *live {
	t.Helper()
	keys, err := hseal.ParseKeys(s.Server)
	if err != nil {
		t.Fatal(err)
	}
	encryption, err := hseal.New(hseal.Options{Keys: keys, Info: s.Info, AdditionalData: s.AdditionalData})
	if err != nil {
		t.Fatal(err)
	}
	marshal := func(v any) json.RawMessage {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	result, server, err := encryption.Handshake(t.Context(), nil, marshal(map[string]string{"publicKey": s.ClientKey}))
	if err != nil {
		t.Fatal(err)
	}
	offer, err := hseal.NewOffer(hseal.ClientOptions{Info: s.Info, AdditionalData: s.AdditionalData})
	if err != nil {
		t.Fatal(err)
	}
	client, err := offer.Accept(marshal(map[string]string{"serverPublicKey": s.ServerKey, "salt": s.Salt}))
	if err != nil {
		t.Fatal(err)
	}
	l := &live{Salt: result.Salt, PublicKey: offer.Credentials().PublicKey}
	for _, m := range s.Messages {
		l.Sealed = append(l.Sealed, string(server.AppendSealed(nil, []byte(m.Message))))
	}
	l.open = map[string]func(json.RawMessage) (string, error){
		"c2s": func(data json.RawMessage) (string, error) {
			text, err := server.Open(nil, data)
			return string(text), err
		},
		"s2c": func(data json.RawMessage) (string, error) {
			text, err := client.Open(marshal(map[string]any{"event": "encrypted", "data": data}))
			return string(text), err
		},
	}
	return l
}

// TestVectorsOnTheOriginal has the original's ECDH class replay the vectors of
// encryption that ours replay, and talk to both ends of package seal with the
// keys of the vectors.
func TestVectorsOnTheOriginal(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../protocol/vectors/encryption.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors encryptionVectors
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors.Sessions) == 0 || len(vectors.Refused) == 0 || len(vectors.PublicKeys) == 0 {
		t.Fatalf("the vectors are not there: %s", text)
	}
	all := make([]*live, len(vectors.Sessions))
	for i := range vectors.Sessions {
		all[i] = vectors.Sessions[i].begin(t)
	}
	in, err := json.Marshal(map[string]any{"vectors": json.RawMessage(text), "live": all})
	if err != nil {
		t.Fatal(err)
	}
	cmd := bun(t, "vectors.ts")
	cmd.Stdin = bytes.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s%s", err, out, stderr.Bytes())
	}
	var got struct {
		Sessions []struct {
			Messages []struct {
				Opened   [3]string
				Resealed string
				ToGo     json.RawMessage
			}
			FromGo []string
		}
		Refused map[string]*string
		Keys    map[string]bool
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}

	for i, s := range vectors.Sessions {
		if len(s.Messages) == 0 {
			t.Errorf("%s: no messages", s.Name)
		}
		for n, m := range s.Messages {
			seen := got.Sessions[i].Messages[n]
			opened, err := all[i].open[m.Direction](seen.ToGo)
			if err != nil {
				t.Errorf("%s, message %d: package seal does not open what the class has sealed: %v", s.Name, n, err)
			}
			for by, text := range map[string]string{
				"the class as client":                                     seen.Opened[0],
				"the class as server":                                     seen.Opened[1],
				"the class, which had it before":                          seen.Opened[2],
				"the class, sealed by the class":                          seen.Resealed,
				"the class, sealed by package seal":                       got.Sessions[i].FromGo[n],
				"package seal, sealed by the class (" + m.Direction + ")": opened,
			} {
				if text != m.Message {
					t.Errorf("%s, message %d: is opened as %q by %s", s.Name, n, text, by)
				}
			}
		}
	}

	lax := map[string]string{}
	for _, r := range vectors.Refused {
		opened := got.Refused[r.Name]
		switch {
		case opened != nil && *opened != `{"event":"x"}`:
			t.Errorf("%s: is opened as %s", r.Name, *opened)
		case opened != nil && !r.OnlyCounted:
			lax[r.Name] = laxMessages[r.Name]
		case opened == nil && r.OnlyCounted:
			t.Errorf("%s: the class, which does not count, refuses it", r.Name)
		}
	}
	if diff := cmp.Diff(laxMessages, lax); diff != "" {
		t.Errorf("messages that only the class takes (-want +got):\n%s", diff)
	}
	lax = map[string]string{}
	for _, k := range vectors.PublicKeys {
		if k.Valid && !got.Keys[k.Name] {
			t.Errorf("%s: the class does not take it", k.Name)
		} else if !k.Valid && got.Keys[k.Name] {
			lax[k.Name] = laxKeys[k.Name]
		}
	}
	if diff := cmp.Diff(laxKeys, lax); diff != "" {
		t.Errorf("public keys that only the class takes (-want +got):\n%s", diff)
	}
}
