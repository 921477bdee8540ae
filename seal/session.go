package seal

import (
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/hearthws/hearth/internal/wire"
)

// session is one end of an encrypted connection. Sealing and opening may go on
// at the same time, each by one goroutine at a time.
type session struct {
	aead cipher.AEAD
	aad  []byte // nil: none
	out  counter
	in   incoming
}

// newSession is the end whose messages go in direction out.
func newSession(aead cipher.AEAD, aad string, out direction, counted bool) *session {
	s := &session{aead: aead, out: newCounter(out), in: newIncoming(out, counted)}
	if aad != "" {
		s.aad = []byte(aad)
	}
	return s
}

// The text of a sealed message around iv and ct.
const (
	beforeIV = `{"event":"encrypted","data":{"iv":"`
	beforeCT = `","ct":"`
	afterCT  = `"}}`
)

// AppendSealed is part of [hearth.EncryptionSession].
func (s *session) AppendSealed(dst, message []byte) []byte {
	iv := s.out.next()
	if iv == nil {
		return dst
	}
	n := len(message) + tagBytes
	size := len(beforeIV) + base64.StdEncoding.EncodedLen(ivBytes) + len(beforeCT) + base64.StdEncoding.EncodedLen(n) + len(afterCT)
	at := len(dst)
	dst = slices.Grow(dst, size+n)
	// The ciphertext lies behind the message until it has been encoded.
	ct := s.aead.Seal(dst[at+size:at+size], iv, message, s.aad)
	dst = append(dst, beforeIV...)
	dst = base64.StdEncoding.AppendEncode(dst, iv)
	dst = append(dst, beforeCT...)
	dst = base64.StdEncoding.AppendEncode(dst, ct)
	return append(dst, afterCT...)
}

var (
	errForm   = errors.New("it has no iv and ct, or these are not whole")
	errForged = errors.New("it was sealed by somebody else, or changed")
)

// Open is part of [hearth.EncryptionSession].
func (s *session) Open(dst []byte, data json.RawMessage) ([]byte, error) {
	out, err := s.open(dst, data)
	if err != nil {
		s.in.fail()
		return nil, err
	}
	return out, nil
}

func (s *session) open(dst, data []byte) ([]byte, error) {
	ivText, ctText, ok := wire.DecodeSealed(data)
	if !ok {
		return nil, errForm
	}
	iv := s.in.scratch[:0]
	if len(ivText) == base64.StdEncoding.EncodedLen(ivBytes) {
		iv, _ = appendDecoded(iv, ivText)
	}
	if len(iv) != ivBytes {
		return nil, errForm
	}
	if err := s.in.check([ivBytes]byte(iv)); err != nil {
		return nil, err
	}
	at := len(dst)
	out, err := appendDecoded(dst, ctText)
	if err != nil || len(out)-at < tagBytes {
		return nil, errForm
	}
	out, err = s.aead.Open(out[:at], iv, out[at:], s.aad)
	if err != nil {
		return nil, errForged
	}
	s.in.took([ivBytes]byte(iv))
	return out, nil
}

// Format keeps keys out of every text.
func (s *session) Format(f fmt.State, _ rune) { fmt.Fprint(f, "seal.session") }

// LogValue keeps keys out of logs.
func (s *session) LogValue() slog.Value { return slog.StringValue("seal.session") }
