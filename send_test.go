package hearth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// scene is a server with some clients, all of whose envelopes are kept.
type scene struct {
	*hearthtest.Server
	broker  *fakeBroker
	clients map[string]*hearthtest.Client // a and b of user ann, c of user cat; "early" is not authenticated
}

// newScene puts a and c into room r.
func newScene(t testing.TB, opts hearth.Options) *scene {
	t.Helper()
	broker := newFakeBroker()
	opts.Broker = broker
	s := &scene{hearthtest.New(t, opts), broker, map[string]*hearthtest.Client{}}
	for name, id := range map[string]string{"a": "ann", "b": "ann", "c": "cat"} {
		s.clients[name] = s.Connect(user(id))
	}
	for _, name := range []string{"a", "c"} {
		if err := s.clients[name].Conn().Join("r"); err != nil {
			t.Fatal(err)
		}
	}
	s.clients["early"] = s.Dial()
	return s
}

// id replaces the name of a client by its id.
func (s *scene) id(name string) string {
	if c := s.clients[name]; c != nil {
		return c.ID()
	}
	return name
}

// expectGot checks who has received message, once and nothing else.
func (s *scene) expectGot(t testing.TB, message string, names ...string) {
	t.Helper()
	synctest.Wait()
	got := map[string][]string{}
	want := map[string][]string{}
	for name, c := range s.clients {
		for _, m := range c.Received() {
			got[name] = append(got[name], m.String())
		}
	}
	for _, name := range names {
		want[name] = []string{message}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("who received what (-want +got):\n%s", diff)
	}
}

// expectPublished checks what went to the broker since the last time.
func (s *scene) expectPublished(t testing.TB, want ...hearth.Envelope) {
	t.Helper()
	for i := range want {
		want[i].ServerID = s.ID()
	}
	if diff := cmp.Diff(want, s.broker.taken()); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
}

// Send finds out whom its destination means; PROTOCOL.md, "Routing".
func TestSendRouting(t *testing.T) {
	const foreign = "01234567-89ab-8def-8123-456789abcdef" // id of a client of another node
	type test struct {
		name, destination string
		got               []string // who is here
		typ               hearth.MessageType
	}
	bubbles(t, []test{
		{"empty", "", []string{"a", "b", "c"}, hearth.TypeBroadcast},
		{"client", "b", []string{"b"}, hearth.TypeClient},
		{"client that is not authenticated", "early", nil, hearth.TypeClient},
		{"room", "r", []string{"a", "c"}, hearth.TypeRoom},
		{"default room", "ws-default", []string{"a", "b", "c"}, hearth.TypeRoom},
		{"room of others", "nowhere", nil, hearth.TypeRoom},
		{"user", "ann", nil, hearth.TypeRoom},
		{"client of another node", foreign, nil, hearth.TypeClient},
		{"client of an original node", "01234567-89ab-4def-8123-456789abcdef", nil, hearth.TypeRoom},
	}, func(test test) string { return test.name }, func(t *testing.T, test test) {
		s := newScene(t, accepting())
		destination := s.id(test.destination)
		if err := s.Send(t.Context(), destination, "topic", 1); err != nil {
			t.Error(err)
		}
		s.expectGot(t, `{"event":"topic","data":1}`, test.got...)
		s.expectPublished(t, hearth.Envelope{Type: test.typ, Target: destination, Event: "topic", Data: json.RawMessage("1")})
	})
	t.Run("client and room of the same name", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := newScene(t, accepting())
			_ = s.clients["a"].Conn().Join(s.id("b"))
			if err := s.Send(t.Context(), s.id("b"), "topic", 1); err != nil {
				t.Error(err)
			}
			s.expectGot(t, `{"event":"topic","data":1}`, "b")
		})
	})
	t.Run("room named like a client of another node", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := newScene(t, accepting())
			_ = s.clients["a"].Conn().Join(foreign)
			if err := s.Send(t.Context(), foreign, "topic", 1); err != nil {
				t.Error(err)
			}
			s.expectGot(t, `{"event":"topic","data":1}`, "a")
			s.expectPublished(t, hearth.Envelope{Type: hearth.TypeRoom, Target: foreign, Event: "topic", Data: json.RawMessage("1")})
		})
	})
	t.Run("nothing to send", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := newScene(t, accepting())
			if err := s.Send(t.Context(), "", "", 1); err != nil {
				t.Error(err)
			}
			if err := s.Send(t.Context(), "r", "topic", hearth.Absent); err != nil {
				t.Error(err)
			}
			answers := 0
			if err := s.Send(t.Context(), "r", "topic", hearth.Absent, hearth.Async(func(error) { answers++ })); err != nil || answers != 1 {
				t.Errorf("with Async it returns %v and answers %d times", err, answers)
			}
			s.expectGot(t, "")
			s.expectPublished(t)
			if err := s.Send(t.Context(), "r", "topic", nil); err != nil { // null is something
				t.Error(err)
			}
			s.expectGot(t, `{"event":"topic","data":null}`, "a", "c")
		})
	})
}

