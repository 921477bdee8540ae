package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
)

// Lengths in bytes.
const (
	saltBytes = 32
	keyBytes  = 32
	ivBytes   = 12
	tagBytes  = 16
)

// deriveKey makes the key of a connection.
func deriveKey(own *ecdh.PrivateKey, peer *ecdh.PublicKey, salt []byte, info string) ([]byte, error) {
	shared, err := own.ECDH(peer)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	defer clear(shared)
	key, err := hkdf.Key(sha256.New, shared, salt, info, keyBytes)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return key, nil
}

// derive is deriveKey, and leaves nothing of the key but what it is used by.
func derive(own *ecdh.PrivateKey, peer *ecdh.PublicKey, salt []byte, info string) (cipher.AEAD, error) {
	key, err := deriveKey(own, peer, salt, info)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return cipher.NewGCM(block)
}

var (
	strictBase64 = base64.StdEncoding.Strict()
	errBase64    = errors.New("it is not standard padded base64")
)

// appendDecoded appends what text stands for in standard padded base64, in its
// one canonical form: the decoder alone would skip line breaks.
func appendDecoded(dst, text []byte) ([]byte, error) {
	if bytes.IndexByte(text, '\n') >= 0 || bytes.IndexByte(text, '\r') >= 0 {
		return nil, errBase64
	}
	out, err := strictBase64.AppendDecode(dst, text)
	if err != nil {
		return nil, errBase64
	}
	return out, nil
}
