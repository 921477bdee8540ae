package seal

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/internal/wire"
)

// Encryption is a server's half, for [hearth.Options.Encryption]. It may be
// shared by servers, and used concurrently.
type Encryption struct {
	info, aad string
	keys      atomic.Pointer[[]serverKey]
}

// serverKey is a key with the text that clients know it by.
type serverKey struct {
	private *ecdh.PrivateKey
	public  string
}

var _ hearth.Encryption = (*Encryption)(nil)

// New returns an Encryption. The error says which option cannot be used.
func New(o Options) (*Encryption, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	e := &Encryption{info: o.Info, aad: o.AdditionalData}
	return e, e.Rotate(o.Keys...)
}

// Rotate replaces [Options.Keys] for the handshakes that follow. Connections
// that exist keep the keys that they have agreed on.
func (e *Encryption) Rotate(keys ...*ecdh.PrivateKey) error {
	if err := checkKeys(keys); err != nil {
		return err
	}
	all := make([]serverKey, 0, len(keys))
	for _, k := range keys {
		all = append(all, serverKey{k, EncodePublicKey(k.PublicKey())})
	}
	e.keys.Store(&all)
	return nil
}

// PublicKeys are those of the server's keys, for clients to pin: raw
// uncompressed points in standard base64.
func (e *Encryption) PublicKeys() []string {
	var all []string
	for _, k := range *e.keys.Load() {
		all = append(all, k.public)
	}
	return all
}

// offer is what a client sends with its credentials.
type offer struct {
	publicKey *ecdh.PublicKey
	counts    bool     // it announces the scheme with counted messages
	known     []string // server keys that it would take
}

func readOffer(credentials []byte) (offer, error) {
	var o offer
	var text string
	value, _ := wire.Member(credentials, "publicKey")
	if json.Unmarshal(value, &text) != nil || text == "" {
		return o, errors.New("the client sends no public key")
	}
	var err error
	if o.publicKey, err = DecodePublicKey(text); err != nil {
		return o, err
	}
	var version float64
	if value, ok := wire.Member(credentials, "seal"); ok {
		o.counts = json.Unmarshal(value, &version) == nil && version == 1
	}
	if value, ok := wire.Member(credentials, "serverKeys"); ok && json.Unmarshal(value, &o.known) != nil {
		o.known = nil
	}
	return o, nil
}

// Handshake is part of [hearth.Encryption]. A client without a publicKey, or
// with one that is not a point on the curve, is refused.
func (e *Encryption) Handshake(_ context.Context, _ *hearth.Client, credentials json.RawMessage) (hearth.HandshakeResult, hearth.EncryptionSession, error) {
	o, err := readOffer(credentials)
	if err != nil {
		return hearth.HandshakeResult{}, nil, fmt.Errorf("%w: %w", hearth.ErrRejected, err)
	}
	key := e.keyFor(o.known)
	salt := make([]byte, saltBytes)
	rand.Read(salt)
	aead, err := derive(key.private, o.publicKey, salt, e.info)
	if err != nil {
		return hearth.HandshakeResult{}, nil, err
	}
	return hearth.HandshakeResult{
		ServerPublicKey: key.public,
		Salt:            base64.StdEncoding.EncodeToString(salt),
		Counted:         o.counts,
	}, newSession(aead, e.aad, toClient, o.counts), nil
}

// keyFor is the first key that the client knows, or the first of all.
func (e *Encryption) keyFor(known []string) serverKey {
	keys := *e.keys.Load()
	for _, k := range keys {
		if slices.Contains(known, k.public) {
			return k
		}
	}
	return keys[0]
}

// Format shows the public keys, whatever the verb.
func (e *Encryption) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "seal.Encryption(%s)", strings.Join(e.PublicKeys(), ", "))
}

// LogValue shows the public keys.
func (e *Encryption) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(e)) }
