package cli

import (
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/hearthws/hearth/cmd/hearth/internal/bench"
)

// So many messages are a run without a time, unless one is given.
func TestMessagesInsteadOfATime(t *testing.T) {
	for _, test := range []struct {
		args             []string
		duration, warmup time.Duration
	}{
		{nil, 10 * time.Second, time.Second},
		{[]string{"--messages", "5"}, 0, 0},
		{[]string{"--messages", "5", "--duration", "10s"}, 10 * time.Second, 0},
		{[]string{"--messages", "5", "--warmup", "1s"}, 0, time.Second},
	} {
		f := &benchFlags{cfg: bench.Config{Scenario: bench.Fanout}}
		cmd := &cobra.Command{}
		f.bind(cmd, scenarios[0])
		if err := cmd.ParseFlags(test.args); err != nil {
			t.Fatal(err)
		}
		if err := f.complete(cmd, nil); err != nil {
			t.Fatal(err)
		}
		if f.cfg.Duration != test.duration || f.cfg.Warmup != test.warmup {
			t.Errorf("%q: duration %s, warm-up %s", test.args, f.cfg.Duration, f.cfg.Warmup)
		}
	}
}
