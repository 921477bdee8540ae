package transcript_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth/internal/transcript"
)

// lab is a tiny server of the protocol, with what quiet points need; mischief
// is done where it says so.
type lab struct {
	mischief string

	mu      sync.Mutex
	clients map[string]*websocket.Conn
}

func (l *lab) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/ws" {
		http.NotFound(w, r)
		return
	}
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true, Subprotocols: []string{"chat"}})
	if err != nil {
		return
	}
	defer c.CloseNow()
	l.mu.Lock()
	id := fmt.Sprintf("0a1b2c3d-0000-4000-8000-%012d", len(l.clients))
	l.clients[id] = nil
	l.mu.Unlock()
	for {
		_, text, err := c.Read(r.Context())
		if err != nil {
			return
		}
		var m struct {
			Event string
			Data  json.RawMessage
		}
		if json.Unmarshal(text, &m) != nil {
			l.send(c, `{"event":"error","data":{"message":"Invalid message format"}}`)
			continue
		}
		l.handle(c, id, m.Event, m.Data)
	}
}

func (l *lab) handle(c *websocket.Conn, id, event string, data json.RawMessage) {
	switch event {
	case "authenticate":
		l.mu.Lock()
		l.clients[id] = c
		l.mu.Unlock()
		l.send(c, fmt.Sprintf(`{"event":"connected","data":{"id":%q,"time":"2026-01-02T03:04:05.678Z"}}`, id))
	case "echo":
		l.send(c, fmt.Sprintf(`{"event":"echo","data":%s}`, data))
	case "client":
		var d struct {
			ID   string
			Body json.RawMessage
		}
		if err := json.Unmarshal(data, &d); err != nil {
			return
		}
		l.mu.Lock()
		to := l.clients[d.ID]
		l.mu.Unlock()
		l.send(to, fmt.Sprintf(`{"event":"msg","data":%s}`, d.Body))
		if l.mischief == "twice" && !strings.Contains(string(d.Body), "~") {
			l.send(to, fmt.Sprintf(`{"event":"msg","data":%s}`, d.Body))
		}
	case "bye":
		c.Close(4321, "because")
	}
}

func (l *lab) send(c *websocket.Conn, text string) {
	if l.mischief == "silent" && strings.Contains(text, "error") {
		return
	}
	_ = c.Write(context.Background(), websocket.MessageText, []byte(text))
}

