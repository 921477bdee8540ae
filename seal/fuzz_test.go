package seal_test

import (
	"encoding/json"
	"testing"

	"github.com/hearthws/hearth/seal"
)

// Nothing but the one message that was sealed opens, and nothing panics.
func FuzzOpen(f *testing.F) {
	own, peer := fixedKey("server"), fixedKey("client")
	open := func(counted bool, data []byte) ([]byte, error) {
		s, err := seal.ServerSession(own, peer.PublicKey(), fixed("salt"), seal.DefaultInfo, "", counted)
		if err != nil {
			f.Fatal(err)
		}
		return s.Open(nil, json.RawMessage(data))
	}
	key, err := seal.DeriveKey(own, peer.PublicKey(), fixed("salt"), seal.DefaultInfo)
	if err != nil {
		f.Fatal(err)
	}
	const message = `{"event":"x"}`
	nonce := iv("c2s", 0)
	genuine := sealedData(nonce, gcm(key).Seal(nil, nonce, []byte(message), nil))
	for _, text := range []string{genuine, `{"iv":"","ct":""}`, `{"ct":"AAAA","iv":"YzJzAAAAAAAAAAAA"}`, `{"iv":"\u0041","ct":1}`, "null", "[]"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, counted := range []bool{true, false} {
			if got, err := open(counted, data); err == nil && string(got) != message {
				t.Errorf("%q is opened as %q", data, got)
			}
		}
	})
}
