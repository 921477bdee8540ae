package hearthtest

import (
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/internal/frame"
)

// maxMessage is the longest message in bytes that a client takes.
const maxMessage = 256 << 20

// Client is a WebSocket client of a [Server]. It reads all the time, answers
// pings and close frames, and keeps what it has received until the test asks
// for it.
type Client struct {
	// Static after Dial.
	t       testing.TB
	of      *Server
	conn    net.Conn
	header  http.Header
	deflate bool
	server  *hearth.Client // nil: not known before `connected`
	done    chan struct{}  // closed when the reader has ended

	writing   sync.Mutex
	saidClose atomic.Bool // a close frame was sent

	// Guarded by mu.
	mu       sync.Mutex
	changed  chan struct{} // closed at the next change; nil: nobody waits
	id       string        // of `connected`
	received []Message     // not asked for yet
	stalled  bool
	parked   bool // the reader has noticed stalled
	closing  bool // a close frame was received, or the connection was cut
	code     int
	reason   string
}

func newClient(s *Server, conn net.Conn, header http.Header) *Client {
	return &Client{
		t: s.t, of: s, conn: conn, header: header,
		deflate: strings.HasPrefix(header.Get("Sec-WebSocket-Extensions"), "permessage-deflate"),
		done:    make(chan struct{}), changed: make(chan struct{}),
		code: hearth.CloseAbnormal,
	}
}

// Authenticate sends `authenticate` with credentials, and without data if they
// are nil. It waits for `connected`, and ends the test if the client is
// refused. It returns the data of `connected`.
func (c *Client) Authenticate(credentials any) Message {
	c.t.Helper()
	if credentials == nil {
		credentials = hearth.Absent
	}
	c.Send(hearth.EventAuthenticate, credentials)
	m, ok := c.take()
	switch {
	case !ok:
		c.t.Fatalf("hearthtest: not authenticated: %s", c.ending())
	case m.Event != hearth.EventConnected:
		c.t.Fatalf("hearthtest: not authenticated: received %s", m)
	}
	return m
}

// ID is the client's id; "" as long as a client that did not come from Dial or
// DialAs is not authenticated.
func (c *Client) ID() string {
	if c.server != nil {
		return c.server.ID()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.id
}

// Conn is the server's side of the connection; nil while ID is "".
func (c *Client) Conn() *hearth.Client {
	if c.server != nil {
		return c.server
	}
	return c.of.Client(c.ID())
}

// Header is that of the answer to the request for an upgrade.
func (c *Client) Header() http.Header { return c.header }

// Send sends a message; data is encoded as JSON, and [hearth.Absent] leaves it
// out. In memory, what was sent has been read by the server.
func (c *Client) Send(event string, data any) {
	c.t.Helper()
	raw, err := encode(event, data)
	if err != nil {
		c.t.Errorf("hearthtest: data of %q: %v", event, err)
		return
	}
	c.send(frame.Text, raw)
}

// SendText sends a text frame.
func (c *Client) SendText(raw string) {
	c.t.Helper()
	c.send(frame.Text, []byte(raw))
}

// SendBinary sends a binary frame.
func (c *Client) SendBinary(raw []byte) {
	c.t.Helper()
	c.send(frame.Binary, raw)
}

// Ping sends a ping. The pong is not kept.
func (c *Client) Ping() {
	c.t.Helper()
	c.send(frame.Ping, nil)
}

func (c *Client) send(op frame.Opcode, payload []byte) {
	c.t.Helper()
	if _, err := c.Write(masked(op, payload)); err != nil {
		c.t.Errorf("hearthtest: sending %.200q: %v", payload, err)
	}
}

// Write sends bytes as they are, which should be frames. It fails no test.
func (c *Client) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := c.conn.SetWriteDeadline(time.Now().Add(Patience)); err != nil {
		return 0, err
	}
	return c.conn.Write(p)
}

func masked(op frame.Opcode, payload []byte) []byte {
	return frame.AppendMasked(nil, op, true, false, payload, [4]byte{0x12, 0x34, 0x56, 0x78})
}

// Close starts the closing handshake; [Client.ExpectClose] waits for its end.
// Code 0 sends a close frame without one.
func (c *Client) Close(code int, reason string) {
	c.t.Helper()
	c.saidClose.Store(true)
	c.send(frame.Close, closePayload(code, reason))
}

// closePayload is what a close frame with code and reason carries.
func closePayload(code int, reason string) []byte {
	whole := frame.AppendClose(nil, code, reason)
	return whole[2:] // behind a header without mask and length extension
}

// Drop cuts the connection without a close frame.
func (c *Client) Drop() { c.conn.Close() }
