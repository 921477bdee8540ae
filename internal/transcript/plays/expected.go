package plays

import (
	"embed"
	"fmt"
	"strings"

	"github.com/hearthws/hearth/internal/transcript"
)

// expected has a file for each group of plays, see [Format].
//
//go:embed expected/*.txt
var expected embed.FS

// Expectation is what is seen in a play.
type Expectation struct {
	Original, Hearth transcript.Transcript // the same unless the play differs
}

func (e *Expectation) of(s Server) transcript.Transcript {
	if s == Original {
		return e.Original
	}
	return e.Hearth
}

func (e *Expectation) set(s Server, t transcript.Transcript) {
	if s == Original {
		e.Original = t
	} else {
		e.Hearth = t
	}
}

// The marks of a file of expectations: a play, and whose transcript follows
// where there are two.
const (
	playMark     = "== "
	originalMark = "-- original"
	hearthMark   = "-- hearth"
)

// Expected returns what is expected in every play, by its name.
func Expected() (map[string]*Expectation, error) {
	all := map[string]*Expectation{}
	for _, g := range Groups() {
		text, err := expected.ReadFile("expected/" + g.Name + ".txt")
		if err != nil {
			return nil, fmt.Errorf("plays: %w", err)
		}
		for _, part := range strings.Split("\n"+string(text), "\n"+playMark)[1:] {
			name, body, _ := strings.Cut(strings.TrimSuffix(part, "\n")+"\n", "\n")
			original, hearth := body, body
			if both, two := strings.CutPrefix(body, originalMark+"\n"); two {
				original, hearth, _ = strings.Cut(both, hearthMark+"\n")
			}
			all[name] = &Expectation{transcript.Parse(original), transcript.Parse(hearth)}
		}
	}
	return all, nil
}

// Format is the text of a group's file of expectations.
func Format(g Group, all map[string]*Expectation) string {
	var out strings.Builder
	for _, p := range g.Plays {
		e := all[p.Name]
		out.WriteString(playMark + p.Name + "\n")
		if p.Differs == nil {
			out.WriteString(e.Original.String())
		} else {
			out.WriteString(originalMark + "\n" + e.Original.String() + hearthMark + "\n" + e.Hearth.String())
		}
	}
	return out.String()
}
