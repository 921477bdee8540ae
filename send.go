package hearth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"unicode/utf8"

	"github.com/hearthws/hearth/internal/frame"
	"github.com/hearthws/hearth/internal/hub"
	"github.com/hearthws/hearth/internal/transport"
	"github.com/hearthws/hearth/internal/wire"
)

// SendResult says what became of a message to a client when it was queued.
type SendResult int

// The results of Client.Send.
const (
	Dropped SendResult = iota // it was not taken; the error says why
	Sent                      // nothing was queued before it
	Queued                    // it waits behind others
)

func (r SendResult) String() string { return [...]string{"dropped", "sent", "queued"}[r] }

// SendOption changes what a sending method of [Server] or [Emitter] does.
type SendOption struct {
	local   bool
	log     bool
	exclude []string
	async   func(error)
}

// LocalOnly sends to clients of this node only. An [Emitter] ignores it.
func LocalOnly() SendOption { return SendOption{local: true} }

// Exclude leaves out the clients with these ids, on all nodes; for rooms and
// broadcasts. Other methods ignore it.
func Exclude(clientIDs ...string) SendOption { return SendOption{exclude: clientIDs} }

// WithLog writes a log line of level info about the message, without its data.
func WithLog() SendOption { return SendOption{log: true} }

// Async makes the method return nil once the message is on its way, whatever
// its context. done, if not nil, is called once with what the method would have
// returned, from any goroutine and possibly before the method returns; it must
// not block.
func Async(done func(error)) SendOption {
	if done == nil {
		done = func(error) {}
	}
	return SendOption{async: done}
}

func combine(opts []SendOption) (all SendOption) {
	for _, o := range opts {
		all.local = all.local || o.local
		all.log = all.log || o.log
		all.exclude = append(all.exclude, o.exclude...)
		if o.async != nil {
			all.async = o.async
		}
	}
	return all
}

// newMessage encodes a message to clients, once for all its receivers.
func newMessage(event string, data any) (*transport.Frame, error) {
	if event == "" {
		return nil, ErrNoEvent
	}
	raw, err := encodeData(data)
	if err != nil {
		return nil, err
	}
	return messageFrame(event, raw), nil
}

func messageFrame(event string, data json.RawMessage) *transport.Frame {
	f := transport.NewFrame(frame.Text, true, len(event)+len(data)+24, func(dst []byte) []byte {
		return wire.AppendMessage(dst, event, data)
	})
	f.Message, f.Event = true, event
	if data != nil {
		end := len(f.Payload()) - 1
		f.Data = f.Payload()[end-len(data) : end : end]
	}
	return f
}

// Send routes a message by its destination: to everybody if that is empty, to
// the client or the room of that name otherwise; see PROTOCOL.md, "Routing". An
// empty topic or [Absent] data sends nothing. The error is that of the broker,
// see [BrokerSession]; local clients have been sent the message in any case.
func (s *Server) Send(ctx context.Context, destination, topic string, data any, opts ...SendOption) error {
	if _, none := data.(absent); none || topic == "" {
		o := combine(opts)
		return o.answer(nil)
	}
	switch {
	case destination == "":
		return s.Broadcast(ctx, topic, data, opts...)
	case s.hub.Client(destination) != nil || !s.hub.HasRoom(destination) && hub.IsClientID(destination):
		return s.ToClient(ctx, destination, topic, data, opts...)
	}
	return s.ToRoom(ctx, destination, topic, data, opts...)
}

// ToClient sends a message to a client, wherever it is connected. data is
// encoded as JSON: nil is null, a [json.RawMessage] goes as it is, [Absent]
// leaves the data out. It waits for the broker's answer, or for the end of ctx.
// The error is [ErrBackpressure] if the client is here and did not get it, that
// of the broker, or both; none says that anybody has that id.
func (s *Server) ToClient(ctx context.Context, clientID, event string, data any, opts ...SendOption) error {
	o := combine(opts)
	f, err := newMessage(event, data)
	if err != nil {
		return o.answer(err)
	}
	dropped := s.localClient(clientID, f)
	return s.publish(ctx, &o, f, TypeClient, clientID, dropped)
}

// ToUser sends a message to all clients of a user. See [Server.ToClient].
func (s *Server) ToUser(ctx context.Context, userID, event string, data any, opts ...SendOption) error {
	o := combine(opts)
	f, err := newMessage(event, data)
	if err != nil {
		return o.answer(err)
	}
	dropped := s.localUser(userID, f)
	return s.publish(ctx, &o, f, TypeUser, userID, dropped)
}

// ToRoom sends a message to all clients in a room. See [Server.ToClient]; what
// a slow member does not get is no error, but counted. [ErrBackpressure] says
// that messages are sent faster than this node's event loops can hand them out,
// and that some of its members, or all, do not get this one.
func (s *Server) ToRoom(ctx context.Context, room, event string, data any, opts ...SendOption) error {
	o := combine(opts)
	f, err := newMessage(event, data)
	if err != nil {
		return o.answer(err)
	}
	behind := s.taken(s.hub.ToRoom(room, f, s.conns(o.exclude)))
	return s.publish(ctx, &o, f, TypeRoom, room, behind)
}

