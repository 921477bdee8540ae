// Package tokens reads the file that says who may connect to `hearth serve`,
// and which rooms they may use. Its form is in docs/operations.md:
//
//	# token               user     rooms
//	5f0c9d7e0b6a4b21       ada      lobby team-*
//	c1d5a3c0c2f84a0d       -        news
//
// A line has a token, the user it stands for ("-": none) and any number of
// patterns of room names, in which * stands for any characters, also none.
package tokens

import "crypto/sha256"

// Key stands for a token without telling it.
type Key [sha256.Size]byte

// KeyOf is the key of a token.
func KeyOf(token string) Key { return sha256.Sum256([]byte(token)) }

// Set is what a tokens file says. It never changes, so it may be used
// concurrently.
type Set struct {
	members map[Key]*Member
}

// Member is one line of a tokens file.
type Member struct {
	User  string // "" for none
	Line  int    // counted from 1
	rooms []pattern
}

// Len is the number of tokens.
func (s *Set) Len() int { return len(s.members) }

// Member returns whom a token stands for, or nil. The time it takes says
// nothing about other tokens, since it looks for a digest.
func (s *Set) Member(key Key) *Member { return s.members[key] }

// MayUse reports whether the member may join the room and publish into it.
func (m *Member) MayUse(room string) bool {
	for _, p := range m.rooms {
		if p.matches(room) {
			return true
		}
	}
	return false
}
