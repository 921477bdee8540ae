package hub

import (
	"crypto/rand"
	"encoding/hex"
)

// ID is a UUID (RFC 9562).
type ID [16]byte

// NewID makes an ID of version 8: 122 random bits under a version that nobody
// else gives to connections, so that a client's id is recognisable wherever a
// name is expected.
func NewID() (id ID) {
	rand.Read(id[:]) // never fails
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}

// String is the canonical form, 36 characters.
func (id ID) String() string {
	var b [36]byte
	hex.Encode(b[0:8], id[0:4])
	hex.Encode(b[9:13], id[4:6])
	hex.Encode(b[14:18], id[6:8])
	hex.Encode(b[19:23], id[8:10])
	hex.Encode(b[24:36], id[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// ParseID reads the canonical form, in lower case.
func ParseID(s string) (id ID, ok bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return id, false
	}
	at := 0
	for i := 0; i < len(id); i++ {
		if s[at] == '-' {
			at++
		}
		hi, ok1 := fromHex(s[at])
		lo, ok2 := fromHex(s[at+1])
		if !ok1 || !ok2 {
			return ID{}, false
		}
		id[i] = hi<<4 | lo
		at += 2
	}
	return id, true
}

func fromHex(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}

// IsClientID reports whether s looks like an id that NewID makes.
func IsClientID(s string) bool {
	id, ok := ParseID(s)
	return ok && id[6]>>4 == 8 && id[8]>>6 == 2
}
