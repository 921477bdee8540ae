package wire

import (
	"strings"
	"unicode/utf8"
)

// MaxRoomName is the longest name of a room that a client may ask for, in
// UTF-16 code units, as JavaScript counts the length of a string.
const MaxRoomName = 256

// reservedPrefix starts the names that belong to the protocol.
const reservedPrefix = "ws:"

// ValidRoomName reports whether a client may ask for a room of this name: 1 to
// [MaxRoomName] UTF-16 code units, not starting with "ws:" in small letters.
func ValidRoomName(s string) bool {
	return s != "" && !strings.HasPrefix(s, reservedPrefix) && utf16Fits(s, MaxRoomName)
}

// utf16Fits reports whether s has at most limit UTF-16 code units.
func utf16Fits(s string, limit int) bool {
	if len(s) <= limit {
		return true // no code unit takes less than a byte of UTF-8
	}
	for _, r := range s {
		limit--
		if r >= utf8.RuneSelf && r > 0xFFFF {
			limit--
		}
		if limit < 0 {
			return false
		}
	}
	return true
}

// DecodeRooms reads the data of join and leave, {"rooms": string[]}. Entries
// that are not strings are left out; no name is judged. It reports false when
// data is absent or has another shape. UTF-8 was checked with the message.
func DecodeRooms(data []byte) (rooms []string, ok bool) {
	list, ok := Member(data, "rooms")
	if !ok {
		return nil, false
	}
	rooms, _, ok = stringsIn(list)
	return rooms, ok
}
