//go:build unix

package interop

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/hearthws/hearth/internal/ledger"
)

// body is the data of a message that a ledger knows.
type body struct {
	Publisher string `json:"p"`
	Room      string `json:"r"` // as the ledger calls whom it concerns
	N         uint64 `json:"n"`
}

// Names of receivers in a ledger.
const everybody = "everybody"

func inRoom(room string) string            { return "room " + room }
func inRoomOf(n *node, room string) string { return "room " + room + " of " + n.name }
func ofUser(user string) string            { return "user " + user }
func withID(id string) string              { return "client " + id }

// walker is a member that comes back again and again, and its log.
type walker struct {
	*member // nil while it is away
	name    string
	user    string
	log     *ledger.Client
	rooms   []string
	lives   int
	deaf    bool // to the next message of a room
}

// life names one connection of the walker.
func (w *walker) life() string { return fmt.Sprintf("%s/%d", w.name, w.lives) }

// connect brings the walker to a node.
func (w *walker) connect(n *node) error {
	w.rooms = []string{"ws-default"}
	w.log.Connected(n.name)
	ours := []string{everybody, ofUser(w.user), inRoom("ws-default"), inRoomOf(n, "ws-default")}
	for _, r := range ours {
		w.log.Joining(r)
	}
	m, err := n.tryConnect(w.name, w.user, w.receive)
	if err != nil {
		return err
	}
	for _, r := range append(ours, withID(m.id)) {
		w.log.Joined(r)
	}
	w.member = m
	return nil
}

func (w *walker) receive(m message) bool {
	var b body
	if m.Event != "msg" || json.Unmarshal(m.Data, &b) != nil {
		return false
	}
	if w.deaf && strings.HasPrefix(b.Room, "room ") {
		w.deaf = false
		return true
	}
	w.log.Receive(b.Publisher, b.Room, b.N)
	return true
}

// join and leave return when it is certain.
func (w *walker) join(room string) error {
	w.log.Joining(inRoom(room))
	w.log.Joining(inRoomOf(w.node, room))
	w.do("join", map[string]any{"rooms": []string{room}})
	if err := w.echo(); err != nil {
		return err
	}
	w.log.Joined(inRoom(room))
	w.log.Joined(inRoomOf(w.node, room))
	w.rooms = append(w.rooms, room)
	return nil
}

func (w *walker) leaveRoom(room string) error {
	w.log.Leaving(inRoom(room))
	w.log.Leaving(inRoomOf(w.node, room))
	w.do("leave", map[string]any{"rooms": []string{room}})
	if err := w.echo(); err != nil {
		return err
	}
	w.log.Left(inRoom(room))
	w.log.Left(inRoomOf(w.node, room))
	w.rooms = slices.DeleteFunc(w.rooms, func(r string) bool { return r == room })
	return nil
}

// end ends the connection by f, after which it ends by itself.
func (w *walker) end(f func()) {
	w.log.Disconnecting()
	f()
	<-w.done
	w.log.Disconnected()
	w.member = nil
}

// walk is a random walk of walkers over a cluster. What the ledger is told to
// be accepted is what a settled cluster must have delivered, so messages that
// are on their way when somebody leaves may arrive or not.
type walk struct {
	*cluster
	rng     *rand.Rand
	ledger  *ledger.Ledger
	walkers []*walker
	pending []pending
}

// pending is a message that may be on its way.
type pending struct {
	ledger.Publication
	by *walker
}

var walkRooms = []string{"one", "two", "three", "ws-default", "f\r\nour", "🦊"}

func newWalk(c *cluster, rng *rand.Rand, walkers int) *walk {
	c.t.Helper()
	w := &walk{cluster: c, rng: rng, ledger: ledger.New(ledger.Options{})}
	for i := range walkers {
		name := fmt.Sprintf("walker%d", i)
		one := &walker{name: name, user: fmt.Sprintf("user%d", i%3)}
		if err := w.bring(one, c.nodes[i%len(c.nodes)]); err != nil {
			c.t.Fatal(err)
		}
		w.walkers = append(w.walkers, one)
	}
	c.t.Cleanup(func() {
		for _, one := range w.walkers {
			if one.member != nil {
				one.drop()
			}
		}
	})
	return w
}

// bring lets a walker come (again). To the ledger it is another client each
// time: a message on its way that excludes the last one may reach this one.
func (w *walk) bring(one *walker, n *node) error {
	one.lives++
	one.log = w.ledger.Client(one.life())
	return one.connect(n)
}

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }

