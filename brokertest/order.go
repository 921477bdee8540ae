package brokertest

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth"
)

// testOrder: what one goroutine publishes on a channel arrives in that order,
// also when it publishes on others meanwhile.
func testOrder(t *testing.T, h Harness) {
	const channels, count = 16, 500
	from := openNode(t, h.Broker(), "from")
	receivers := []*node{openNode(t, h.Broker(), "to"), openNode(t, h.Broker(), "to, too")}
	for _, to := range receivers {
		for c := range channels {
			to.subscribe(hearth.ForRoom(fmt.Sprint(c)))
		}
	}
	p := newPipeline(t, from, 1000)
	for i := range count {
		for c := range channels {
			p.publish(toRoom("from", fmt.Sprint(c), fmt.Sprintf("%d", i)))
		}
	}
	p.wait()
	for _, to := range receivers {
		next := make(map[string]int)
		for _, env := range to.awaitEvents("", channels*count) {
			if want := fmt.Sprint(next[env.Target]); env.Event != want {
				t.Fatalf("%s: room %s: received %s, want %s", to.id, env.Target, env.Event, want)
			}
			next[env.Target]++
		}
	}
}

// testSameOrderForAll: all receivers see the same order of a channel, whoever
// publishes.
func testSameOrderForAll(t *testing.T, h Harness) {
	const publishers, count = 4, 500
	receivers := []*node{openNode(t, h.Broker(), "a"), openNode(t, h.Broker(), "b")}
	for _, to := range receivers {
		to.subscribe(hearth.ForRoom("r"))
	}
	var running sync.WaitGroup
	for i := range publishers {
		p := newPipeline(t, openEmitter(t, h.Broker()), 64)
		running.Go(func() {
			for n := range count {
				p.publish(toRoom(hearth.EmitterID, "r", fmt.Sprintf("%d:%d", i, n)))
			}
			p.wait()
		})
	}
	waitAll(t, "everything is published", &running)
	var orders [2][]string
	for i, to := range receivers {
		next := make(map[string]int)
		for _, env := range to.awaitEvents("", publishers*count) {
			orders[i] = append(orders[i], env.Event)
			publisher, n, _ := strings.Cut(env.Event, ":")
			if want := fmt.Sprint(next[publisher]); n != want {
				t.Fatalf("%s: received %s of publisher %s, want %s", to.id, n, publisher, want)
			}
			next[publisher]++
		}
	}
	if diff := cmp.Diff(orders[0], orders[1]); diff != "" {
		t.Errorf("two receivers saw different orders:\n%s", diff)
	}
}
