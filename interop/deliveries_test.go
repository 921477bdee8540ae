//go:build unix

package interop

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
)

// oddRooms are names that JSON, Redis patterns, JavaScript objects or anybody's
// taste could stumble over.
var oddRooms = []string{
	"plain", "ws-default", "r:*", "[a]?", "r\r\nx", "r\x00y", "🦊", "__proto__", "constructor", " spaced ",
	"\"quoted\\", "e\u0301", "\u00e9", strings.Repeat("r", 256), "ws:inside", "{tag}", "<b>&amp;", "\u202egnp.exe", "\u2028",
}

// company is the members of a cluster, with what a model knows of them.
type company struct {
	*cluster
	members []*member
	rooms   map[*member]map[string]bool
	sent    int
	want    map[*member][]string // data, by receiver
}

// newCompany connects two members to every node, of three users that are
// spread over the nodes.
func newCompany(c *cluster) *company {
	c.t.Helper()
	w := &company{cluster: c, rooms: map[*member]map[string]bool{}, want: map[*member][]string{}}
	for i := range 2 * len(c.nodes) {
		w.connect(c.nodes[i%len(c.nodes)], []string{"ann", "bob", "__proto__"}[i%3])
	}
	for i, m := range w.members {
		for j, room := range oddRooms {
			if (i+j)%3 == 0 {
				w.join(m, room)
			}
		}
	}
	if err := w.settle(w.members...); err != nil {
		w.t.Fatal(err)
	}
	return w
}

func (w *company) connect(n *node, user string) *member {
	w.t.Helper()
	m := n.connect(w.t, fmt.Sprintf("member%d", len(w.members)), user, nil)
	w.members = append(w.members, m)
	w.rooms[m] = map[string]bool{m.id: true, "ws-default": true, "ws-notification": true}
	return m
}

// join lets m join, by itself where it may and by the server where it must.
func (w *company) join(m *member, room string) {
	if strings.HasPrefix(room, "ws:") {
		m.do("enter", map[string]any{"room": room})
	} else {
		m.do("join", map[string]any{"rooms": []string{room}})
	}
	w.rooms[m][room] = true
}

// body is the next message's data.
func (w *company) body(what string) string {
	w.sent++
	return fmt.Sprintf("%d %s", w.sent, what)
}

// expect notes that whoever is in must receive body, and nobody else.
func (w *company) expect(body string, in func(*member) bool) {
	text, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, m := range w.members {
		if in(m) {
			w.want[m] = append(w.want[m], string(text))
		}
	}
}

// check settles and compares what has arrived.
func (w *company) check() {
	w.t.Helper()
	if err := w.settle(w.members...); err != nil {
		w.t.Fatal(err)
	}
	for _, m := range w.members {
		got, want := m.take("msg"), w.want[m]
		for i, g := range got {
			var body string
			if json.Unmarshal([]byte(g), &body) == nil {
				text, _ := json.Marshal(body) // one spelling
				got[i] = string(text)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			w.t.Errorf("%s of %s on %s has received (-want +got):\n%s", m.name, m.user, m.node.name, diff)
		}
	}
	clear(w.want)
}

// everyVerb sends one message from every node by every verb, to every target
// worth one.
func (w *company) everyVerb() {
	for _, n := range w.nodes {
		from := w.members[slices.IndexFunc(w.members, func(m *member) bool { return m.node == n })]
		for _, to := range w.members {
			w.toClient(from, to)
		}
		for _, user := range []string{"ann", "bob", "__proto__", "nobody"} {
			body := w.body("user " + user)
			from.do("user", map[string]any{"userId": user, "body": body})
			w.expect(body, func(m *member) bool { return m.user == user })
		}
		for _, room := range append(oddRooms, "empty", from.id) {
			w.toRoom(from, room)
		}
		w.toAll(from)
	}
}

func (w *company) toClient(from, to *member) {
	is := func(m *member) bool { return m == to }
	body := w.body("client")
	from.do("client", map[string]any{"id": to.id, "body": body})
	w.expect(body, is)
	body = w.body("send to client")
	from.do("pub", map[string]any{"room": to.id, "body": body})
	w.expect(body, is)
}

func (w *company) toRoom(from *member, room string) {
	in := func(m *member) bool { return w.rooms[m][room] }
	body := w.body("room")
	from.do("room", map[string]any{"room": room, "body": body})
	w.expect(body, in)

	body = w.body("send to room")
	from.do("pub", map[string]any{"room": room, "body": body})
	w.expect(body, in)

	body = w.body("local")
	from.do("local", map[string]any{"room": room, "body": body})
	w.expect(body, func(m *member) bool { return in(m) && m.node == from.node })

	exclude := []string{from.id, w.members[w.sent%len(w.members)].id, "nobody"}
	allowed := func(m *member) bool { return in(m) && !slices.Contains(exclude, m.id) }
	body = w.body("room with exclude")
	from.do("room", map[string]any{"room": room, "body": body, "exclude": exclude})
	w.expect(body, allowed)

	body = w.body("local with exclude")
	from.do("local", map[string]any{"room": room, "body": body, "exclude": exclude})
	w.expect(body, func(m *member) bool { return allowed(m) && m.node == from.node })
}

func (w *company) toAll(from *member) {
	everybody := func(*member) bool { return true }
	for _, verb := range []string{"all", "bcast"} {
		body := w.body(verb)
		from.do(verb, map[string]any{"body": body})
		w.expect(body, everybody)
	}
	body := w.body("send to nobody in particular")
	from.do("pub", map[string]any{"room": "", "body": body})
	w.expect(body, everybody)
}

// everyEmission sends by an emitter to every target worth a message.
// excludes says whether its broadcasts can exclude.
func (w *company) everyEmission(emit emitter, excludes bool) {
	w.t.Helper()
	send := func(kind, target string, exclude []string, in func(*member) bool) {
		w.t.Helper()
		body := w.body("emitted to " + kind)
		if err := emit(emission{kind, target, "msg", body, exclude}); err != nil {
			w.t.Fatal(err)
		}
		w.expect(body, func(m *member) bool { return in(m) && !slices.Contains(exclude, m.id) })
	}
	exclude := []string{w.members[1].id, w.members[2].id}
	for _, to := range w.members {
		send("client", to.id, nil, func(m *member) bool { return m == to })
	}
	for _, user := range []string{"ann", "bob", "__proto__", "nobody"} {
		send("user", user, nil, func(m *member) bool { return m.user == user })
	}
	for _, room := range oddRooms {
		in := func(m *member) bool { return w.rooms[m][room] }
		send("room", room, nil, in)
		send("room", room, exclude, in)
	}
	everybody := func(*member) bool { return true }
	send("broadcast", "", nil, everybody)
	if excludes {
		send("broadcast", "", exclude, everybody)
	}
}
