// Package transcript plays scripted clients against a server and writes down
// everything that comes back, with what differs by nature (ids, times)
// replaced by names. Two servers behave alike when the transcripts of one
// play agree line by line.
//
// Clients are raw sockets with a frame writer of their own, so that a play
// can send what no library would.
package transcript

import "strings"

// Play is one situation.
type Play struct {
	// Name is unique among plays, and says what is expected.
	Name string

	// Script has one step a line:
	//
	//	a connect [PATH] [Header: value]…   open client a; "; " separates headers
	//	a auth [DATA]                       connect, authenticate with DATA, await the answer
	//	a > TEXT                            send a text message
	//	a binary TEXT                       send a binary message
	//	a frame OPCODE [FLAG]… PAYLOAD      send a frame: text, binary, continuation, ping, pong,
	//	                                    close or a number; flags -fin -mask long rsv1 rsv2 rsv3;
	//	                                    of a close, the payload begins with the code
	//	a bytes HEX                         send bytes as they are
	//	a burst N TEXT                      send TEXT N times in one write, <i> counts from 1
	//	a gets N                            wait until N more things have come
	//	a ends                              wait until the connection has ended
	//	a drops                             cut the connection without a word
	//	quiet                               wait until nothing more can come for anybody
	//
	// A quiet point is reached by messages that every client sends to itself,
	// by every way there is: what was caused before them has arrived before
	// them. What has arrived is written down at these points and at waits.
	// Every script ends with one.
	//
	// In headers, <addr> is the address of the server. In texts, <id:a> is the id of client a, <x*1000> is x a thousand times,
	// and a text that begins with q" is a Go string.
	Script string

	// Differs is set when Hearth deliberately does something else.
	Differs *Difference
}

// Difference is a deliberate difference between the original and Hearth.
type Difference struct {
	Name string // words of protocol/PROTOCOL.md, where it is said what Hearth does
	Why  string
}

// Transcript is what happened in a play, one line for each thing sent or
// received: `a > …` and `a < …`.
type Transcript []string

func (t Transcript) String() string {
	var b strings.Builder
	for _, line := range t {
		b.WriteString(line + "\n")
	}
	return b.String()
}

// Parse reads the form that [Transcript.String] writes.
func Parse(s string) Transcript {
	var t Transcript
	for line := range strings.Lines(s) {
		t = append(t, strings.TrimSuffix(line, "\n"))
	}
	return t
}
