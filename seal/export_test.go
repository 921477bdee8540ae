package seal

import (
	"crypto/cipher"
	"crypto/ecdh"

	"github.com/hearthws/hearth"
)

var DeriveKey = deriveKey

// ServerSession is a server's end with known keys.
func ServerSession(own *ecdh.PrivateKey, peer *ecdh.PublicKey, salt []byte, info, aad string, counted bool) (hearth.EncryptionSession, error) {
	aead, err := derive(own, peer, salt, info)
	return newSession(aead, aad, toClient, counted), err
}

// ServerSessionWith is a server's end that counts, with a cipher of the test's.
func ServerSessionWith(aead cipher.AEAD) hearth.EncryptionSession {
	return newSession(aead, "", toClient, true)
}

// OfferWith is an offer with a known key.
func OfferWith(key *ecdh.PrivateKey, o ClientOptions) *Offer {
	if o.Info == "" {
		o.Info = DefaultInfo
	}
	return &Offer{o, key}
}

// Exhaust leaves s one more message to seal.
func Exhaust(s *ClientSession) { s.s.out.count = 1<<64 - 2 }

// Window is how many IVs of a peer that does not count are remembered.
const Window = window
