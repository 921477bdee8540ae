// Package connect is what `hearth connect` runs: a client for people and for
// pipes.
package connect

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/hearthws/hearth/client"
	"github.com/hearthws/hearth/seal"
)

// Config says where to connect, as whom, and what to do there.
type Config struct {
	URL        string              // ws:// or wss://
	Origin     string              // the header of that name; "": none
	TLS        *tls.Config         // nil: as the system has it
	Encryption *seal.ClientOptions // nil: none
	Reconnect  bool                // comes back after a lost connection

	Credentials json.RawMessage // data of `authenticate`
	From        string          // whom typed text comes from, unless the server knows
	Rooms       []string        // to join
	Event       string          // of typed text

	JSON      bool          // messages come in and go out as they are, one a line
	Listen    bool          // nothing is read from In
	Count     int           // leave after so many messages; 0: stay
	Wait      time.Duration // how long to stay when In has ended
	Heartbeat time.Duration

	In   io.Reader
	Out  io.Writer // what arrives
	Talk io.Writer // everything else
}

// session is a run from beginning to end. Its fields belong to the goroutine of
// Run.
type session struct {
	cfg    Config
	client *client.Client
	out    printer

	user     string           // whom typed text comes from
	room     string           // where it goes; "": nowhere
	count    int              // messages so far
	admitted bool             // was connected once
	lines    <-chan string    // of the input; nil: it is not read
	inputErr <-chan error     // why it ended early
	leave    <-chan time.Time // when to end; nil: that is not known yet
}

// errLeave: the session is over, and what still arrives is of no interest.
var errLeave = errors.New("leave")

// Run connects and stays until the input has ended, Count messages have
// arrived, the connection has ended for good, which is an error, or ctx has.
func Run(ctx context.Context, cfg Config) error {
	opts := client.Options{
		URL: cfg.URL, TLS: cfg.TLS, Encryption: cfg.Encryption,
		Heartbeat:   client.Heartbeat{Interval: cfg.Heartbeat},
		MaxMessage:  math.MaxInt32, // the server's messages are the server's choice
		Credentials: func(context.Context) (any, error) { return cfg.Credentials, nil },
	}
	if cfg.Origin != "" {
		opts.Header = http.Header{"Origin": {cfg.Origin}}
	}
	c, err := client.New(opts)
	if err != nil {
		return err
	}
	s := &session{cfg: cfg, client: c, out: printer{out: cfg.Out, talkTo: cfg.Talk, json: cfg.JSON, chatEvent: cfg.Event}}
	if err := s.join(cfg.Rooms); err != nil {
		return err
	}
	err = s.run(ctx)
	if errors.Is(err, errLeave) {
		return nil
	}
	return err
}

// run handles one thing after the other: what the client tells, lines, and
// times.
func (s *session) run(ctx context.Context) error {
	told, over := make(chan func() error), make(chan struct{})
	defer s.client.Close()
	defer close(over)
	tell := func(f func() error) {
		select {
		case told <- f:
		case <-over:
		}
	}
	s.client.OnState(func(ch client.Change) { tell(func() error { return s.changed(ch) }) })
	s.client.OnMessage(func(m client.Message) { tell(func() error { return s.receive(message{m.Raw, false}) }) })
	s.client.OnRaw(func(r client.Raw) { tell(func() error { return s.receive(message{r.Payload, r.Binary}) }) })
	s.client.OnError(func(e *client.Error) { tell(func() error { return s.failed(e) }) })
	s.client.Start()
	for {
		lines := s.lines
		if s.client.State() != client.Connected {
			lines = nil // they wait for the connection where they come from
		}
		var err error
		select {
		case f := <-told:
			err = f()
		case line, open := <-lines:
			if open {
				err = s.typed(ctx, line)
				break
			}
			s.lines = nil
			if err = <-s.inputErr; err != nil {
				err = fmt.Errorf("reading the input: %w", err)
			} else if s.cfg.Count == 0 {
				s.leave = time.After(s.cfg.Wait)
			}
		case <-s.leave:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
		if s.out.err != nil { // nobody gets what arrives
			return fmt.Errorf("writing what has arrived: %w", s.out.err)
		}
		if err != nil {
			return err
		}
	}
}

// changed is told every change of the state.
func (s *session) changed(ch client.Change) error {
	switch {
	case ch.State == client.Connected:
		s.connected(ch.Connection)
	case ch.Err == nil:
	case ch.State == client.Connecting && s.cfg.Reconnect:
		s.out.talk("%s; again in %s", text(ch.Err), ch.Delay.Round(100*time.Millisecond))
	default:
		return s.end(ch.Err)
	}
	return nil
}

// connected begins to read the input.
func (s *session) connected(conn client.Connection) {
	if s.cfg.JSON {
		s.out.raw(fmt.Appendf(nil, `{"event":"connected","data":%s}`, conn.Data))
	}
	s.user = conn.UserID
	if s.user == "" {
		s.user = s.cfg.From
	}
	sealed := ""
	if conn.Encrypted {
		sealed = ", encrypted"
	}
	s.out.talk("connected as %s, client %s%s", orNobody(conn.UserID), conn.ID, sealed)
	if !s.admitted && !s.cfg.Listen {
		s.lines, s.inputErr = readLines(s.cfg.In)
	}
	s.admitted = true
}

func orNobody(user string) string {
	if user == "" {
		return "nobody"
	}
	return user
}

// end says why the session is over though nobody here wanted it.
func (s *session) end(e *client.Error) error {
	if said := e.Message; said.Raw != nil { // the server's last word
		s.print(message{said.Raw, false})
		var data struct{ Message string }
		if said.Decode(&data) == nil && data.Message != "" {
			hint := ""
			if e.Code == client.ErrEncryptionRequired && s.cfg.Encryption == nil {
				hint = "; perhaps it wants --encrypt"
			}
			return fmt.Errorf("refused: %s%s", printable(data.Message), hint)
		}
	}
	return errors.New(text(e))
}

// text is what an error says to people. The server's words are part of it.
func text(e *client.Error) string {
	if e.CloseCode != 0 {
		return strings.TrimSpace(fmt.Sprintf("closed by the server: %d %s", e.CloseCode, printable(e.Reason)))
	}
	return printable(e.Text)
}

// failed is told all errors, of which others know but for this.
func (s *session) failed(e *client.Error) error {
	if e.Code == client.ErrDropped {
		s.out.talk("not sent: %s", text(e))
	}
	return nil
}

// print shows a message and reports whether it is one of the application.
func (s *session) print(m message) (counts bool) {
	e, ok := parse(m)
	s.out.message(m, e, ok)
	return !isOfProtocol(e.Event)
}

func (s *session) receive(m message) error {
	if s.print(m) {
		s.count++
		if s.count == s.cfg.Count {
			return errLeave
		}
	}
	return nil
}