// verb is one of the four, bound to a target.
type verb struct {
	name string
	typ  hearth.MessageType
	to   string // a name, see scene
	got  []string
	send func(s *scene, ctx context.Context, target, event string, data any, opts ...hearth.SendOption) error
}

func verbs() []verb {
	return []verb{
		{"ToClient", hearth.TypeClient, "b", []string{"b"}, func(s *scene, ctx context.Context, target, event string, data any, opts ...hearth.SendOption) error {
			return s.ToClient(ctx, target, event, data, opts...)
		}},
		{"ToUser", hearth.TypeUser, "ann", []string{"a", "b"}, func(s *scene, ctx context.Context, target, event string, data any, opts ...hearth.SendOption) error {
			return s.ToUser(ctx, target, event, data, opts...)
		}},
		{"ToRoom", hearth.TypeRoom, "r", []string{"a", "c"}, func(s *scene, ctx context.Context, target, event string, data any, opts ...hearth.SendOption) error {
			return s.ToRoom(ctx, target, event, data, opts...)
		}},
		{"Broadcast", hearth.TypeBroadcast, "", []string{"a", "b", "c"}, func(s *scene, ctx context.Context, _, event string, data any, opts ...hearth.SendOption) error {
			return s.Broadcast(ctx, event, data, opts...)
		}},
	}
}

func TestVerbs(t *testing.T) {
	bubbles(t, verbs(), func(v verb) string { return v.name }, func(t *testing.T, v verb) {
		s := newScene(t, accepting())
		target := s.id(v.to)
		send := func(data any, opts ...hearth.SendOption) {
			t.Helper()
			if err := v.send(s, t.Context(), target, "e", data, opts...); err != nil {
				t.Error(err)
			}
		}
		env := hearth.Envelope{Type: v.typ, Target: target, Event: "e", Data: json.RawMessage("1")}

		send(1)
		s.expectGot(t, `{"event":"e","data":1}`, v.got...)
		s.expectPublished(t, env)

		send(1, hearth.LocalOnly())
		s.expectGot(t, `{"event":"e","data":1}`, v.got...)
		s.expectPublished(t)

		send(hearth.Absent)
		s.expectGot(t, `{"event":"e"}`, v.got...)
		absent := env
		absent.Data = nil
		s.expectPublished(t, absent)

		if v.typ == hearth.TypeRoom || v.typ == hearth.TypeBroadcast {
			send(1, hearth.Exclude(s.id("a")), hearth.Exclude("nobody", s.id("early")))
			var rest []string
			for _, name := range v.got {
				if name != "a" {
					rest = append(rest, name)
				}
			}
			s.expectGot(t, `{"event":"e","data":1}`, rest...)
			excluding := env
			excluding.Exclude = []string{s.id("a"), "nobody", s.id("early")}
			s.expectPublished(t, excluding)
		}
	})
}

// A room of a client's own id can be excluded from, too.
func TestExcludeOwnRoom(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newScene(t, accepting())
		_ = s.clients["b"].Conn().Join(s.id("a"))
		_ = s.ToRoom(t.Context(), s.id("a"), "e", 1, hearth.Exclude(s.id("a")))
		s.expectGot(t, `{"event":"e","data":1}`, "b")
		_ = s.ToRoom(t.Context(), s.id("a"), "e", 1)
		s.expectGot(t, `{"event":"e","data":1}`, "a", "b")
	})
}

// An anonymous user is nobody's target.
func TestNoTarget(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newScene(t, accepting())
		s.clients["anonymous"] = s.Connect(nil)
		for _, v := range verbs()[:3] {
			if err := v.send(s, t.Context(), "", "e", 1); err == nil || !strings.Contains(err.Error(), "target is empty") {
				t.Errorf("%s without a target returns %v", v.name, err)
			}
		}
		s.expectGot(t, "")
		s.expectPublished(t)
	})
}

