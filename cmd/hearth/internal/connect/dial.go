package connect

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	neturl "net/url"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// conn is a WebSocket connection. One goroutine reads; write and close may be
// called concurrently with that.
type conn struct{ ws *websocket.Conn }

// endError says how a connection has ended.
type endError struct {
	Code   int // 1006: without a close frame
	Reason string
	err    error
}

func (e *endError) Error() string {
	if e.err != nil {
		return fmt.Sprintf("connection lost: %v", e.err)
	}
	return strings.TrimSpace(fmt.Sprintf("closed by the server: %d %s", e.Code, printable(e.Reason)))
}

func (e *endError) Unwrap() error { return e.err }

// dial connects. The error of a server that answers, but does not upgrade, has
// its status and what it says.
func dial(ctx context.Context, url, origin string, config *tls.Config) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	opts := &websocket.DialOptions{
		HTTPClient:      &http.Client{Transport: &http.Transport{TLSClientConfig: config, Proxy: http.ProxyFromEnvironment}},
		CompressionMode: websocket.CompressionNoContextTakeover,
	}
	if origin != "" {
		opts.HTTPHeader = http.Header{"Origin": {origin}}
	}
	ws, answer, err := websocket.Dial(ctx, url, opts)
	if err != nil {
		if answer != nil && answer.StatusCode != http.StatusSwitchingProtocols {
			return nil, refusal(url, answer)
		}
		var request *neturl.Error // what is around it is about HTTP
		if errors.As(err, &request) {
			err = request.Err
		}
		return nil, fmt.Errorf("cannot connect to %s: %w", url, err)
	}
	ws.SetReadLimit(-1) // the server's messages are the server's choice
	return &conn{ws}, nil
}

// Bounds of what a server may take.
const (
	dialTimeout  = 10 * time.Second
	writeTimeout = 10 * time.Second
)

func refusal(url string, answer *http.Response) error {
	defer answer.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(answer.Body, 256))
	text, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n")
	return fmt.Errorf("%s answers %s: %s", url, answer.Status, printable(text))
}

// read waits for a message. The error is an [*endError].
func (c *conn) read() (payload []byte, binary bool, err error) {
	kind, payload, err := c.ws.Read(context.Background())
	var closed websocket.CloseError
	switch {
	case errors.As(err, &closed):
		return nil, false, &endError{Code: int(closed.Code), Reason: closed.Reason}
	case err != nil:
		return nil, false, &endError{Code: int(websocket.StatusAbnormalClosure), err: err}
	}
	return payload, kind == websocket.MessageBinary, nil
}

func (c *conn) write(payload []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	return c.ws.Write(ctx, websocket.MessageText, payload)
}

// close says goodbye and waits until the server has, too, for some seconds.
// read returns what arrives meanwhile.
func (c *conn) close() { _ = c.ws.Close(websocket.StatusNormalClosure, "") }
