package sim

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/internal/frame"
	"github.com/hearthws/hearth/internal/ledger"
)

// visit is one connection, as its client sees it.
type visit struct {
	w       *world
	person  *person
	name    string
	node    string
	user    string
	sealed  bool
	conn    *conn
	cluster *ledger.Client
	local   *ledger.Client

	mu      sync.Mutex
	changed sync.Cond
	id      string         // given before, or found out from `connected`
	srv     *hearth.Client // the server's side
	in      bool           // `connected` has come
	over    bool
	stalled bool // reads nothing
	torn    bool // the network lets nothing through
	useless time.Time
	mended  time.Time       // since when it is neither stalled nor torn
	rooms   map[string]bool // joined by request
	busy    map[string]bool // rooms whose join or leave has no answer yet
	answers map[int]func()  // to be called at `synced`
}

// everywhere are the ledger rooms of a client that is authenticated.
func (v *visit) everywhere() (cluster, local []string) {
	cluster = []string{"*", "id:" + v.name, "own:" + v.name, "send:" + v.name}
	if v.user != "" {
		cluster = append(cluster, "u:"+v.user)
	}
	for _, r := range cluster {
		local = append(local, v.node+"/"+r)
	}
	for _, room := range []string{hearth.DefaultRoom, hearth.DefaultNotificationRoom} {
		c, l := v.roomNames(room)
		cluster, local = append(cluster, c), append(local, l...)
	}
	return cluster, local
}

// roomNames are the ledger rooms of a room.
func (v *visit) roomNames(room string) (cluster string, local []string) {
	local = []string{v.node + "/r:" + room}
	if !v.sealed {
		local = append(local, v.node+"/raw:"+room)
	}
	return "r:" + room, local
}

func each(c *ledger.Client, rooms []string, f func(*ledger.Client, string)) {
	for _, r := range rooms {
		f(c, r)
	}
}

func (v *visit) expectAdmission() {
	cluster, local := v.everywhere()
	each(v.cluster, cluster, (*ledger.Client).Joining)
	each(v.local, local, (*ledger.Client).Joining)
}

func (v *visit) authenticate(c credentials) {
	v.expectAdmission()
	_, _ = v.conn.Write(message("authenticate", c))
}

// served is called when the server has taken the connection.
func (v *visit) served(c *hearth.Client) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.srv = c
}

// client is the server's side, nil if there is none, or not yet; ok tells
// whether `connected` has come.
func (v *visit) client() (c *hearth.Client, id string, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.srv, v.id, v.in && !v.over
}

func (v *visit) send(event string, data any) { _, _ = v.conn.Write(message(event, data)) }

func message(event string, data any) []byte {
	raw, err := json.Marshal(map[string]any{"event": event, "data": data})
	if err != nil {
		panic(err)
	}
	return masked(frame.Text, raw)
}

// leaving logs that the connection is about to end.
func (v *visit) leaving() {
	v.cluster.Disconnecting()
	v.local.Disconnecting()
}

func (v *visit) sendClose() {
	_, _ = v.conn.Write(masked(frame.Close, []byte{0x03, 0xe8}))
}

// stall stops reading, or goes on.
func (v *visit) stall(on bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.stalled = on
	v.uselessLocked()
	v.changed.Broadcast()
}

func (v *visit) split(on bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.torn = on
	v.conn.split(on)
	v.uselessLocked()
}

func (v *visit) uselessLocked() {
	now := time.Now()
	if !v.useless.IsZero() && !v.mended.IsZero() && now.Sub(v.mended) > drainTime {
		v.useless = time.Time{}
	}
	switch {
	case !v.stalled && !v.torn:
		v.mended = now
	case v.useless.IsZero():
		v.useless, v.mended = now, time.Time{}
	default:
		v.mended = time.Time{}
	}
}

// begin reserves a room for a join or a leave; only one goes on at a time.
func (v *visit) begin(room string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.in || v.over || v.busy[room] {
		return false
	}
	v.busy[room] = true
	return true
}

// answered arranges for f when `synced` with the number comes.
func (v *visit) answered(room string, f func()) (number int) {
	number = v.w.next()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.answers[number] = func() {
		f()
		v.mu.Lock()
		defer v.mu.Unlock()
		delete(v.busy, room)
	}
	return number
}

func (v *visit) joining(room string) {
	cluster, local := v.roomNames(room)
	v.cluster.Joining(cluster)
	each(v.local, local, (*ledger.Client).Joining)
}

func (v *visit) joined(room string) {
	v.joinedHere(room)
	cluster, _ := v.roomNames(room)
	v.cluster.Joined(cluster)
}