// What a caller can do wrong, and what a broker.
func TestVerbErrors(t *testing.T) {
	bubbles(t, verbs(), func(v verb) string { return v.name }, func(t *testing.T, v verb) {
		s := newScene(t, accepting())
		target := s.id(v.to)
		var answers []error
		for _, opts := range [][]hearth.SendOption{nil, {hearth.Async(func(err error) { answers = append(answers, err) })}} {
			async := opts != nil
			outcome := func(returned error) error {
				t.Helper()
				if !async {
					return returned
				}
				if returned != nil || len(answers) != 1 {
					t.Errorf("with Async it returns %v and gives %d answers", returned, len(answers))
					return returned
				}
				err := answers[0]
				answers = nil
				return err
			}
			if err := outcome(v.send(s, t.Context(), target, "", 1, opts...)); !errors.Is(err, hearth.ErrNoEvent) {
				t.Errorf("without an event: %v", err)
			}
			var unsupported *json.UnsupportedValueError
			if err := outcome(v.send(s, t.Context(), target, "e", math.Inf(1), opts...)); !errors.As(err, &unsupported) {
				t.Errorf("data that is not JSON: %v", err)
			}
			if err := outcome(v.send(s, t.Context(), target, "e", json.RawMessage("{"), opts...)); err == nil {
				t.Error("data that is broken JSON: no error")
			}
			s.expectGot(t, "")
			s.expectPublished(t)

			s.broker.publish = func(_ hearth.Envelope, done func(error)) { done(hearth.ErrBrokerUnavailable) }
			if err := outcome(v.send(s, t.Context(), target, "e", 1, opts...)); !errors.Is(err, hearth.ErrBrokerUnavailable) {
				t.Errorf("the broker is away: %v", err)
			}
			s.expectGot(t, `{"event":"e","data":1}`, v.got...) // who is here gets it in any case
			if err := outcome(v.send(s, t.Context(), target, "e", 1, append(opts, hearth.LocalOnly())...)); err != nil {
				t.Errorf("this node only: %v", err)
			}
			s.expectGot(t, `{"event":"e","data":1}`, v.got...)
			s.broker.publish = nil
			if err := outcome(v.send(s, t.Context(), target, "e", 1, opts...)); err != nil {
				t.Error(err)
			}
			s.expectGot(t, `{"event":"e","data":1}`, v.got...)
			s.broker.taken()
		}
	})
}

// A caller waits for the broker's answer as long as its context lets it.
func TestBrokerThatDoesNotAnswer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newScene(t, accepting())
		late := make(chan func(error), 4)
		s.broker.publish = func(_ hearth.Envelope, done func(error)) { late <- done }
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if err := s.Broadcast(ctx, "e", 1); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("it returns %v after %s", err, time.Since(began))
		}
		s.expectGot(t, `{"event":"e","data":1}`, "a", "b", "c")
		givenUp := <-late
		go func() {
			time.Sleep(time.Minute)
			(<-late)(hearth.ErrBrokerOverloaded)
		}()
		if err := s.Broadcast(t.Context(), "e", 2); !errors.Is(err, hearth.ErrBrokerOverloaded) {
			t.Errorf("it returns %v, want the broker's late answer", err)
		}
		var answers []error
		_ = s.Broadcast(t.Context(), "e", 3, hearth.Async(func(err error) { answers = append(answers, err) }))
		_ = s.Broadcast(t.Context(), "e", 4, hearth.Async(nil))
		givenUp(nil) // which concerns nobody any more
		(<-late)(nil)
		(<-late)(nil)
		if len(answers) != 1 || answers[0] != nil {
			t.Errorf("answers %v, want one without an error", answers)
		}
	})
}

// A log line is written on demand, without the data.
func TestWithLog(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var log bytes.Buffer
		opts := accepting()
		opts.Logger = slog.New(slog.NewTextHandler(&log, nil))
		s := newScene(t, opts)
		_ = s.ToRoom(t.Context(), "r", "e", "secret")
		if log.Len() != 0 {
			t.Errorf("without being asked it writes %s", log.String())
		}
		_ = s.ToRoom(t.Context(), "r", "e\nvil", "secret", hearth.WithLog(), hearth.LocalOnly())
		line := log.String()
		if strings.Count(line, "\n") != 1 || !strings.Contains(line, `type=room target=r event="e\nvil"`) || strings.Contains(line, "secret") {
			t.Errorf("it writes %q", line)
		}
	})
}

// data reaches clients and other nodes as the same bytes.
func TestData(t *testing.T) {
	for _, test := range []struct {
		data any
		want string
	}{
		{nil, `null`},
		{json.RawMessage(nil), `null`},
		{json.RawMessage(` {"a" : 1e400, "a":"\ud800", "n":12345678901234567890 }`), ` {"a" : 1e400, "a":"\ud800", "n":12345678901234567890 }`},
		{"a\"<\u2028é", "\"a\\\"<\u2028é\""},
		{map[string]any{"html": "<b>&"}, `{"html":"<b>&"}`},
		{[]byte("hi"), `"aGk="`},
		{struct{}{}, `{}`},
		{[]int(nil), `null`},
		{true, `true`},
	} {
		t.Run(test.want, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := newScene(t, accepting())
				if err := s.Broadcast(t.Context(), "e", test.data); err != nil {
					t.Fatal(err)
				}
				s.expectGot(t, `{"event":"e","data":`+test.want+`}`, "a", "b", "c")
				s.expectPublished(t, hearth.Envelope{Type: hearth.TypeBroadcast, Event: "e", Data: json.RawMessage(test.want)})
			})
		})
	}
}

