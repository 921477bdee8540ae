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

func newEmitter(t testing.TB, broker hearth.Broker) *hearth.Emitter {
	t.Helper()
	e, err := hearth.NewEmitter(t.Context(), broker, hearth.EmitterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return e
}

// An emitter reaches the clients of all servers on its broker.
func TestEmitterReachesAll(t *testing.T) {
	bubble(t, func(t *testing.T) {
		opts := accepting()
		opts.Broker = hearth.NewMemoryBroker()
		nodes := hearthtest.NewCluster(t, 2, opts)
		a, b := nodes[0].Connect(user("ann")), nodes[1].Connect(user("bob"))
		_ = b.Conn().Join("r")
		early := nodes[0].Dial()
		e := newEmitter(t, opts.Broker)
		ctx := t.Context()
		for _, err := range []error{
			e.Broadcast(ctx, "e", "all"),
			e.Broadcast(ctx, "e", "but b", hearth.Exclude(b.ID())),
			e.ToRoom(ctx, "r", "e", "room"),
			e.ToRoom(ctx, "r", "e", "nobody", hearth.Exclude(b.ID())),
			e.ToUser(ctx, "ann", "e", "user"),
			e.ToClient(ctx, a.ID(), "e", hearth.Absent),
			e.ToClient(ctx, early.ID(), "e", "secret"),
		} {
			if err != nil {
				t.Error(err)
			}
		}
		expectReceived(t, a, `{"event":"e","data":"all"}`, `{"event":"e","data":"but b"}`, `{"event":"e","data":"user"}`, `{"event":"e"}`)
		expectReceived(t, b, `{"event":"e","data":"all"}`, `{"event":"e","data":"room"}`)
		expectReceived(t, early)
		if got := e.Stats().Published; got != 7 {
			t.Errorf("%d envelopes are counted, want 7", got)
		}
	})
}

func TestEmitterEnvelopes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		broker := newFakeBroker()
		e := newEmitter(t, broker)
		if broker.node.ServerID != "emitter" || broker.node.Deliver != nil || broker.node.Logger == nil {
			t.Errorf("it opens the broker as %+v", broker.node)
		}
		ctx := t.Context()
		_ = e.ToClient(ctx, "c", "e", nil)
		_ = e.ToUser(ctx, "u", "e", hearth.Absent)
		_ = e.ToRoom(ctx, "r", "e", map[string]int{"a": 1}, hearth.Exclude("x", "y"), hearth.LocalOnly())
		_ = e.Broadcast(ctx, "e", "d")
		want := []hearth.Envelope{
			{ServerID: "emitter", Type: hearth.TypeClient, Target: "c", Event: "e", Data: json.RawMessage("null")},
			{ServerID: "emitter", Type: hearth.TypeUser, Target: "u", Event: "e"},
			{ServerID: "emitter", Type: hearth.TypeRoom, Target: "r", Event: "e", Data: json.RawMessage(`{"a":1}`), Exclude: []string{"x", "y"}},
			{ServerID: "emitter", Type: hearth.TypeBroadcast, Event: "e", Data: json.RawMessage(`"d"`)},
		}
		if diff := cmp.Diff(want, broker.taken()); diff != "" {
			t.Errorf("published (-want +got):\n%s", diff)
		}
	})
}

func TestEmitterErrors(t *testing.T) {
	bubble(t, func(t *testing.T) {
		broker := newFakeBroker()
		var log bytes.Buffer
		e, err := hearth.NewEmitter(t.Context(), broker, hearth.EmitterOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		var answers []error
		async := hearth.Async(func(err error) { answers = append(answers, err) })
		broker.publish = func(_ hearth.Envelope, done func(error)) { done(hearth.ErrBrokerUnavailable) }
		for i, test := range []struct {
			do   func(opts ...hearth.SendOption) error
			want string
		}{
			{func(opts ...hearth.SendOption) error { return e.Broadcast(ctx, "", 1, opts...) }, "event is empty"},
			{func(opts ...hearth.SendOption) error { return e.ToRoom(ctx, "", "e", 1, opts...) }, "target is empty"},
			{func(opts ...hearth.SendOption) error { return e.ToUser(ctx, "", "e", 1, opts...) }, "target is empty"},
			{func(opts ...hearth.SendOption) error { return e.ToClient(ctx, "", "e", 1, opts...) }, "target is empty"},
			{func(opts ...hearth.SendOption) error { return e.Broadcast(ctx, "e", math.NaN(), opts...) }, "cannot be written as JSON"},
			{func(opts ...hearth.SendOption) error { return e.Broadcast(ctx, "e", 1, opts...) }, "broker is unavailable"},
		} {
			if err := test.do(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%d: it returns %v, want %q", i, err, test.want)
			}
			answers = nil
			if err := test.do(async); err != nil || len(answers) != 1 || !strings.Contains(answers[0].Error(), test.want) {
				t.Errorf("%d: with Async it returns %v and answers %v, want %q", i, err, answers, test.want)
			}
		}
		broker.publish = func(hearth.Envelope, func(error)) {}
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if err := e.Broadcast(short, "e", 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a broker that does not answer: %v", err)
		}
		broker.publish = nil
		_ = e.ToRoom(ctx, "r", "e", "secret", hearth.WithLog())
		if !strings.Contains(log.String(), "emitter=WebSocketEmitter type=room target=r event=e") || strings.Contains(log.String(), "secret") {
			t.Errorf("it writes %q", log.String())
		}
		if err := e.Close(ctx); err != nil {
			t.Error(err)
		}
	})
}

func TestNewEmitter(t *testing.T) {
	var option *hearth.OptionError
	if _, err := hearth.NewEmitter(t.Context(), nil, hearth.EmitterOptions{}); !errors.As(err, &option) || option.Field != "broker" {
		t.Errorf("without a broker: %v", err)
	}
	bubble(t, func(t *testing.T) {
		broker := newFakeBroker()
		broker.open = func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}
		began := time.Now()
		if _, err := hearth.NewEmitter(t.Context(), broker, hearth.EmitterOptions{}); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 30*time.Second {
			t.Errorf("a broker that does not open: %v after %s, want 30s", err, time.Since(began))
		}
	})
}

// Close may be called again, and then nothing is sent any more.
func TestEmitterClose(t *testing.T) {
	bubble(t, func(t *testing.T) {
		opts := accepting()
		opts.Broker = hearth.NewMemoryBroker()
		s := hearthtest.New(t, opts)
		c := s.Connect(nil)
		e := newEmitter(t, opts.Broker)
		for range 2 {
			if err := e.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if err := e.Broadcast(t.Context(), "e", 1); !errors.Is(err, hearth.ErrClosed) {
			t.Errorf("after Close it returns %v", err)
		}
		synctest.Wait()
		expectReceived(t, c)
	})
}