// Broadcast sends a message to all authenticated clients. See [Server.ToRoom].
func (s *Server) Broadcast(ctx context.Context, event string, data any, opts ...SendOption) error {
	o := combine(opts)
	f, err := newMessage(event, data)
	if err != nil {
		return o.answer(err)
	}
	behind := s.taken(s.hub.ToAll(f, s.conns(o.exclude)))
	return s.publish(ctx, &o, f, TypeBroadcast, "", behind)
}

// Publish sends a message without the {event, data} form to the members of a
// room on this node, but to none whose messages are encrypted. The error
// says what is wrong with raw, or is that of [Server.ToRoom].
func (s *Server) Publish(room string, raw Raw) error {
	f, err := rawFrame(raw)
	if err != nil {
		return err
	}
	return s.taken(s.hub.ToRoom(room, f, nil))
}

// taken turns what the hub says of a room or a broadcast into an error.
func (s *Server) taken(ok bool) error {
	if ok {
		return nil
	}
	s.counters.drops.Add(1)
	return errBehind
}

var errBehind = fmt.Errorf("%w, as more is sent than the event loops can hand out", ErrBackpressure)

var errNoTarget = errors.New("hearth: target is empty")

// publish passes on to the other nodes what was delivered here, and reports
// the error of either.
func (s *Server) publish(ctx context.Context, o *SendOption, f *transport.Frame, typ MessageType, target string, local error) error {
	if typ != TypeBroadcast && target == "" {
		local = errNoTarget
	}
	if o.log {
		s.opts.Logger.Info("message sent", "type", typ, "target", target, "event", f.Event, "bytes", len(f.Payload()))
	}
	if o.local || target == "" && typ != TypeBroadcast {
		return o.answer(local)
	}
	env := Envelope{ServerID: s.id, Type: typ, Target: target, Event: f.Event, Data: f.Data, Exclude: o.exclude}
	if o.async != nil {
		s.session.Publish(env, func(err error) { o.async(errors.Join(local, err)) })
		return nil
	}
	return errors.Join(local, publishAndWait(ctx, s.session, env))
}

func (o *SendOption) answer(err error) error {
	if o.async != nil {
		o.async(err)
		return nil
	}
	return err
}

// answer is what a publisher waits for. It has a channel only while somebody
// waits, so that it can be used again, in other bubbles of testing/synctest too.
type answer struct {
	give func(error) // the method set, bound once

	// Guarded by mu.
	mu   sync.Mutex
	done bool
	err  error
	came chan struct{} // closed by set; nil: nobody waits
}

var answers = sync.Pool{New: func() any {
	a := &answer{}
	a.give = a.set
	return a
}}

func (a *answer) set(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.done, a.err = true, err
	if a.came != nil {
		close(a.came)
	}
}

// take returns the answer if it has come, and lets set close came otherwise.
func (a *answer) take() (done bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.done {
		a.came = make(chan struct{})
		return false, nil
	}
	done, err = true, a.err
	a.done, a.err, a.came = false, nil, nil
	return done, err
}

func publishAndWait(ctx context.Context, session BrokerSession, env Envelope) error {
	a := answers.Get().(*answer)
	session.Publish(env, a.give)
	done, err := a.take()
	if !done {
		select {
		case <-a.came:
		case <-ctx.Done():
			return ctx.Err() // a is set later, and nobody else may have it
		}
		_, err = a.take()
	}
	answers.Put(a)
	return err
}

// conns are the connections of those ids that are here.
func (s *Server) conns(ids []string) []*transport.Conn {
	var all []*transport.Conn
	for _, id := range ids {
		if c := s.hub.Client(id); c != nil {
			all = append(all, &c.Conn)
		}
	}
	return all
}

func (s *Server) localClient(id string, f *transport.Frame) error {
	c := s.Client(id)
	if c == nil || c.state() != stateAuthenticated {
		return nil
	}
	_, err := c.enqueue(f)
	return err
}

func (s *Server) localUser(id string, f *transport.Frame) error {
	var dropped error
	for _, hc := range s.hub.User(id) {
		c := clientOf(hc)
		if c.state() != stateAuthenticated {
			continue
		}
		if _, err := c.enqueue(f); err != nil {
			dropped = err
		}
	}
	return dropped
}

// enqueue sends frames to an authenticated client, all or none.
func (c *Client) enqueue(f *transport.Frame, more ...*transport.Frame) (SendResult, error) {
	switch c.server.hub.ToClient(&c.hub, f, more...) {
	case transport.First:
		return Sent, nil
	case transport.Behind:
		return Queued, nil
	}
	c.dropped()
	return Dropped, ErrBackpressure
}

// sendError tells the client of a mistake, in whatever state it is.
func (c *Client) sendError(text string) {
	c.server.counters.errors.Add(1)
	data := wire.AppendString([]byte(`{"message":`), text)
	f := messageFrame(EventError, append(data, '}'))
	c.server.hub.ToClient(&c.hub, f)
}

// rawFrame encodes a frame that is not an {event, data} message.
func rawFrame(raw Raw) (*transport.Frame, error) {
	op := frame.Binary
	if !raw.Binary {
		op = frame.Text
		if !utf8.Valid(raw.Payload) {
			return nil, errors.New("hearth: text is not UTF-8; set Raw.Binary to send bytes")
		}
	}
	return transport.FrameOf(op, !raw.NoCompress, raw.Payload), nil
}
