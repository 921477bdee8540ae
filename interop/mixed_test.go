//go:build unix

package interop

import (
	"fmt"
	"slices"
	"testing"
)

// mixed is two nodes of Hearth, one on each transport, and two original ones.
var mixed = []kind{loop, original, stream, original}

// TestMixedCluster sends everything from everywhere in a cluster of both
// servers, in several states of it.
func TestMixedCluster(t *testing.T) {
	t.Parallel()
	w := newCompany(newCluster(t, mixed...))
	theirs, ours := startOriginalEmitter(t, w.redis.Addr()), startHearthEmitter(t, w.redis.URL())
	everything := func() {
		w.everyVerb()
		w.everyEmission(theirs, false)
		w.everyEmission(ours, true)
		w.check()
	}
	everything()

	t.Log("after some have left rooms, and some have gone")
	for i, m := range w.members {
		for j, room := range oddRooms {
			if w.rooms[m][room] && (i+j)%2 == 0 {
				m.do("leave", map[string]any{"rooms": []string{room}})
				delete(w.rooms[m], room)
			}
		}
	}
	w.members[4].leave()
	w.members[7].drop()
	w.members = slices.Delete(slices.Delete(w.members, 7, 8), 4, 5)
	if err := w.settle(w.members...); err != nil {
		t.Fatal(err)
	}
	everything()

	t.Log("after Redis was restarted")
	w.redis.Restart()
	w.connected()
	w.theyEmit(theirs)
	everything()
}

// theyEmit waits until the original emitter has reconnected.
func (w *company) theyEmit(emit emitter) {
	w.t.Helper()
	if err := emit(emission{Kind: "room", Target: "nobody is here", Event: "msg", Data: 1}); err != nil {
		w.t.Fatal(err)
	}
}

// TestRightAfterConnected sends to clients as soon as they know that they are
// connected, from all other nodes.
func TestRightAfterConnected(t *testing.T) {
	t.Parallel()
	w := newCompany(newCluster(t, mixed...))
	for round := range 10 {
		for _, n := range w.nodes {
			user := fmt.Sprintf("user %d of %s", round, n.name)
			m := w.connect(n, user)
			is := func(other *member) bool { return other == m }
			for _, from := range w.members[:len(w.nodes)] {
				w.toClient(from, m)
				body := w.body("user")
				from.do("user", map[string]any{"userId": user, "body": body})
				w.expect(body, is)
				for _, room := range []string{m.id, "ws-notification"} {
					w.toRoom(from, room)
				}
			}
			w.check()
			m.leave()
			w.members = w.members[:len(w.members)-1]
		}
	}
}

// TestRightAfterJoining sends to rooms as soon as a client's next message was
// handled, from all other nodes.
func TestRightAfterJoining(t *testing.T) {
	t.Parallel()
	w := newCompany(newCluster(t, mixed...))
	for round := range 10 {
		for _, m := range slices.Clone(w.members) {
			room := fmt.Sprintf("room %d of %s", round, m.name)
			w.join(m, room)
			if err := m.echo(); err != nil {
				t.Fatal(err)
			}
			for _, from := range w.members[:len(w.nodes)] {
				w.toRoom(from, room)
			}
			w.check()
		}
	}
}
