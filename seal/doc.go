// Package seal is ready-made encryption for Hearth: ECDH on P-256, HKDF-SHA-256
// and AES-256-GCM, as PROTOCOL.md has it in "Encryption". A server uses it by
// one option:
//
//	encryption, err := seal.New(seal.Options{})
//	…
//	server, err := hearth.New(ctx, hearth.Options{Encryption: encryption, …})
//
// It is offered then: clients that send a publicKey are encrypted, and others
// are not, unless [hearth.Options.RequireEncryption] says so. Clients of IGNIS
// with its ECDH class work, and so does the TypeScript client.
//
// Keys belong to one connection. Messages are counted in both directions where
// the client announces that it does so too: what is forged, changed, repeated,
// left out or in another place is refused.
//
// It does not replace TLS. Whoever can change traffic on its way can put in a
// key of their own, unless the client knows the server's beforehand: docs/encryption.md
// says what is protected, and from whom.
//
// The client's half is [NewOffer].
package seal
