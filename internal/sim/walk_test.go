package sim

import (
	"fmt"
	"strings"
	"testing/synctest"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/internal/frame"
)

func sleepBriefly(d dice) { time.Sleep(d.upTo(300 * time.Millisecond)) }

func (w *world) serverOf(name string) *hearth.Server {
	for _, n := range w.nodes {
		if s := n.server(); s != nil && n.name() == name {
			return s
		}
	}
	return nil
}

// actions are what may happen, with how often.
var actions = []struct {
	name   string
	weight int
	do     func(w *world, i int, d dice)
}{
	{"connect", 20, (*world).doConnect},
	{"join", 10, (*world).doJoin},
	{"leave", 6, (*world).doLeave},
	{"say", 12, (*world).doSay},
	{"publish", 14, (*world).doPublish},
	{"publish locally", 8, (*world).doPublishLocally},
	{"emit", 6, (*world).doEmit},
	{"place", 5, (*world).doPlace},
	{"kick", 2, (*world).doKick},
	{"close", 2, (*world).doClose},
	{"vanish", 1, (*world).doVanish},
	{"stall", 3, (*world).doStall},
	{"split", 3, (*world).doSplit},
	{"heal", 4, (*world).doHeal},
	{"babble", 4, (*world).doBabble},
	{"beat", 10, (*world).doBeat},
	{"restart", 2, (*world).doRestart},
	{"broker", 2, (*world).doBroker},
}

// step lets some things happen at one moment, and then some time pass.
func (w *world) step(i int) {
	d := roll(w.seed, "step", i)
	total := 0
	for _, a := range actions {
		total += a.weight
	}
	for k := range 1 + d.IntN(4) {
		at := d.IntN(total)
		for _, a := range actions {
			if at -= a.weight; at < 0 {
				mine := roll(w.seed, "action", i, k)
				w.note("%d.%d %s", i, k, a.name)
				w.running.Go(func() { a.do(w, i*10+k, mine) })
				if tidy(w.seed) {
					synctest.Wait()
				}
				break
			}
		}
	}
	switch {
	case !tidy(w.seed) && d.one(4): // the next step comes in the middle of this one
	case d.one(20):
		time.Sleep(d.upTo(4 * time.Second))
	default:
		time.Sleep(d.upTo(60 * time.Millisecond))
	}
}

func (w *world) doConnect(_ int, d dice) {
	c := credentials{User: pick(d, users), Mode: "ok", Deaf: d.one(2)}
	switch d.IntN(12) {
	case 0:
		c.Mode = "refuse"
	case 1:
		c.Mode = pick(d, []string{"fail", "panic"})
	}
	if d.one(4) {
		c.Millis = d.IntN(1000)
		if d.one(6) {
			c.Millis = 7000 // beyond the limit
		}
	}
	if d.one(2) {
		c.PublicKey = "k"
	}
	pick(d, w.people).connect(pick(d, w.nodes), d, c, d.one(4))
}

func room(d dice) string { return fmt.Sprint("room", d.IntN(roomCount)) }

func names(rooms ...string) any { return map[string]any{"rooms": rooms} }

func (w *world) doJoin(_ int, d dice) {
	v, r := w.anybody(d), room(d)
	if v == nil || !v.begin(r) {
		return
	}
	v.joining(r)
	number := v.answered(r, func() { v.joined(r) })
	v.send("join", names(r, "ws:refused"))
	v.send("sync", number)
}

func (w *world) doLeave(_ int, d dice) {
	v, r := w.anybody(d), room(d)
	if v == nil || !v.begin(r) {
		return
	}
	v.leavingRoom(r)
	number := v.answered(r, func() { v.left(r) })
	v.send("leave", names(r))
	v.send("sync", number)
}

// doPlace lets the application put a client into a room, or take it out.
func (w *world) doPlace(_ int, d dice) {
	v, r := w.anybody(d), room(d)
	if v == nil {
		return
	}
	c, _, _ := v.client()
	if c == nil || !v.begin(r) {
		return
	}
	if d.one(2) {
		v.leavingRoom(r)
		number := v.answered(r, func() { v.left(r) })
		c.Leave(r)
		_, _ = c.Send("synced", number)
		return
	}
	v.joining(r)
	// Join does not wait for the broker, so what others publish is due later.
	number := v.answered(r, func() { v.joinedHere(r) })
	_ = c.Join(r)
	_, _ = c.Send("synced", number)
}

