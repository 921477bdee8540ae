package transcript

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// deadline bounds every single wait of a play.
const deadline = 15 * time.Second

// freeReasons are the close codes whose reason the protocol leaves open.
var freeReasons = []uint16{1002, 1007, 1008, 1009, 1013}

// Run plays p against the server at addr (host:port), whose path is path. The
// transcript is returned also with an error, as far as it goes.
func Run(addr, path string, p *Play) (Transcript, error) {
	steps, err := parseScript(p.Script)
	if err != nil {
		return nil, err
	}
	r := &run{addr: addr, path: path, clients: map[string]*conn{}, ids: map[string]string{}}
	defer r.close()
	for _, s := range append(steps, step{line: "quiet", verb: "quiet"}) {
		if err := r.step(s); err != nil {
			r.write(r.names()...)
			return r.out, fmt.Errorf("play %q, step %q: %w", p.Name, s.line, err)
		}
	}
	return r.out, nil
}

// run is the state of a play.
type run struct {
	addr, path string
	clients    map[string]*conn
	ids        map[string]string // of authenticated clients, by name
	marks      int               // quiet points so far
	out        Transcript
}

func (r *run) names() []string { return slices.Sorted(maps.Keys(r.clients)) }

func (r *run) close() {
	for _, c := range r.clients {
		c.close()
	}
}

func (r *run) step(s step) error {
	switch s.verb {
	case "quiet":
		return r.quiet()
	case "connect":
		return r.connect(s.client, s.rest)
	case "auth":
		return r.auth(s.client, s.rest)
	}
	c := r.clients[s.client]
	if c == nil {
		return fmt.Errorf("client %q is not connected", s.client)
	}
	switch s.verb {
	case "gets":
		n, err := strconv.Atoi(s.rest)
		if err != nil {
			return err
		}
		defer r.write(s.client)
		return c.await(s.rest+" things", func(items []item, _ bool) bool { return len(items) >= n })
	case "ends":
		defer r.write(s.client)
		return c.await("end", func(_ []item, ended bool) bool { return ended })
	}
	r.out = append(r.out, s.line)
	switch s.verb {
	case "drops":
		c.net.Close()
		<-c.done
		c.take(func(item) bool { return false })
		return nil
	case "bytes":
		b, err := parseHex(s.rest)
		if err != nil {
			return err
		}
		return c.write(b)
	case "frame":
		f, err := parseFrame(s.rest, r.ids)
		if err != nil {
			return err
		}
		return c.send(f)
	case "burst":
		return r.burst(c, s.rest)
	}
	text, err := expand(s.rest, r.ids)
	if err != nil {
		return err
	}
	f := frame{fin: true, opcode: opText, payload: []byte(text)}
	if s.verb == "binary" {
		f.opcode = opBinary
	}
	return c.send(f)
}

// connect opens a client. The answer to the upgrade is only worth a line when
// it is not a plain 101.
func (r *run) connect(name, rest string) error {
	path := r.path
	line := strings.TrimSuffix(name+" connect "+rest, " ")
	if strings.HasPrefix(rest, "/") {
		path, rest, _ = strings.Cut(rest, " ")
	}
	var headers []string
	if rest != "" {
		headers = strings.Split(strings.ReplaceAll(rest, "<addr>", r.addr), "; ")
	}
	c, err := dial(r.addr, path, headers)
	if err != nil {
		return err
	}
	if old := r.clients[name]; old != nil {
		old.close()
		delete(r.ids, name)
	}
	r.clients[name] = c
	r.out = append(r.out, line)
	c.take(func(i item) bool { return i.kind != kindStatus || string(i.payload) != "101" })
	return nil
}

func (r *run) auth(name, rest string) error {
	if err := r.connect(name, ""); err != nil {
		return err
	}
	line := `{"event":"authenticate"}`
	if rest != "" {
		line = `{"event":"authenticate","data":` + rest + `}`
	}
	if err := r.step(step{name + " > " + line, name, ">", line}); err != nil {
		return err
	}
	return r.step(step{"", name, "gets", "1"})
}

func (r *run) burst(c *conn, rest string) error {
	count, rest, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	text, err := expand(rest, r.ids)
	if err != nil {
		return err
	}
	var b []byte
	for i := range n {
		f := frame{fin: true, opcode: opText, payload: []byte(strings.ReplaceAll(text, "<i>", strconv.Itoa(i+1)))}
		b = f.append(b)
	}
	return c.write(b)
}

