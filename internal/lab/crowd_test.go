//go:build unix && !race

package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/internal/frame"
	"github.com/hearthws/hearth/internal/transcript/servers"
)

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

// One server, in a process of its own since descriptors are limited, and rooms
// of so many of its clients.
const (
	crowdSize = 10_000
	roomSize  = 100
)

// TestCrowd has 10,000 clients of one server exchange messages by every way
// there is. Each must get exactly what concerns it, in order. The race detector
// would look at the clients only, whose processor time is not what is scarce here.
func TestCrowd(t *testing.T) {
	for transport, count := range map[string]func(hearth.Stats) int64{
		"loop":   func(st hearth.Stats) int64 { return st.OnLoops },
		"stream": func(st hearth.Stats) int64 { return st.OnStreams },
	} {
		t.Run(transport, func(t *testing.T) {
			server := servers.Hearth(t, "-transport", transport)
			c := make(crowd, crowdSize)
			defer c.leave()
			c.each(t, "connect", func(i int, one *caller) error { return one.connect(server.Addr(), i) })

			c.each(t, "ask", func(i int, one *caller) error { return one.send("echo", i) })
			c.each(t, "be answered", func(i int, one *caller) error { return one.expect("echo", i) })

			c.each(t, "send to the next one", func(i int, one *caller) error {
				return one.send("client", order{ID: c[(i+1)%crowdSize].id, Body: json.RawMessage(strconv.Itoa(i))})
			})
			c.each(t, "hear from the one before", func(i int, one *caller) error {
				return one.expect("msg", (i+crowdSize-1)%crowdSize)
			})

			c.each(t, "join a room", func(i int, one *caller) error {
				return errors.Join(one.send("join", map[string][]string{"rooms": {room(i)}}), one.send("echo", "joined"))
			})
			c.each(t, "be in the room", func(_ int, one *caller) error { return one.expect("echo", "joined") })
			c.each(t, "send to the room", func(i int, one *caller) error {
				if i%roomSize != 0 {
					return nil
				}
				return one.send("pub", order{Room: room(i), Body: json.RawMessage(strconv.Quote(room(i)))})
			})
			c.each(t, "hear the room", func(i int, one *caller) error { return one.expect("msg", room(i)) })

			c[0].check(t, c[0].send("bcast", order{Body: json.RawMessage(`"all"`)}))
			c.each(t, "hear what is for all", func(_ int, one *caller) error { return one.expect("msg", "all") })

			var st hearth.Stats
			c[0].check(t, errors.Join(c[0].send("stats", nil), c[0].receive("stats", &st)))
			if count(st) != crowdSize || st.Authenticated != crowdSize || st.HookFailures != 0 || st.Dropped != 0 {
				t.Errorf("the server says %+v", st)
			}

			var stopped sync.WaitGroup
			stopped.Go(server.Stop)
			c.each(t, "be told to go, and nothing else", func(_ int, one *caller) error { return one.expectClose(hearth.CloseGoingAway) })
			stopped.Wait()
		})
	}
}

func room(i int) string { return "room " + strconv.Itoa(i/roomSize) }

// crowd is many clients.
type crowd []caller

// each does something for every client, a few at a time, and ends the test if
// it fails for one.
func (c crowd) each(t *testing.T, what string, do func(i int, one *caller) error) {
	t.Helper()
	began := time.Now()
	const workers = 16
	var busy sync.WaitGroup
	errs := make([]error, workers)
	for w := range workers {
		busy.Go(func() {
			for i := w; i < len(c) && errs[w] == nil; i += workers {
				if err := do(i, &c[i]); err != nil {
					errs[w] = fmt.Errorf("client %d cannot %s: %w", i, what, err)
				}
			}
		})
	}
	busy.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	t.Logf("%5d ms: all %s", time.Since(began).Milliseconds(), what)
}

func (c crowd) leave() {
	for _, one := range c {
		if one.conn != nil {
			one.conn.Close()
		}
	}
}

// caller is one client.
type caller struct {
	conn net.Conn
	r    *bufio.Reader
	id   string
}

func (c *caller) check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (c *caller) connect(addr string, i int) error {
	var err error
	if c.conn, err = net.Dial("tcp", addr); err != nil {
		return err
	}
	c.r = bufio.NewReaderSize(c.conn, 512)
	if err := c.conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(c.conn, "GET /ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", addr); err != nil {
		return err
	}
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return err
	}
	res.Body.Close()
	if res.StatusCode != http.StatusSwitchingProtocols {
		return errors.New(res.Status)
	}
	var connected struct{ ID, UserID string }
	err = errors.Join(c.send("authenticate", map[string]string{"userId": strconv.Itoa(i)}), c.receive("connected", &connected))
	if err == nil && connected.UserID != strconv.Itoa(i) {
		err = fmt.Errorf("connected as %q", connected.UserID)
	}
	c.id = connected.ID
	return err
}

func (c *caller) send(event string, data any) error {
	text, err := json.Marshal(map[string]any{"event": event, "data": data})
	if err != nil {
		return err
	}
	_, err = c.conn.Write(frame.AppendMasked(nil, frame.Text, true, false, text, [4]byte{1, 2, 3, 4}))
	return err
}

// next reads one frame, which servers do not mask and do not fragment.
func (c *caller) next() (op byte, payload []byte, err error) {
	var head [10]byte
	if _, err := io.ReadFull(c.r, head[:2]); err != nil {
		return 0, nil, err
	}
	n := uint64(head[1])
	switch n {
	case 126:
		_, err = io.ReadFull(c.r, head[2:4])
		n = uint64(binary.BigEndian.Uint16(head[2:]))
	case 127:
		_, err = io.ReadFull(c.r, head[2:10])
		n = binary.BigEndian.Uint64(head[2:])
	}
	if err != nil {
		return 0, nil, err
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(c.r, payload)
	return head[0], payload, err
}

// receive wants the next frame to be a message of the event.
func (c *caller) receive(event string, data any) error {
	op, payload, err := c.next()
	if err != nil {
		return err
	}
	var m struct {
		Event string
		Data  json.RawMessage
	}
	if err := json.Unmarshal(payload, &m); err != nil || op != 0x81 || m.Event != event {
		return fmt.Errorf("frame %#x %s, want %s: %w", op, payload, event, err)
	}
	return json.Unmarshal(m.Data, data)
}

// expect wants the next frame to be that message.
func (c *caller) expect(event string, data any) error {
	want, err := json.Marshal(data)
	if err != nil {
		return err
	}
	var got json.RawMessage
	if err := c.receive(event, &got); err != nil {
		return err
	}
	if string(got) != string(want) {
		return fmt.Errorf("%s %s, want %s", event, got, want)
	}
	return nil
}

// expectClose wants the next frame to be a close frame, and the connection to
// end once it was answered.
func (c *caller) expectClose(code int) error {
	op, payload, err := c.next()
	if err != nil {
		return err
	}
	if op != 0x88 || len(payload) < 2 || int(binary.BigEndian.Uint16(payload)) != code {
		return fmt.Errorf("frame %#x %q, want close %d", op, payload, code)
	}
	if _, err := c.conn.Write(frame.AppendMasked(nil, frame.Close, true, false, payload[:2], [4]byte{})); err != nil {
		return err
	}
	if _, err := c.r.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("after the close frame: %w", err)
	}
	return c.conn.Close() // the server waits for it
}
