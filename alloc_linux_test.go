//go:build !race

// The race detector sees no raw system calls, and the wrappers that stand in
// for them allocate.

package hearth_test

import (
	"io"
	"os"
	"runtime"
	"testing"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// What a message costs in memory does not depend on how many get it.
func TestFanOutAllocatesNothingPerMember(t *testing.T) {
	const members, messages = 1000, 50
	const most = members / 20 // allocations for each message
	opts := accepting()
	opts.Transport, opts.Loops = hearth.TransportLoop, 1
	s := hearthtest.New(t, opts)
	addr := listen(t, s)
	var last *os.File // is written to after all others, which do not read
	for i := range members {
		client := os.NewFile(uintptr(idleClient(t, addr, i)), "client")
		last = client
		t.Cleanup(func() { _ = client.Close() })
	}
	raw := hearth.Raw{Payload: []byte(`{"event":"tick","data":1}`)}
	received := make([]byte, len(raw.Payload)+2)
	for _, send := range []struct {
		name string
		do   func() error
	}{
		{"Broadcast", func() error { return s.Broadcast(t.Context(), "tick", 1) }},
		{"ToRoom", func() error { return s.ToRoom(t.Context(), hearth.DefaultRoom, "tick", 1) }},
		{"Publish", func() error { return s.Publish(hearth.DefaultRoom, raw) }},
	} {
		t.Run(send.name, func(t *testing.T) {
			run := func() {
				for range messages {
					if err := send.do(); err != nil {
						t.Fatal(err)
					}
					if _, err := io.ReadFull(last, received); err != nil {
						t.Fatal(err)
					}
				}
			}
			run() // lets buffers grow
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			run()
			runtime.ReadMemStats(&after)
			each := float64(after.Mallocs-before.Mallocs) / messages
			if each > most {
				t.Errorf("a message to %d members allocates %.1f times, more than %d", members, each, most)
			}
			t.Logf("%.1f allocations for each message to %d members", each, members)
		})
	}
	if got := s.Stats().Dropped; got != 0 {
		t.Errorf("%d messages were dropped", got)
	}
}