// quiet waits until whatever was caused so far has arrived.
func (r *run) quiet() error {
	// What a client has caused precedes what it sends to itself afterwards:
	// directly, and through the broker.
	if err := r.markAll(`{"event":"echo","data":"~%[2]d"}`, `{"event":"client","data":{"id":"%[1]s","body":"~%[2]d"}}`); err != nil {
		return err
	}
	// What others have sent to a client precedes its next echo.
	if err := r.markAll(`{"event":"echo","data":"~%[2]d"}`); err != nil {
		return err
	}
	r.write(r.names()...)
	return nil
}

// markAll makes every client send itself marks, formatted with its id and a
// number, and waits for them. A client that is not authenticated cannot; what
// it is told precedes the pong of the second of two pings.
func (r *run) markAll(formats ...string) error {
	r.marks++
	mark := fmt.Sprintf("~%d", r.marks)
	isMark := func(i item) bool {
		switch i.kind {
		case kindText:
			var m struct{ Data any }
			return json.Unmarshal(i.payload, &m) == nil && m.Data == mark
		case kindPong:
			return string(i.payload) == mark
		}
		return false
	}
	for _, name := range r.names() {
		c, id := r.clients[name], r.id(name)
		want := 2
		if id != "" {
			want = len(formats)
			for _, f := range formats {
				if err := c.text(fmt.Sprintf(f, id, r.marks)); err != nil {
					return err
				}
			}
		}
		for n := 1; n <= want; n++ {
			if id == "" {
				if err := c.send(frame{fin: true, opcode: opPing, payload: []byte(mark)}); err != nil {
					return err
				}
			}
			if err := c.await("quiet", func(items []item, ended bool) bool {
				have := 0
				for _, i := range items {
					if isMark(i) {
						have++
					}
				}
				return have >= n || ended
			}); err != nil {
				return fmt.Errorf("client %s: %w", name, err)
			}
		}
		c.take(func(i item) bool { return !isMark(i) })
	}
	return nil
}

// id is the id of a client, "" before `connected` and after the end.
func (r *run) id(name string) string {
	c := r.clients[name]
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.ended {
		return ""
	}
	for _, i := range c.mu.items {
		if i.kind == kindText {
			r.learn(name, i.payload)
		}
	}
	return r.ids[name]
}

// learn takes the id out of a `connected`.
func (r *run) learn(name string, message []byte) {
	var m struct {
		Event string
		Data  struct{ ID string }
	}
	if json.Unmarshal(message, &m) == nil && m.Event == "connected" && r.ids[name] == "" {
		r.ids[name] = m.Data.ID
	}
}

// write writes down what clients have received since the last time.
func (r *run) write(names ...string) {
	for _, name := range names {
		for _, i := range r.clients[name].take(func(item) bool { return false }) {
			r.out = append(r.out, name+" < "+r.describe(name, i))
		}
	}
}

func (r *run) describe(name string, i item) string {
	switch i.kind {
	case kindText:
		r.learn(name, i.payload)
		text, err := Canonical(i.payload)
		if err != nil {
			return fmt.Sprintf("text %q", i.payload)
		}
		return shorten(r.normal(text))
	case kindBinary, kindPong:
		return string(i.kind) + " " + shorten(strconv.Quote(string(i.payload)))
	case kindClose:
		if len(i.payload) < 2 {
			return "close"
		}
		code, reason := binary.BigEndian.Uint16(i.payload), i.payload[2:]
		if slices.Contains(freeReasons, code) {
			return fmt.Sprintf("close %d", code)
		}
		return fmt.Sprintf("close %d %s", code, shorten(strconv.Quote(string(reason))))
	case kindEnd:
		switch {
		case errors.Is(i.err, io.EOF), errors.Is(i.err, io.ErrUnexpectedEOF), errors.Is(i.err, syscall.ECONNRESET):
			return "end"
		}
		return "end: " + i.err.Error()
	}
	return string(i.kind) + " " + string(i.payload)
}

// normal replaces ids and times by names.
func (r *run) normal(text string) string {
	for name, id := range r.ids {
		text = strings.ReplaceAll(text, id, "<id:"+name+">")
	}
	return timeMember.ReplaceAllString(text, `"time":"<time>"`)
}
