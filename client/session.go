package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hearthws/hearth/internal/frame"
	"github.com/hearthws/hearth/internal/wire"
	"github.com/hearthws/hearth/seal"
)

// Connection is what the server said in `connected`.
type Connection struct {
	ID        string          // of this connection: another one at every reconnect
	UserID    string          // "": authentication gave none
	Time      time.Time       // of the server
	Encrypted bool            // whether what the server sends is sealed
	Data      json.RawMessage // all of it
}

var (
	heartbeatMessage = Message{Event: eventHeartbeat, Raw: wire.AppendMessage(nil, eventHeartbeat, nil)}
	// A second `authenticate` changes nothing and is always answered, by an
	// error with the text below: the only question of the protocol that every
	// server answers.
	question = Message{Event: eventAuthenticate, Raw: wire.AppendMessage(nil, eventAuthenticate, nil)}
)

const answer = "Already authenticated"

// session is one connection from its credentials to its end; never used again.
type session struct {
	client *Client
	run    *run
	socket *socket

	// Owned by the run's goroutine.
	offer     *seal.Offer         // nil: nothing is sealed
	seal      *seal.ClientSession // nil: not yet, or not at all
	connected time.Time           // zero: not yet
	said      Message             // the last `error` before `connected`

	pulse   pulse
	answers atomic.Int32 // to questions of the heartbeat that are still to come
}

// live connects and returns how the connection has ended. Then nothing of it is
// left but what was not written, which the caller has to take.
func (s *session) live() (l left, err *Error) {
	opts := &s.client.opts
	ctx, cancel := context.WithTimeout(s.run.ctx, opts.ConnectTimeout)
	defer cancel()
	authenticate, err := s.authenticate(ctx)
	if err != nil {
		return left{}, err
	}
	if s.socket, err = s.client.dialer.dial(ctx); err != nil {
		return left{}, err
	}
	defer func() { // also when a handler ends the goroutine
		s.pulse.stop()
		s.client.detach(s)
		l = s.socket.end()
	}()
	deadline, _ := ctx.Deadline()
	s.socket.mustArriveBy(deadline)
	stop := context.AfterFunc(s.run.ctx, s.socket.close)
	defer stop()
	s.socket.put(forget, authenticate)
	err = s.socket.read(s.pulse.heard, s.receive)
	if err.Code == ErrTimeout {
		err = s.client.dialer.late(err.Err)
	}
	if err.CloseCode != 0 {
		err = closeError(err.CloseCode, err.Reason, s.said)
	}
	return left{}, err
}

// authenticate makes the message of that name.
func (s *session) authenticate(ctx context.Context) (Message, *Error) {
	opts := &s.client.opts
	data, err := credentials(ctx, opts)
	if err != nil {
		if ctx.Err() != nil {
			err = s.client.dialer.late(err)
		}
		return Message{}, err
	}
	if opts.Encryption != nil {
		if s.offer, data, err = offerSeal(opts.Encryption, data); err != nil {
			return Message{}, err
		}
	}
	return encode(eventAuthenticate, data, nil)
}

// credentials are nil if there are none.
func credentials(ctx context.Context, opts *Options) (json.RawMessage, *Error) {
	if opts.Credentials == nil {
		return nil, nil
	}
	value, err := opts.Credentials(ctx)
	var own *Error
	switch {
	case errors.As(err, &own) && own.Final():
		return nil, own
	case errors.Is(err, ErrRejected):
		return nil, &Error{Code: ErrRejected, Text: fmt.Sprintf("there are no credentials: %v", err), Err: err}
	case err != nil:
		return nil, &Error{Code: ErrToken, Text: fmt.Sprintf("the credentials could not be got: %v", err), Err: err}
	}
	if token, ok := value.(string); ok {
		value = map[string]string{"token": token}
	}
	raw, err := encodeValue(value)
	if err != nil {
		return nil, &Error{Code: ErrUsage, Text: fmt.Sprintf("the credentials cannot be written as JSON: %v", err), Err: err}
	}
	return raw, nil
}

// receive takes a WebSocket message. An error ends the connection.
func (s *session) receive(op frame.Opcode, payload []byte) *Error {
	if s.run.isOver() {
		return nil // nobody wants it any more
	}
	raw := append([]byte(nil), payload...)
	if s.seal != nil {
		plain, err := s.seal.Open(raw)
		if err != nil {
			return sealError(err)
		}
		raw, op = plain, frame.Text
	}
	var m Message
	if op == frame.Text {
		m = parse(raw)
	}
	switch {
	case s.connected.IsZero():
		return s.greet(m)
	case m.Event == "":
		s.tell(func(hs *handlers) { of(hs, &hs.raw).call(Raw{raw, op == frame.Binary}) })
	case m.Event == eventError && textOf(m) == answer && s.answers.Load() > 0:
		s.answers.Add(-1)
	default:
		s.tell(func(hs *handlers) { hs.message(m) })
		if m.Event == eventError {
			text := textOf(m)
			if text == "" {
				text = "an error"
			}
			e := &Error{Code: ErrServer, Text: "the server reports: " + text, Message: m}
			s.tell(func(hs *handlers) { of(hs, &hs.errors).call(e) })
		}
	}
	return nil
}

// tell calls handlers, and waits for them: what arrives faster than it is
// handled stays in the network.
func (s *session) tell(f func(hs *handlers)) {
	s.pulse.pause()
	defer s.pulse.resume()
	c := s.client
	c.calls.put(func() {
		if !s.run.isOver() {
			f(&c.handlers)
		}
	})
	c.calls.finish(s.run.ctx)
}

// greet takes what comes before `connected`. There is nothing for the
// application: errors, and what a server should not send.
func (s *session) greet(m Message) *Error {
	switch m.Event {
	case eventError:
		s.said = m
	case eventConnected:
		if s.offer != nil {
			var err error
			if s.seal, err = s.offer.Accept(m.Data); err != nil {
				return sealError(err)
			}
			if s.seal.Inbound() {
				s.socket.sealWith(s.seal.Seal)
			}
		}
		s.connected = time.Now()
		s.socket.mustArriveBy(time.Time{})
		s.pulse.every = s.client.opts.Heartbeat
		s.pulse.beat = func() { s.socket.put(forget, heartbeatMessage) }
		s.pulse.ask = s.ask
		s.pulse.silent = s.silent
		s.pulse.start()
		s.pulse.pause() // as in tell
		defer s.pulse.resume()
		s.client.attach(s, connection(m.Data, s.seal != nil))
	}
	return nil
}

func (s *session) ask() {
	s.answers.Add(1)
	s.socket.put(forget, question)
}

func (s *session) silent() {
	s.socket.giveUp(&Error{Code: ErrSilent, Text: fmt.Sprintf("the server did not answer for %s", s.pulse.every.Timeout)})
}

// lasted is how long the session was connected.
func (s *session) lasted() time.Duration {
	if s.connected.IsZero() {
		return 0
	}
	return time.Since(s.connected)
}

func connection(data json.RawMessage, encrypted bool) Connection {
	c := Connection{Encrypted: encrypted, Data: data}
	for name, to := range map[string]any{"id": &c.ID, "userId": &c.UserID, "time": &c.Time} {
		text, _ := wire.Member(data, name)
		_ = json.Unmarshal(text, to) // what is not there stays empty
	}
	return c
}
