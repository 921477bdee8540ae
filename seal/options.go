package seal

import (
	"crypto/ecdh"
	"crypto/rand"
	"fmt"
	"log/slog"
)

// DefaultInfo is the info string of the key derivation, that of the original's
// class.
const DefaultInfo = "ignis-ecdh-p256-aes-256-gcm-v1"

// Options of [New].
type Options struct {
	// Keys are the server's private keys on P-256: one, or several while they
	// are being replaced. A client that tells which keys it knows (as those do
	// that have one pinned) gets the first of Keys that is among them; all
	// others get the first. Default: a new key, known to nobody beforehand.
	Keys []*ecdh.PrivateKey

	// Info is the info string of the key derivation; clients must use the same
	// one. Default: [DefaultInfo].
	Info string

	// AdditionalData is authenticated with every message, and sent with none;
	// clients must be configured with the same. Default: none.
	AdditionalData string
}

// Format keeps keys out of every text: fmt follows pointers to them where a
// verb does not fit.
func (o Options) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "seal.Options{%d keys, Info: %q, AdditionalData: %q}", len(o.Keys), o.Info, o.AdditionalData)
}

// LogValue keeps keys out of logs.
func (o Options) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(o)) }

// withDefaults is a copy of o in which every field has its value.
func (o Options) withDefaults() (Options, error) {
	if o.Info == "" {
		o.Info = DefaultInfo
	}
	if len(o.Keys) == 0 {
		key, err := ecdh.P256().GenerateKey(rand.Reader)
		if err != nil {
			return o, fmt.Errorf("seal: %w", err)
		}
		o.Keys = []*ecdh.PrivateKey{key}
	}
	return o, checkKeys(o.Keys)
}

func checkKeys(keys []*ecdh.PrivateKey) error {
	if len(keys) == 0 {
		return fmt.Errorf("seal: a server needs a key")
	}
	for i, k := range keys {
		if k == nil || k.Curve() != ecdh.P256() {
			return fmt.Errorf("seal: option Keys: number %d is not a key on P-256", i)
		}
	}
	return nil
}