func (w *world) doSay(i int, d dice) {
	if v := w.anybody(d); v != nil {
		for k := range 1 + d.IntN(3) {
			v.send("say", i*100+k)
		}
	}
}

func (w *world) doPublish(i int, d dice) {
	n := pick(d, w.nodes)
	s := n.server()
	if s == nil {
		return
	}
	publisher := fmt.Sprintf("%s/%d", n.name(), i)
	for range 1 + d.IntN(6) {
		w.send(s, publisher, "", w.order(d, clusterVerbs))
	}
}

func (w *world) doPublishLocally(i int, d dice) {
	n := pick(d, w.nodes)
	s := n.server()
	if s == nil {
		return
	}
	name := n.name()
	for range 1 + d.IntN(8) {
		w.send(s, fmt.Sprintf("%s/local/%d", name, i), name, w.order(d, localVerbs))
	}
}

func (w *world) doEmit(i int, d dice) {
	for range 1 + d.IntN(4) {
		w.send(w.emit, fmt.Sprint("emitter/", i), "", w.order(d, emitterVerbs))
	}
}

func (w *world) doKick(_ int, d dice) {
	if v := w.anybody(d); v != nil {
		if c, _, _ := v.client(); c != nil {
			v.leaving()
			c.Close(4000, "out")
		}
	}
}

func (w *world) doClose(_ int, d dice) {
	if v := w.anybody(d); v != nil {
		v.leaving()
		v.sendClose()
	}
}

func (w *world) doVanish(_ int, d dice) {
	v := w.anybody(d)
	if v == nil {
		return
	}
	v.leaving()
	switch d.IntN(3) {
	case 0:
		v.conn.cut()
	case 1:
		v.conn.Close()
	default: // without a trace: the server has to find out itself
		v.conn.split(true)
		v.conn.in.change(func() { v.conn.in.deaf = true })()
	}
}

func (w *world) doStall(_ int, d dice) {
	if v := w.anybody(d); v != nil {
		v.stall(true)
	}
}

func (w *world) doSplit(_ int, d dice) {
	if v := w.anybody(d); v != nil {
		v.split(true)
	}
}

func (w *world) doHeal(_ int, d dice) { pick(d, w.people).heal() }

// doBabble sends what is no use, or against the protocol.
func (w *world) doBabble(_ int, d dice) {
	v := w.anybody(d)
	if v == nil {
		return
	}
	switch d.IntN(8) {
	case 0:
		v.leaving() // it will be closed
		_, _ = v.conn.Write(pick(d, [][]byte{
			{0xc1, 0x80, 0, 0, 0, 0},                      // a reserved bit, or a compressed nothing
			{0x83, 0x80, 0, 0, 0, 0},                      // a reserved opcode
			{0x81, 0x01, 'x'},                             // not masked
			masked(frame.Text, []byte{0xff}),              // not UTF-8
			masked(frame.Text, make([]byte, 200<<10)),     // too long
			{0x81, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0}, // a length of 2⁶³ and more
		}))
	case 1:
		_, _ = v.conn.Write(masked(frame.Text, []byte(pick(d, []string{"", "null", "[]", "{", `{"event":7}`, `{"event":""}`}))))
	case 2:
		v.send("authenticate", map[string]string{"user": "mallory"})
	case 3:
		v.send("join", names("ws:x", "", strings.Repeat("x", 300)))
	case 4:
		v.send("boom", nil)
	case 5:
		_, _ = v.conn.Write(masked(frame.Ping, []byte("ping")))
	default:
		v.send("nap", d.IntN(1000))
	}
}

func (w *world) doBeat(_ int, d dice) {
	for _, p := range w.people {
		if v := p.current(); v != nil && !d.one(4) {
			v.send("heartbeat", nil)
		}
	}
}

func (w *world) doRestart(_ int, d dice) {
	n := pick(d, w.nodes)
	if n.server() == nil {
		n.start()
		return
	}
	n.stop(pick(d, []time.Duration{0, time.Second, 10 * time.Second}))
	if !d.one(3) {
		time.Sleep(d.upTo(time.Second))
		n.start()
	}
}

// doBroker breaks a node's connection to the broker for a while.
func (w *world) doBroker(_ int, d dice) {
	all := w.broker.all()
	if !w.set.trouble || len(all) == 0 {
		return
	}
	s := pick(d, all)
	if d.one(2) {
		s.deafen()
		time.Sleep(d.upTo(time.Second))
	}
	s.disconnect()
	time.Sleep(d.upTo(2 * time.Second))
	s.reconnect()
}
