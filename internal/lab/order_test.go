//go:build unix && !race

package main

import (
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/hearthws/hearth/internal/frame"
	"github.com/hearthws/hearth/internal/redistest"
	"github.com/hearthws/hearth/internal/transcript/servers"
)

// TestOrder has 100,000 messages of one publisher go through two servers and
// Redis to every member of a room: in order, none twice, none missing.
func TestOrder(t *testing.T) {
	const messages, window = 100_000, 2000
	redis := redistest.Start(t).URL()
	members := make(crowd, 4)
	defer members.leave()
	var nodes []string
	for _, transport := range []string{"loop", "stream"} {
		nodes = append(nodes, servers.Hearth(t, "-transport", transport, "-redis", redis).Addr())
	}
	members.each(t, "connect", func(i int, one *caller) error { return one.connect(nodes[i%len(nodes)], i) })
	members.each(t, "join", func(_ int, one *caller) error { return one.send("join", map[string][]string{"rooms": {"r"}}) })
	members.each(t, "be about to be in the room", func(i int, one *caller) error { return one.send("echo", i) })
	members.each(t, "be in the room", func(i int, one *caller) error { return one.expect("echo", i) })

	publisher := make(crowd, 1)
	defer publisher.leave()
	publisher.each(t, "connect", func(_ int, one *caller) error { return one.connect(nodes[0], len(members)) })
	for from := 0; from < messages; from += window {
		var burst []byte
		for n := from; n < from+window; n++ {
			text := fmt.Appendf(nil, `{"event":"pub","data":{"room":"r","body":%d}}`, n)
			burst = frame.AppendMasked(burst, frame.Text, true, false, text, [4]byte{1, 2, 3, 4})
		}
		if _, err := publisher[0].conn.Write(burst); err != nil {
			t.Fatal(err)
		}
		var receiving sync.WaitGroup
		for i := range members {
			receiving.Go(func() {
				for n := from; n < from+window; n++ {
					var got int
					if err := members[i].receive("msg", &got); err != nil || got != n {
						t.Errorf("member %d has received %d, want %d: %v", i, got, n, err)
						return
					}
				}
			})
		}
		receiving.Wait()
		if t.Failed() {
			return
		}
	}
	members.each(t, "receive nothing else", func(i int, one *caller) error {
		if err := one.send("echo", strconv.Itoa(i)); err != nil {
			return err
		}
		return one.expect("echo", strconv.Itoa(i))
	})
}
