package seal

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
)

// EncodePublicKey is the form in which the wire, and clients that pin it, have
// a key: the raw uncompressed point, 65 bytes, in standard base64 with padding.
func EncodePublicKey(key *ecdh.PublicKey) string {
	return base64.StdEncoding.EncodeToString(key.Bytes())
}

// DecodePublicKey reads what [EncodePublicKey] has written. The error says
// that it is not base64, or not a point on the curve.
func DecodePublicKey(text string) (*ecdh.PublicKey, error) {
	raw, err := appendDecoded(nil, []byte(text))
	if err != nil {
		return nil, fmt.Errorf("seal: public key: %w", err)
	}
	key, err := ecdh.P256().NewPublicKey(raw)
	if err != nil {
		return nil, fmt.Errorf("seal: public key of %d bytes is no uncompressed point on P-256", len(raw))
	}
	return key, nil
}

// ParseKeys reads private keys on P-256 in the order in which they stand: PEM
// with any number of blocks (PKCS #8 as "PRIVATE KEY", SEC 1 as "EC PRIVATE
// KEY"), one JSON Web Key, or a set of them (RFC 7517). Errors say what is
// wrong with which key, and never show it.
func ParseKeys(data []byte) ([]*ecdh.PrivateKey, error) {
	parse := parsePEM
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		parse = parseJWKs
	}
	keys, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("seal: key %d: %w", len(keys)+1, err)
	}
	if len(keys) == 0 {
		return nil, errors.New("seal: neither PEM nor a JSON Web Key is there")
	}
	return keys, nil
}

// parsePEM returns the keys before the first that is wrong.
func parsePEM(data []byte) ([]*ecdh.PrivateKey, error) {
	var keys []*ecdh.PrivateKey
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			return keys, nil
		}
		data = rest
		if block.Type == "EC PARAMETERS" { // openssl ecparam writes it first
			continue
		}
		key, err := parseDER(block)
		clear(block.Bytes)
		if err != nil {
			return keys, err
		}
		keys = append(keys, key)
	}
}

var errCurve = errors.New("it is not on P-256")

func parseDER(block *pem.Block) (*ecdh.PrivateKey, error) {
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("it is a %s, and not a PRIVATE KEY or EC PRIVATE KEY", block.Type)
	}
	if err != nil {
		return nil, err
	}
	if ec, is := key.(*ecdsa.PrivateKey); is {
		if key, err = ec.ECDH(); err != nil {
			return nil, errCurve
		}
	}
	if k, is := key.(*ecdh.PrivateKey); is && k.Curve() == ecdh.P256() {
		return k, nil
	}
	return nil, errCurve
}

// jwk is a JSON Web Key (RFC 7518 section 6.2), or a set of them.
type jwk struct {
	Kty, Crv, X, Y, D string
	Keys              []jwk
}

// parseJWKs returns the keys before the first that is wrong.
func parseJWKs(data []byte) ([]*ecdh.PrivateKey, error) {
	var set jwk
	if json.Unmarshal(data, &set) != nil {
		return nil, errors.New("it is no JSON Web Key")
	}
	if set.Keys == nil {
		set.Keys = []jwk{set}
	}
	var keys []*ecdh.PrivateKey
	for _, k := range set.Keys {
		key, err := k.private()
		if err != nil {
			return keys, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func (k *jwk) private() (*ecdh.PrivateKey, error) {
	if k.Kty != "EC" || k.Crv != "P-256" {
		return nil, errCurve
	}
	d, err := base64.RawURLEncoding.DecodeString(k.D)
	if err != nil || len(d) == 0 {
		return nil, errors.New("it has no private part (d)")
	}
	defer clear(d)
	key, err := ecdh.P256().NewPrivateKey(d)
	if err != nil {
		return nil, errors.New("its private part (d) is no key")
	}
	point := key.PublicKey().Bytes()
	if k.X != base64.RawURLEncoding.EncodeToString(point[1:33]) || k.Y != base64.RawURLEncoding.EncodeToString(point[33:]) {
		return nil, errors.New("its public part (x, y) belongs to another key")
	}
	return key, nil
}
