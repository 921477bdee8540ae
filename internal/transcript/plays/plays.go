// Package plays has the situations in which every server of the protocol must
// behave alike, and what is seen in each of them.
//
// Expectations were recorded from the original, and read; see package interop
// for how they are compared and recorded.
package plays

import "github.com/hearthws/hearth/internal/transcript"

// The settings of a server, see [transcript.Play.Server].
const (
	// Usual has the defaults of the lab server.
	Usual = ""

	// Timers has short ones: authentication 300 ms, heartbeat sweep every
	// 100 ms for clients that were silent for 600 ms.
	Timers = "timers"

	// Sealed demands encryption.
	Sealed = "sealed"
)

// Group is plays of one subject.
type Group struct {
	Name  string
	Plays []transcript.Play
}

// Groups returns every play.
func Groups() []Group {
	return []Group{
		{"authentication", authentication},
		{"messages", messages},
		{"data", data},
		{"rooms", rooms},
		{"membership", membership},
		{"routing", routing},
		{"frames", frames},
		{"closes", closes},
		{"timers", timers},
		{"sealed", sealed},
	}
}
