package transport

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// A ring of a kernel that is too old, or of which the memory cannot be had, is
// given up without a trace.
func TestRingThatIsNone(t *testing.T) {
	for name, features := range map[string]uint32{"too old": 0, "no memory": ringNeeds} {
		fd, err := unix.Open(os.DevNull, unix.O_RDONLY, 0) // which has no memory
		if err != nil {
			t.Fatal(err)
		}
		p := &ringParams{features: features, sqEntries: 1, cqEntries: 1}
		if r, err := mapRing(fd, p); err == nil || r != nil {
			t.Errorf("%s: got %v, %v", name, r, err)
		}
		if err := unix.Close(fd); !errors.Is(err, unix.EBADF) {
			t.Errorf("%s: it was left open: closing it again: %v", name, err)
		}
	}
}
