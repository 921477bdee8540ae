package cli

import (
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hearthws/hearth"
)

// commands are all of them but those that cobra adds.
func commands(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, below := range c.Commands() {
		all = append(all, commands(below)...)
	}
	return all
}

func TestEveryCommandIsExplained(t *testing.T) {
	for _, c := range commands(newRoot()) {
		if c.Short == "" || c.Long == "" || !strings.Contains(c.Example, "hearth") {
			t.Errorf("%s lacks a short text, a long text or an example", c.CommandPath())
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s --%s is not explained", c.CommandPath(), f.Name)
			}
		})
		if c.Args == nil || c.RunE == nil {
			t.Errorf("%s does not check its arguments", c.CommandPath())
		}
	}
}

// Every example would be understood, as far as flags and arguments go.
func TestExamples(t *testing.T) {
	for _, c := range commands(newRoot()) {
		for line := range strings.Lines(c.Example) {
			_, call, _ := strings.Cut(line, "hearth ")
			call, _, _ = strings.Cut(strings.TrimSpace(call), " | ")
			args := words(call)
			found, rest, err := newRoot().Find(args)
			if err != nil {
				t.Errorf("%q: %v", line, err)
				continue
			}
			if err := found.ParseFlags(rest); err != nil {
				t.Errorf("%q: %v", line, err)
			}
			if found.Name() != "hearth" && found.Name() != "emit" {
				if err := found.Args(found, found.Flags().Args()); err != nil {
					t.Errorf("%q: %v", line, err)
				}
			}
		}
	}
}

// words splits a line as a shell does, as far as examples need it. What is
// behind two spaces is a remark.
func words(line string) (all []string) {
	line, _, _ = strings.Cut(line, "   ")
	word, quoted := "", false
	for _, r := range line + " " {
		switch {
		case r == '\'':
			quoted = !quoted
		case r == ' ' && !quoted:
			if word != "" {
				all = append(all, word)
			}
			word = ""
		default:
			word += string(r)
		}
	}
	return all
}

// Errors about options name flags that exist and set those options.
func TestOptionFlags(t *testing.T) {
	serve := newServe()
	options := reflect.TypeFor[hearth.Options]()
	for field, flag := range optionFlags {
		if _, ok := options.FieldByName(field); !ok && !strings.HasPrefix(field, "redisbroker.") {
			t.Errorf("there is no option %s", field)
		}
		name := strings.TrimPrefix(flag, "--")
		if serve.Flags().Lookup(name) == nil && serve.PersistentFlags().Lookup(name) == nil {
			t.Errorf("there is no flag %s", flag)
		}
	}
}
