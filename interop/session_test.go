//go:build unix

package interop

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/hearthws/hearth"
)

// hkdfInfo is the default of the original's ECDH class.
const hkdfInfo = "ignis-ecdh-p256-aes-256-gcm-v1"

// sealedData is the data of an `encrypted` message.
type sealedData struct {
	IV string `json:"iv"`
	CT string `json:"ct"`
}

// newSession agrees on a key as the original's ECDH class does: P-256, then
// HKDF-SHA-256, for AES-256-GCM.
func newSession(own *ecdh.PrivateKey, peer string, salt []byte) (cipher.AEAD, error) {
	raw, err := base64.StdEncoding.DecodeString(peer)
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	public, err := ecdh.P256().NewPublicKey(raw)
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	shared, err := own.ECDH(public)
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, shared, salt, hkdfInfo, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal encrypts a message of the protocol.
func seal(aead cipher.AEAD, event string, data json.RawMessage) (sealedData, error) {
	plain, err := json.Marshal(struct {
		Event string          `json:"event"`
		Data  json.RawMessage `json:"data,omitempty"`
	}{event, data})
	if err != nil {
		return sealedData{}, err
	}
	iv := make([]byte, aead.NonceSize())
	rand.Read(iv)
	b64 := base64.StdEncoding.EncodeToString
	return sealedData{IV: b64(iv), CT: b64(aead.Seal(nil, iv, plain, nil))}, nil
}

// open decrypts what seal has encrypted.
func open(aead cipher.AEAD, sealed sealedData) ([]byte, error) {
	iv, err := base64.StdEncoding.DecodeString(sealed.IV)
	if err != nil {
		return nil, err
	}
	ct, err := base64.StdEncoding.DecodeString(sealed.CT)
	if err != nil {
		return nil, err
	}
	return aead.Open(nil, iv, ct, nil)
}

// sessions is the Handshake and Transform hooks for clients that were written
// for the original's ECDH class.
type sessions struct {
	key  *ecdh.PrivateKey
	byID sync.Map // of client, to cipher.AEAD
}

func newSessions() (*sessions, error) {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	return &sessions{key: key}, err
}

func (s *sessions) handshake(_ context.Context, c *hearth.Client, data json.RawMessage) (hearth.HandshakeResult, error) {
	var d struct{ PublicKey string }
	if err := json.Unmarshal(data, &d); err != nil {
		return hearth.HandshakeResult{}, err
	}
	if d.PublicKey == "" {
		return hearth.HandshakeResult{}, hearth.ErrRejected
	}
	salt := make([]byte, 32)
	rand.Read(salt)
	aead, err := newSession(s.key, d.PublicKey, salt)
	if err != nil {
		return hearth.HandshakeResult{}, err
	}
	s.byID.Store(c.ID(), aead)
	return hearth.HandshakeResult{
		ServerPublicKey: base64.StdEncoding.EncodeToString(s.key.PublicKey().Bytes()),
		Salt:            base64.StdEncoding.EncodeToString(salt),
	}, nil
}

func (s *sessions) transform(_ context.Context, c *hearth.Client, m hearth.Outgoing) (*hearth.Outgoing, error) {
	aead, ok := s.byID.Load(c.ID())
	if !ok {
		return nil, fmt.Errorf("client %s has no session", c.ID())
	}
	sealed, err := seal(aead.(cipher.AEAD), m.Event, m.Data)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(sealed)
	return &hearth.Outgoing{Event: hearth.EventEncrypted, Data: data}, err
}

// forget is for OnDisconnect.
func (s *sessions) forget(_ context.Context, c *hearth.Client, _ hearth.Cause) error {
	s.byID.Delete(c.ID())
	return nil
}
