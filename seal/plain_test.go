//go:build !race

// The race detector would take a minute for this.

package seal_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/hearthws/hearth/seal"
)

// recorder is a cipher that checks the nonces it is given instead of encrypting.
type recorder struct {
	last  [12]byte
	calls int
	wrong int
}

func (*recorder) NonceSize() int { return 12 }
func (*recorder) Overhead() int  { return 16 }

// Seal counts nonces that are not larger than all before them: among growing
// ones none occurs twice.
func (r *recorder) Seal(dst, nonce, _, _ []byte) []byte {
	if r.calls > 0 && bytes.Compare(nonce, r.last[:]) <= 0 || len(nonce) != 12 || string(nonce[:4]) != "s2c\x00" {
		r.wrong++
	}
	copy(r.last[:], nonce)
	r.calls++
	return dst
}

func (*recorder) Open([]byte, []byte, []byte, []byte) ([]byte, error) { panic("not used") }

// No nonce occurs twice in 10 million messages, on the way that real ones take
// to the cipher.
func TestNoncesNeverRepeat(t *testing.T) {
	const messages = 10_000_000
	r := &recorder{}
	s := seal.ServerSessionWith(r)
	buf := make([]byte, 0, 1024)
	for range messages {
		buf = s.AppendSealed(buf[:0], nil)
	}
	if r.calls != messages || r.wrong != 0 {
		t.Errorf("of %d messages %d were sealed, %d with a nonce that is not new", messages, r.calls, r.wrong)
	}
	if got := binary.BigEndian.Uint64(r.last[4:]); got != messages-1 {
		t.Errorf("the last nonce has number %d", got)
	}
}

// The recorder would notice.
func TestRecorderNotices(t *testing.T) {
	r := &recorder{}
	for _, nonce := range []string{"s2c\x00\x00\x00\x00\x00\x00\x00\x00\x01", "s2c\x00\x00\x00\x00\x00\x00\x00\x00\x01", "s2c\x00\x00\x00\x00\x00\x00\x00\x00\x00", "c2s\x00\x00\x00\x00\x00\x00\x00\x01\x00"} {
		r.Seal(nil, []byte(nonce), nil, nil)
	}
	if r.wrong != 3 {
		t.Errorf("%d of 3 wrong nonces were noticed", r.wrong)
	}
}