// step does one thing at random.
func (w *walk) step() error {
	one := pick(w.rng, w.walkers)
	switch n := w.rng.IntN(100); {
	case n < 70:
		w.send(one)
	case n < 80:
		if room := pick(w.rng, walkRooms); !slices.Contains(one.rooms, room) {
			return one.join(room)
		}
	case n < 86:
		if len(one.rooms) > 0 {
			return one.leaveRoom(pick(w.rng, one.rooms))
		}
	case n < 89:
		if w.rng.IntN(2) == 0 {
			one.end(one.member.leave)
		} else {
			w.doubt(one)
			one.end(one.drop)
		}
		return w.bring(one, pick(w.rng, w.nodes))
	case n < 92:
		return w.kick(one)
	case n < 97:
		return w.settleAll()
	}
	return nil
}

// kick has one walker throw another one of its node out.
func (w *walk) kick(one *walker) error {
	for _, victim := range w.walkers {
		if victim != one && victim.node == one.node {
			w.doubt(victim)
			victim.end(func() {
				one.do("kick", map[string]any{"id": victim.id, "code": 4000, "reason": "walk"})
			})
			return w.bring(victim, pick(w.rng, w.nodes))
		}
	}
	return nil
}

// doubt forgets the messages of a walker that may not have reached its node:
// nobody can say whether they were published.
func (w *walk) doubt(one *walker) {
	w.pending = slices.DeleteFunc(w.pending, func(p pending) bool { return p.by == one })
}

// send publishes a message by a random verb to a random target.
func (w *walk) send(one *walker) {
	to, room := pick(w.rng, w.walkers), pick(w.rng, walkRooms)
	var except []string
	var ids []string
	for _, other := range w.walkers {
		if w.rng.IntN(6) == 0 {
			except, ids = append(except, other.life()), append(ids, other.id)
		}
	}
	switch w.rng.IntN(8) {
	case 0:
		w.publish(one, "pub", withID(to.id), nil, map[string]any{"room": to.id})
	case 1:
		w.publish(one, "pub", inRoom(room), nil, map[string]any{"room": room})
	case 2:
		w.publish(one, "bcast", everybody, nil, map[string]any{})
	case 3:
		w.publish(one, "local", inRoomOf(one.node, room), except, map[string]any{"room": room, "exclude": ids})
	case 4:
		w.publish(one, "user", ofUser(to.user), nil, map[string]any{"userId": to.user})
	case 5:
		w.publish(one, "client", withID(to.id), nil, map[string]any{"id": to.id})
	case 6:
		w.publish(one, "room", inRoom(room), except, map[string]any{"room": room, "exclude": ids})
	case 7:
		w.publish(one, "all", everybody, nil, map[string]any{})
	}
}

// publish logs and sends. The publisher is a life of a walker, or one of its
// two ways to Redis where the original has two.
func (w *walk) publish(one *walker, verb, receivers string, except []string, data map[string]any) {
	name := one.life()
	if one.node.kind == original && slices.Contains([]string{"user", "client", "room", "all"}, verb) {
		name += "/emitter"
	}
	p := w.ledger.Publisher(name).Publish(receivers, except...)
	data["body"] = body{name, receivers, p.N}
	one.do(verb, data)
	w.pending = append(w.pending, pending{p, one})
}

// settleAll waits until everything has arrived; from then on it was accepted.
func (w *walk) settleAll() error {
	var members []*member
	for _, one := range w.walkers {
		members = append(members, one.member)
	}
	err := w.settle(members...)
	if err == nil {
		for _, p := range w.pending {
			p.Answer(ledger.Accepted)
		}
		w.pending = nil
	}
	return err
}

// run takes steps, settles and returns what the ledger has found.
func (w *walk) run(steps int) *ledger.Report {
	w.t.Helper()
	for i := range steps {
		if err := w.step(); err != nil {
			w.t.Fatalf("step %d: %v", i, err)
		}
	}
	if err := w.settleAll(); err != nil {
		w.t.Fatal(err)
	}
	return w.ledger.Check()
}

// TestRandomWalk joins, leaves, sends, kicks and reconnects at random over a
// cluster of both servers.
func TestRandomWalk(t *testing.T) {
	t.Parallel()
	rng := newSeed(t)
	r := newWalk(newCluster(t, mixed...), rng, 10).run(*steps)
	if err := r.Err(); err != nil {
		t.Error(err)
	}
	if r.Delivered < int64(*steps)/4 {
		t.Errorf("hardly anything was delivered: %s", r)
	}
	t.Log(r)
}

// TestRandomWalkSees checks that one message lost in a walk is found.
func TestRandomWalkSees(t *testing.T) {
	t.Parallel()
	rng := newSeed(t)
	w := newWalk(newCluster(t, loop, stream), rng, 4)
	one := w.walkers[0]
	if err := one.join("one"); err != nil {
		t.Fatal(err)
	}
	one.deaf = true
	w.publish(w.walkers[1], "pub", inRoom("one"), nil, map[string]any{"room": "one"})
	if err := w.settleAll(); err != nil {
		t.Fatal(err)
	}
	if r := w.run(100); r.Violations[ledger.Missing] != 1 || len(r.Violations) != 1 {
		t.Errorf("one message was lost, the ledger says: %s", r)
	}
}
