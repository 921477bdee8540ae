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
	"time"

	"github.com/hearthws/hearth"
)

// Config says where to connect, as whom, and what to do there.
type Config struct {
	URL    string      // ws:// or wss://
	Origin string      // the header of that name; "": none
	TLS    *tls.Config // nil: as the system has it

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

// session is one connection from beginning to end. Its fields belong to the
// goroutine of Run.
type session struct {
	cfg      Config
	conn     *conn
	out      printer
	admitted bool             // `connected` has arrived
	user     string           // whom typed text comes from
	room     string           // where it goes; "": nowhere
	count    int              // messages so far
	problem  string           // of the last error
	lines    <-chan string    // of the input; nil: it is not read
	leave    <-chan time.Time // when to end; nil: that is not known yet
}

// errLeave: the session is over, and what still arrives is of no interest.
var errLeave = errors.New("leave")

// Run connects and stays until the input has ended, Count messages have
// arrived, the connection ends, which is an error, or ctx does.
func Run(ctx context.Context, cfg Config) error {
	c, err := dial(ctx, cfg.URL, cfg.Origin, cfg.TLS)
	if err != nil {
		return err
	}
	s := &session{cfg: cfg, conn: c, out: printer{cfg.Out, cfg.Talk, cfg.JSON, cfg.Event}}
	incoming, ended := c.receive()
	err = s.run(ctx, incoming, ended)
	closed := make(chan struct{})
	go func() {
		c.close()
		close(closed)
	}()
	for m := range incoming { // until the server has said goodbye, too
		if err == nil {
			s.print(m)
		}
	}
	<-closed
	if errors.Is(err, errLeave) {
		return nil
	}
	return err
}

// message is one as it was received.
type message struct {
	payload []byte
	binary  bool
}

// receive reads until the connection ends. Then the messages are closed, and
// the error says how it was.
func (c *conn) receive() (<-chan message, <-chan error) {
	incoming, ended := make(chan message), make(chan error, 1)
	go func() {
		defer close(incoming)
		for {
			payload, binary, err := c.read()
			if err != nil {
				ended <- err
				return
			}
			incoming <- message{payload, binary}
		}
	}()
	return incoming, ended
}

func (s *session) run(ctx context.Context, incoming <-chan message, ended <-chan error) error {
	if err := s.send(hearth.EventAuthenticate, s.cfg.Credentials); err != nil {
		return err
	}
	heartbeat := time.NewTicker(s.cfg.Heartbeat)
	defer heartbeat.Stop()
	for {
		var err error
		select {
		case m, open := <-incoming:
			if !open {
				return s.end(<-ended)
			}
			err = s.receive(m)
		case line, open := <-s.lines:
			if open {
				err = s.typed(line)
				break
			}
			s.lines = nil
			if s.cfg.Count == 0 {
				s.leave = time.After(s.cfg.Wait)
			}
		case <-heartbeat.C:
			err = s.send(hearth.EventHeartbeat, nil)
		case <-s.leave:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}

// end says why the session is over though nobody here wanted it.
func (s *session) end(err error) error {
	if !s.admitted && s.problem != "" {
		return fmt.Errorf("refused: %s", printable(s.problem))
	}
	return err
}

// print shows a message and reports whether it is one of the application.
func (s *session) print(m message) (event envelope, counts bool) {
	e, ok := parse(m)
	s.out.message(m, e, ok)
	return e, e.Event != hearth.EventConnected && e.Event != hearth.EventError
}

func (s *session) receive(m message) error {
	e, counts := s.print(m)
	switch {
	case counts:
		s.count++
		if s.count == s.cfg.Count {
			return errLeave
		}
	case e.Event == hearth.EventError:
		var data struct{ Message string }
		_ = json.Unmarshal(e.Data, &data)
		s.problem = data.Message
	case !s.admitted:
		return s.connected(e)
	}
	return nil
}

// connected joins rooms and begins to read the input.
func (s *session) connected(e envelope) error {
	s.admitted = true
	var data struct{ ID, UserID string }
	_ = json.Unmarshal(e.Data, &data)
	s.user = data.UserID
	if s.user == "" {
		s.user = s.cfg.From
	}
	s.out.talk("connected as %s, client %s", orNobody(data.UserID), data.ID)
	if len(s.cfg.Rooms) > 0 {
		if err := s.join(s.cfg.Rooms); err != nil {
			return err
		}
	}
	if !s.cfg.Listen {
		s.lines = readLines(s.cfg.In)
	}
	return nil
}

func orNobody(user string) string {
	if user == "" {
		return "nobody"
	}
	return user
}

// send sends {event, data}; nil leaves the data out.
func (s *session) send(event string, data any) error {
	m := map[string]any{"event": event}
	if data != nil {
		m["data"] = data
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return s.conn.write(raw)
}
