// Package plays has the situations in which every server of the protocol must
// behave alike, and what is seen in each of them.
//
// Expectations were recorded from the original, and read; see package interop
// for how they are compared and recorded.
package plays

import (
	"time"

	"github.com/hearthws/hearth/internal/transcript"
)

// The settings of servers.
const (
	// Usual has the defaults of the lab server.
	Usual = ""

	// Timers has short ones, see below.
	Timers = "timers"

	// Sealed demands encryption.
	Sealed = "sealed"
)

// The settings of Timers: the limit of authentication, and how often clients
// are swept that were silent for how long.
const (
	AuthTimeout       = 300 * time.Millisecond
	HeartbeatInterval = 100 * time.Millisecond
	HeartbeatTimeout  = 600 * time.Millisecond
)

// TimerFlags are the settings of Timers as flags of the lab server.
func TimerFlags() []string {
	return []string{
		"-auth-timeout", AuthTimeout.String(),
		"-heartbeat-interval", HeartbeatInterval.String(), "-heartbeat-timeout", HeartbeatTimeout.String(),
	}
}

// Group is plays of one subject.
type Group struct {
	Name   string
	Server string // the settings that its plays need
	Plays  []transcript.Play
}

// Groups returns every play.
func Groups() []Group {
	return []Group{
		{"authentication", Usual, authentication},
		{"messages", Usual, messages},
		{"data", Usual, data},
		{"rooms", Usual, rooms},
		{"membership", Usual, membership},
		{"routing", Usual, routing},
		{"frames", Usual, frames},
		{"closes", Usual, closes},
		{"timers", Timers, timers},
		{"sealed", Sealed, sealed},
	}
}
