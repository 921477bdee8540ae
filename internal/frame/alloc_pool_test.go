//go:build !race

package frame_test

import (
	"testing"

	"github.com/hearthws/hearth/internal/frame"
)

// Compressors and decompressors come from pools. The race detector makes pools
// forget at random, so there this test has nothing to say.
func TestPooledAllocations(t *testing.T) {
	buf := make([]byte, 0, 1024)
	payload := []byte(repeat(300))
	input := squeezed(text, deflated(t, repeat(300), 6))
	var r frame.Reader
	var h counter
	for name, f := range map[string]func(){
		"AppendDeflated": func() { frame.AppendDeflated(buf, text, payload, 15) },
		"Feed": func() {
			b := append(buf, input...) //nolint:gocritic // buf stays empty
			r.Reset(usual, true)
			if _, err := r.Feed(b, &h); err != nil {
				t.Fatal(err)
			}
		},
	} {
		if got := testing.AllocsPerRun(100, f); got > 0 {
			t.Errorf("%s: %v allocations, want 0", name, got)
		}
	}
}
