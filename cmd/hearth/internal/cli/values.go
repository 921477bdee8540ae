package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// number is an integer type that options have.
type number interface{ ~int | ~int64 }

// positive is the value of a flag that must be more than 0: in options 0 would
// mean the default, which nobody means who writes 0.
type positive[T number] struct {
	to     *T
	kind   string
	parse  func(string) (T, error)
	format func(T) string
}

func (v positive[T]) String() string {
	if v.to == nil { // pflag asks a zero value
		return ""
	}
	return v.format(*v.to)
}

func (v positive[T]) Type() string { return v.kind }

func (v positive[T]) Set(s string) error {
	n, err := v.parse(s)
	if err != nil {
		return err
	}
	if n <= 0 {
		return errors.New("must be more than 0")
	}
	*v.to = n
	return nil
}

func durationFlag(flags *pflag.FlagSet, to *time.Duration, name string, value time.Duration, usage string) {
	*to = value
	parse := func(s string) (time.Duration, error) {
		d, err := time.ParseDuration(s)
		if err != nil {
			return 0, errors.New("must be a duration such as 500ms, 30s or 5m")
		}
		return d, nil
	}
	flags.Var(positive[time.Duration]{to, "duration", parse, shortDuration}, name, usage)
}

// shortDuration is 5m rather than 5m0s.
func shortDuration(d time.Duration) string {
	return zeroes.Replace(d.String() + "$")
}

var zeroes = strings.NewReplacer("h0m0s$", "h", "m0s$", "m", "$", "")

func countFlag(flags *pflag.FlagSet, to *int, name string, value int, usage string) {
	*to = value
	parse := func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 0, errors.New("must be a whole number")
		}
		return n, nil
	}
	flags.Var(positive[int]{to, "number", parse, strconv.Itoa}, name, usage)
}

func sizeFlag[T number](flags *pflag.FlagSet, to *T, name string, value T, usage string) {
	*to = value
	flags.Var(positive[T]{to, "bytes", parseSize[T], formatSize[T]}, name, usage)
}

// units of sizes, the largest first.
var units = []struct {
	name  string
	shift uint
}{{"GiB", 30}, {"MiB", 20}, {"KiB", 10}, {"", 0}}

var errSize = errors.New("must be a number of bytes, such as 65536, 64KiB or 1MiB")

func parseSize[T number](s string) (T, error) {
	for _, unit := range units {
		digits, found := strings.CutSuffix(s, unit.name)
		if !found {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || int64(T(n<<unit.shift))>>unit.shift != n {
			return 0, errSize
		}
		return T(n << unit.shift), nil
	}
	return 0, errSize
}

func formatSize[T number](n T) string {
	for _, unit := range units {
		if n>>unit.shift<<unit.shift == n && n != 0 {
			return fmt.Sprintf("%d%s", n>>unit.shift, unit.name)
		}
	}
	return strconv.FormatInt(int64(n), 10)
}

// choice is the value of a flag that has a fixed set of them.
type choice struct {
	to  *string
	all []string
}

func choiceFlag(flags *pflag.FlagSet, to *string, name, value, usage string, all ...string) {
	*to = value
	flags.Var(choice{to, all}, name, usage+": "+strings.Join(all, ", "))
}

func (c choice) String() string {
	if c.to == nil { // pflag asks a zero value
		return ""
	}
	return *c.to
}

func (c choice) Type() string { return "name" }

func (c choice) Set(s string) error {
	if !slices.Contains(c.all, s) {
		return fmt.Errorf("must be one of %s", strings.Join(c.all, ", "))
	}
	*c.to = s
	return nil
}
