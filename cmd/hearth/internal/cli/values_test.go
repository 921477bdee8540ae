package cli

import (
	"testing"
	"time"

	"github.com/spf13/pflag"
)

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "65536": 65536, "64KiB": 65536, "1MiB": 1 << 20, "3GiB": 3 << 30, "8388607TiB": 0,
		"0": 0, "0MiB": 0, "-1": 0, "": 0, "KiB": 0, "1 KiB": 0, "1kib": 0, "1KB": 0, "1.5MiB": 0, "0x10": 0,
		"9223372036854775807": 1<<63 - 1, "9223372036854775808": 0, "8589934591GiB": 8589934591 << 30, "8589934592GiB": 0,
		"17179869184GiB": 0, // 2^64
	} {
		var got int64
		flags := pflag.NewFlagSet("t", pflag.ContinueOnError)
		sizeFlag(flags, &got, "size", 5, "")
		err := flags.Parse([]string{"--size", text})
		switch {
		case want == 0 && (err == nil || got != 5):
			t.Errorf("%q is %d, %v", text, got, err)
		case want != 0 && (err != nil || got != want):
			t.Errorf("%q is %d, %v, want %d", text, got, err, want)
		}
	}
}

func TestFormats(t *testing.T) {
	for n, want := range map[int64]string{1: "1", 1000: "1000", 1024: "1KiB", 131072: "128KiB", 1 << 20: "1MiB", 256 << 20: "256MiB", 3 << 30: "3GiB", 1<<20 + 1: "1048577"} {
		if got := formatSize(n); got != want {
			t.Errorf("%d is shown as %q, want %q", n, got, want)
		}
		if back, err := parseSize[int64](want); err != nil || back != n {
			t.Errorf("%q is read as %d, %v", want, back, err)
		}
	}
	for d, want := range map[time.Duration]string{time.Second: "1s", 90 * time.Second: "1m30s", time.Minute: "1m", 10 * time.Minute: "10m", time.Hour: "1h", 100 * time.Second: "1m40s"} {
		if got := shortDuration(d); got != want {
			t.Errorf("%d is shown as %q, want %q", d, got, want)
		}
	}
}