// What other nodes publish concerns whom type and target say, whatever channel
// it came on, and never comes back.
func TestDelivered(t *testing.T) {
	type test struct {
		name string
		env  hearth.Envelope // Target and Exclude hold names
		got  []string
	}
	bubbles(t, []test{
		{"broadcast", hearth.Envelope{Type: hearth.TypeBroadcast}, []string{"a", "b", "c"}},
		{"broadcast without", hearth.Envelope{Type: hearth.TypeBroadcast, Exclude: []string{"a", "nobody"}}, []string{"b", "c"}},
		{"room", hearth.Envelope{Type: hearth.TypeRoom, Target: "r"}, []string{"a", "c"}},
		{"room without", hearth.Envelope{Type: hearth.TypeRoom, Target: "r", Exclude: []string{"c"}}, []string{"a"}},
		{"room of a client's id", hearth.Envelope{Type: hearth.TypeRoom, Target: "b"}, []string{"b"}},
		{"room of the id of one who is not authenticated", hearth.Envelope{Type: hearth.TypeRoom, Target: "early"}, nil},
		{"client", hearth.Envelope{Type: hearth.TypeClient, Target: "b"}, []string{"b"}},
		{"client, exclude does not count", hearth.Envelope{Type: hearth.TypeClient, Target: "b", Exclude: []string{"b"}}, []string{"b"}},
		{"client who is not authenticated", hearth.Envelope{Type: hearth.TypeClient, Target: "early"}, nil},
		{"user", hearth.Envelope{Type: hearth.TypeUser, Target: "ann"}, []string{"a", "b"}},
		{"user, exclude does not count", hearth.Envelope{Type: hearth.TypeUser, Target: "ann", Exclude: []string{"a"}}, []string{"a", "b"}},
		{"nobody", hearth.Envelope{Type: hearth.TypeUser, Target: "dan"}, nil},
	}, func(test test) string { return test.name }, func(t *testing.T, test test) {
		s := newScene(t, accepting())
		env := test.env
		env.Event, env.Data, env.ServerID = "e", json.RawMessage("1"), hearth.EmitterID
		env.Target = s.id(env.Target)
		env.Exclude = nil
		for _, name := range test.env.Exclude {
			env.Exclude = append(env.Exclude, s.id(name))
		}
		s.broker.deliver(env)
		s.expectGot(t, `{"event":"e","data":1}`, test.got...)
		env.Data = nil
		s.broker.deliver(env)
		s.expectGot(t, `{"event":"e"}`, test.got...)
		env.ServerID = s.ID() // was delivered here already
		s.broker.deliver(env)
		s.expectGot(t, "")
		s.expectPublished(t)
		if got := s.Stats().EnvelopesIn; got != 2 {
			t.Errorf("%d envelopes are counted, want 2", got)
		}
	})
}

// What Client.Send says of each message.
func TestClientSend(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newScene(t, accepting())
		send := func(name, event string, data any, want hearth.SendResult, err error) {
			t.Helper()
			got, gotErr := s.clients[name].Conn().Send(event, data)
			if got != want || !errors.Is(gotErr, err) {
				t.Errorf("it is %s with %v, want %s with %v", got, gotErr, want, err)
			}
		}
		synctest.Wait()
		send("a", "e", 1, hearth.Sent, nil)
		s.expectGot(t, `{"event":"e","data":1}`, "a")
		send("a", "", 1, hearth.Dropped, hearth.ErrNoEvent)
		send("early", "e", 1, hearth.Dropped, hearth.ErrNotAuthenticated)
		if got, err := s.clients["a"].Conn().Send("e", func() {}); got != hearth.Dropped || err == nil {
			t.Errorf("data that is not JSON: %s with %v", got, err)
		}
		s.expectGot(t, "")
		s.clients["a"].Conn().Close(4000, "out")
		send("a", "e", 1, hearth.Dropped, hearth.ErrClosed)
		synctest.Wait()
		send("a", "e", 1, hearth.Dropped, hearth.ErrClosed)
		s.expectGot(t, "")
		s.expectPublished(t)
		if got := []string{hearth.Sent.String(), hearth.Queued.String(), hearth.Dropped.String()}; !cmp.Equal(got, []string{"sent", "queued", "dropped"}) {
			t.Errorf("results are called %v", got)
		}
	})
}
