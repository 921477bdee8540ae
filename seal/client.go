package seal

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"unicode/utf8"

	"github.com/hearthws/hearth/internal/wire"
)

// ClientOptions say how a client seals, and which servers it takes. The zero
// value takes every server, the original's included.
type ClientOptions struct {
	// ServerKeys are the public keys that the server may have, as
	// [EncodePublicKey] writes them. Without them, whoever sits in the middle
	// of a connection without TLS can put in a key of their own. Default: any
	// key is taken.
	ServerKeys []string

	// Info is the info string of the key derivation. Default: [DefaultInfo].
	Info string

	// AdditionalData is authenticated with every message. Default: none.
	AdditionalData string

	// Strict refuses a server that does not count its messages and open sealed
	// ones. It is implied by ServerKeys, since somebody in the middle could
	// take the offer out. Default: false.
	Strict bool

	// Lenient takes back what ServerKeys implies: a server with the right key
	// may be the original's. Default: false.
	Lenient bool
}

// Errors of the client's half. Texts of those that wrap them say what to do.
var (
	// ErrRefused: the server offers no encryption, or not the one asked for.
	ErrRefused = errors.New("seal: encryption refused")

	// ErrServerKey: the server's key is not among ClientOptions.ServerKeys.
	ErrServerKey = errors.New("seal: the server's key is not the pinned one: it was changed, or somebody is in the middle")

	// ErrBroken: a sealed message was forged, damaged or repeated, or others
	// are missing. The connection is of no use after it.
	ErrBroken = errors.New("seal: message refused")
)

// Offer is the client's side of a handshake, for one connection.
type Offer struct {
	opts ClientOptions
	key  *ecdh.PrivateKey
}

// Credentials are the members that a client adds to those that it sends with
// `authenticate`.
type Credentials struct {
	PublicKey  string   `json:"publicKey"`
	Seal       int      `json:"seal"`
	ServerKeys []string `json:"serverKeys,omitempty"`
}

// NewOffer makes a key pair for one connection. The error says which option
// cannot be used.
func NewOffer(o ClientOptions) (*Offer, error) {
	if o.Strict && o.Lenient {
		return nil, errors.New("seal: options Strict and Lenient contradict each other")
	}
	for _, k := range o.ServerKeys {
		if _, err := DecodePublicKey(k); err != nil {
			return nil, fmt.Errorf("seal: option ServerKeys has %q: %w", k, err)
		}
	}
	if o.Info == "" {
		o.Info = DefaultInfo
	}
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return &Offer{o, key}, nil
}

// Credentials are what the server has to be sent.
func (o *Offer) Credentials() Credentials {
	return Credentials{PublicKey: EncodePublicKey(o.key.PublicKey()), Seal: 1, ServerKeys: o.opts.ServerKeys}
}

// Accept agrees on keys with the server whose `connected` has this data.
// Everything that follows is sealed. Errors are [ErrRefused] and [ErrServerKey].
func (o *Offer) Accept(connected json.RawMessage) (*ClientSession, error) {
	keyText, ok := wire.Member(connected, "serverPublicKey")
	if !ok {
		return nil, fmt.Errorf("%w: the server offers none", ErrRefused)
	}
	saltText, _ := wire.Member(connected, "salt")
	key, salt, err := answerParts(keyText, saltText)
	if err != nil {
		return nil, fmt.Errorf("%w: the server's key or salt is not of this scheme: %w", ErrRefused, err)
	}
	if pinned := o.opts.ServerKeys; len(pinned) > 0 && !slices.Contains(pinned, EncodePublicKey(key)) {
		return nil, ErrServerKey
	}
	strict := o.opts.Strict || len(o.opts.ServerKeys) > 0 && !o.opts.Lenient
	scheme, counted := wire.Member(connected, "seal")
	counted = counted && string(scheme) != "null"
	inbound := is(scheme, "inbound", true)
	if counted && !is(scheme, "v", 1.0) || strict && !inbound {
		return nil, fmt.Errorf("%w: the server does not count its messages, or opens no sealed ones", ErrRefused)
	}
	aead, err := derive(o.key, key, salt, o.opts.Info)
	if err != nil {
		return nil, err
	}
	return &ClientSession{newSession(aead, o.opts.AdditionalData, toServer, counted), inbound}, nil
}

// is reports whether the object obj has that member with that value.
func is(obj json.RawMessage, name string, want any) bool {
	text, _ := wire.Member(obj, name)
	var value any
	return json.Unmarshal(text, &value) == nil && value == want
}

func answerParts(keyText, saltText json.RawMessage) (*ecdh.PublicKey, []byte, error) {
	var k, s string
	if json.Unmarshal(keyText, &k) != nil || json.Unmarshal(saltText, &s) != nil {
		return nil, nil, errors.New("they are no texts")
	}
	key, err := DecodePublicKey(k)
	if err != nil {
		return nil, nil, err
	}
	salt, err := appendDecoded(nil, []byte(s))
	if err == nil && len(salt) != saltBytes {
		err = fmt.Errorf("a salt of %d bytes", len(salt))
	}
	return key, salt, err
}

// ClientSession seals and opens the messages of one connection. Calls must
// follow the order of the messages; sealing and opening may go on at the same
// time.
type ClientSession struct {
	s       *session
	inbound bool
}

// Inbound reports whether the server opens sealed messages. Otherwise the
// client sends plain ones.
func (s *ClientSession) Inbound() bool { return s.inbound }

// Seal returns the sealed message to send instead of message, {event, data} in
// JSON.
func (s *ClientSession) Seal(message []byte) []byte { return s.s.AppendSealed(nil, message) }

// Open returns the message inside of a sealed one. The error is [ErrBroken].
func (s *ClientSession) Open(message []byte) ([]byte, error) {
	m, err := wire.DecodeMessage(message)
	if err != nil || string(m.Event) != "encrypted" {
		s.s.in.fail()
		return nil, fmt.Errorf("%w: it is not a sealed one", ErrBroken)
	}
	plain, err := s.s.Open(nil, m.Data)
	if err == nil && !utf8.Valid(plain) {
		err = errForged
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return plain, nil
}

// Format keeps the key out of every text.
func (o *Offer) Format(f fmt.State, _ rune) { fmt.Fprint(f, "seal.Offer") }

// LogValue keeps the key out of logs.
func (o *Offer) LogValue() slog.Value { return slog.StringValue("seal.Offer") }

// Format keeps keys out of every text.
func (s *ClientSession) Format(f fmt.State, _ rune) { fmt.Fprint(f, "seal.ClientSession") }

// LogValue keeps keys out of logs.
func (s *ClientSession) LogValue() slog.Value { return slog.StringValue("seal.ClientSession") }