// start returns the address of a lab.
func start(t *testing.T, mischief string) string {
	s := httptest.NewServer(&lab{mischief: mischief, clients: map[string]*websocket.Conn{}})
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

const conversation = `
	a connect Sec-WebSocket-Protocol: chat
	a > nonsense
	quiet
	a > {"event":"authenticate"}
	a gets 1
	b auth {"x":"<x*60>"}
	b > {"event":"client","data":{"id":"<id:a>","body":{"to": "<id:a>", "from": "<id:b>"}}}
	quiet
	a frame text -fin {"event":"echo",
	a frame ping now
	a frame continuation "data":"<y*70>"}
	a binary {"event":"echo","data":1}
	quiet
	a burst 2 {"event":"echo","data":<i>}
	quiet
	a > {"event":"bye"}
	a ends
	b frame close 1000 done
	b ends
	c connect /elsewhere`

const told = `a connect Sec-WebSocket-Protocol: chat
a > nonsense
a < status 101 protocol chat
a < {"event":"error","data":{"message":"Invalid message format"}}
a > {"event":"authenticate"}
a < {"event":"connected","data":{"id":"<id:a>","time":"<time>"}}
b connect
b > {"event":"authenticate","data":{"x":"<x*60>"}}
b < {"event":"connected","data":{"id":"<id:b>","time":"<time>"}}
b > {"event":"client","data":{"id":"<id:a>","body":{"to": "<id:a>", "from": "<id:b>"}}}
a < {"event":"msg","data":{"from":"<id:b>","to":"<id:a>"}}
a frame text -fin {"event":"echo",
a frame ping now
a frame continuation "data":"<y*70>"}
a binary {"event":"echo","data":1}
a < pong "now"
a < {"event":"echo","data":"<y*70>"}
a < {"event":"echo","data":1}
a burst 2 {"event":"echo","data":<i>}
a < {"event":"echo","data":1}
a < {"event":"echo","data":2}
a > {"event":"bye"}
a < close 4321 "because"
a < end
b frame close 1000 done
b < close 1000 "done"
b < end
c connect /elsewhere
c < status 404
c < end
`

func TestRun(t *testing.T) {
	got, err := transcript.Run(start(t, ""), "/ws", &transcript.Play{Name: "conversation", Script: conversation})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(transcript.Parse(told), got); diff != "" {
		t.Errorf("transcript (-want +got):\n%s", diff)
	}
	if got.String() != told {
		t.Error("String does not write what Parse has read")
	}
}

// TestRunSees checks that a server that misbehaves gets another transcript.
func TestRunSees(t *testing.T) {
	for mischief, line := range map[string]string{
		"twice":  `a < {"event":"msg","data":{"from":"<id:b>","to":"<id:a>"}}`,
		"silent": `a < {"event":"error","data":{"message":"Invalid message format"}}`,
	} {
		got, err := transcript.Run(start(t, mischief), "/ws", &transcript.Play{Name: mischief, Script: conversation})
		if err != nil {
			t.Fatal(err)
		}
		have, want := strings.Count(got.String(), line), strings.Count(told, line)
		if have == want {
			t.Errorf("%s: %q is there %d times in\n%s", mischief, line, have, got)
		}
	}
}

// TestRunRefuses checks that a script that cannot be played is an error.
func TestRunRefuses(t *testing.T) {
	addr := start(t, "")
	for script, want := range map[string]string{
		"a sings":                                   "no such step",
		"a > hello":                                 "not connected",
		"a connect\na > <id:b>":                     "not known",
		"a connect\na > q\"\\":                      "invalid syntax",
		"a connect\na frame 77":                     "opcode",
		"a connect\na frame close 77777":            "close code",
		"a connect\na bytes xy":                     "bytes",
		"a connect\na gets x":                       "invalid syntax",
		"a connect\na burst x":                      "invalid syntax",
		"a connect /elsewhere\na gets 5":            "ended before",
		"a auth\na > {\"event\":\"bye\"}\na gets 5": "ended before",
	} {
		_, err := transcript.Run(addr, "/ws", &transcript.Play{Name: "refused", Script: script})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", script, err)
		}
	}
}

// TestRunBytes checks what a play can send against what a socket receives.
func TestRunBytes(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	received := make(chan []byte, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(10 * time.Second))
		buf := make([]byte, 4096)
		_, _ = c.Read(buf) // the request
		fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
		var all []byte
		for !strings.HasSuffix(string(all), "end") {
			n, err := c.Read(buf)
			if err != nil {
				break
			}
			all = append(all, buf[:n]...)
		}
		received <- all
		_, _ = c.Write([]byte{0x88, 0x02, 0x03, 0xe8}) // close 1000
	}()
	got, err := transcript.Run(l.Addr().String(), "/", &transcript.Play{Name: "bytes", Script: `
		a connect
		a frame text -mask hi
		a frame 3 -fin -mask rsv1 rsv3 x
		a frame ping -mask long y
		a frame close -mask 4000 bye
		a bytes ff 00
		a frame text -mask end
		a ends`})
	if err != nil {
		t.Fatal(err)
	}
	want := "\x81\x02hi" + "\x53\x01x" + "\x89\x7f\x00\x00\x00\x00\x00\x00\x00\x01y" + "\x88\x05\x0f\xa0bye" + "\xff\x00" + "\x81\x03end"
	if diff := cmp.Diff(want, string(<-received)); diff != "" {
		t.Errorf("bytes sent (-want +got):\n%s", diff)
	}
	if tail := got[len(got)-2:]; !cmp.Equal(tail, transcript.Transcript{`a < close 1000 ""`, `a < end`}) {
		t.Errorf("transcript ends with %q", tail)
	}
}