func (v *visit) joinedHere(room string) {
	_, local := v.roomNames(room)
	each(v.local, local, (*ledger.Client).Joined)
}

func (v *visit) leavingRoom(room string) {
	cluster, local := v.roomNames(room)
	v.cluster.Leaving(cluster)
	each(v.local, local, (*ledger.Client).Leaving)
}

func (v *visit) left(room string) {
	cluster, local := v.roomNames(room)
	v.cluster.Left(cluster)
	each(v.local, local, (*ledger.Client).Left)
}

// read is the client's reader.
func (v *visit) read() {
	defer v.end()
	br := bufio.NewReader(v.conn)
	res, err := http.ReadResponse(br, nil)
	if err != nil {
		return
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		return
	}
	r := new(frame.Reader)
	r.ResetClient(&frame.Config{MaxMessage: 1 << 20}, v.w.set.deflate)
	buf := make([]byte, 2048)
	for v.mayRead() {
		n, err := br.Read(buf)
		if _, bad := r.Feed(buf[:n], (*incoming)(v)); bad != nil {
			v.w.fail("%s: the server broke the protocol: %w", v.name, bad)
			return
		}
		if err != nil {
			return
		}
	}
}

// mayRead waits while the client is stalled.
func (v *visit) mayRead() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	for v.stalled && !v.over {
		v.changed.Wait()
	}
	return !v.over
}

// end is when nothing more arrives.
func (v *visit) end() {
	v.mu.Lock()
	since := time.Now().Add(-2 * inFlight)
	v.uselessLocked()
	if !v.useless.IsZero() && v.useless.Before(since) {
		since = v.useless
	}
	v.over = true
	v.mu.Unlock()
	for _, c := range []*ledger.Client{v.cluster, v.local} {
		c.DisconnectedSince(since)
		c.Disconnected()
	}
	v.conn.Close()
	v.person.ended(v)
}

// incoming is a visit as a frame.Handler.
type incoming visit

func (in *incoming) Control(op frame.Opcode, payload []byte) (stop bool) {
	v := (*visit)(in)
	switch op {
	case frame.Ping:
		_, _ = v.conn.Write(masked(frame.Pong, payload))
	case frame.Close:
		_, _ = v.conn.Write(masked(frame.Close, payload))
		v.mu.Lock()
		v.over = true
		v.mu.Unlock()
		return true
	}
	return false
}

// note is the data of a publication.
type note struct {
	Local     bool   `json:"l,omitempty"`
	Publisher string `json:"p"`
	Room      string `json:"r"`
	N         uint64 `json:"n"`
}

func (in *incoming) Message(_ frame.Opcode, payload []byte) (stop bool) {
	v := (*visit)(in)
	var m struct {
		Event string
		Data  json.RawMessage
	}
	if err := json.Unmarshal(payload, &m); err != nil {
		v.w.fail("%s received %q: %w", v.name, payload, err)
		return false
	}
	event, wrapped := strings.CutPrefix(m.Event, "wrapped:")
	if wrapped != v.sealed && event != "error" && event != "connected" {
		v.w.fail("%s, sealed %v, received %q", v.name, v.sealed, payload)
	}
	switch event {
	case "connected":
		v.connected(m.Data)
	case "synced":
		var number int
		if err := json.Unmarshal(m.Data, &number); err != nil {
			v.w.fail("%s received %q: %w", v.name, payload, err)
		}
		v.mu.Lock()
		f := v.answers[number]
		delete(v.answers, number)
		v.mu.Unlock()
		if f == nil {
			v.w.fail("%s received an answer to nothing: %q", v.name, payload)
			return false
		}
		f()
	case "note":
		var n note
		if err := json.Unmarshal(m.Data, &n); err != nil {
			v.w.fail("%s received %q: %w", v.name, payload, err)
		}
		if n.Local {
			v.local.Receive(n.Publisher, n.Room, n.N)
		} else {
			v.cluster.Receive(n.Publisher, n.Room, n.N)
		}
	case "error":
	default:
		v.w.fail("%s received %q", v.name, payload)
	}
	return false
}

func (v *visit) connected(data json.RawMessage) {
	var c struct{ ID string }
	if err := json.Unmarshal(data, &c); err != nil {
		v.w.fail("%s received %q: %w", v.name, data, err)
	}
	v.mu.Lock()
	if v.in || v.id != "" && v.id != c.ID {
		v.w.fail("%s, id %q, is connected: %s", v.name, v.id, data)
	}
	v.in, v.id = true, c.ID
	v.mu.Unlock()
	cluster, local := v.everywhere()
	each(v.cluster, cluster, (*ledger.Client).Joined)
	each(v.local, local, (*ledger.Client).Joined)
}
