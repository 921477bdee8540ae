package hearth_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// stage is a point on the way to `connected` at which a client may leave.
type stage string

const (
	inAuthenticate stage = "Authenticate"
	inHandshake    stage = "Handshake"
	inSubscribe    stage = "wait for subscriptions"
	inOnConnect    stage = "OnConnect"
)

// stopAt are options that stop at a stage until release. The hook there does
// not look at its context.
func stopAt(at stage, j *journal, broker *fakeBroker) (opts hearth.Options, release func()) {
	released := make(chan struct{})
	stop := func(here stage) {
		if here == at {
			<-released
			j.note("%s returns", here)
		}
	}
	opts = accepting()
	accept := opts.Authenticate
	opts.Authenticate = func(ctx context.Context, c *hearth.Client, data json.RawMessage) (hearth.Identity, error) {
		stop(inAuthenticate)
		return accept(ctx, c, data)
	}
	opts.RequireEncryption, opts.Transform = true, asItIs
	opts.Handshake = func(context.Context, *hearth.Client, json.RawMessage) (hearth.HandshakeResult, error) {
		stop(inHandshake)
		return hearth.HandshakeResult{ServerPublicKey: "k"}, nil
	}
	opts.OnConnect = func(context.Context, *hearth.Client) error {
		stop(inOnConnect)
		return nil
	}
	if at == inSubscribe {
		broker.hold()
	}
	opts.Broker = broker
	opts.SubscribeWait = time.Hour
	opts.AuthTimeout = time.Hour
	return journaled(j, opts), func() { close(released) }
}

// A client that leaves on the way in is never let in, and OnDisconnect follows
// the hook that was running.
func TestLeavesOnTheWayIn(t *testing.T) {
	const (
		authenticates = `Authenticate {"user":"ann"} authenticating`
		shakes        = `Handshake {"user":"ann"} authenticating`
		connects      = `OnConnect authenticated "ann"`
	)
	type test struct {
		at     stage
		before []string
		user   string // that OnDisconnect sees
	}
	bubbles(t, []test{
		{inAuthenticate, []string{authenticates}, ""},
		{inHandshake, []string{authenticates, shakes}, "ann"},
		{inSubscribe, []string{authenticates, shakes}, "ann"},
		{inOnConnect, []string{authenticates, shakes, connects}, "ann"},
	}, func(test test) string { return string(test.at) }, func(t *testing.T, test test) {
		var j journal
		broker := newFakeBroker()
		opts, release := stopAt(test.at, &j, broker)
		s := hearthtest.New(t, opts)
		c := s.Dial()
		c.Send("authenticate", user("ann"))
		synctest.Wait()
		j.expect(t, test.before...)
		c.Drop()
		synctest.Wait()
		left := `OnDisconnect disconnected "` + test.user + `" 1006 ""`
		want := test.before
		if test.at != inSubscribe { // which ends with the connection
			j.expect(t, want...)
			release()
			synctest.Wait()
			want = append(want, string(test.at)+" returns")
		}
		j.expect(t, append(want, left)...)
		if test.at != inOnConnect {
			expectReceived(t, c)
		}
		if st := s.Stats(); st.Connections != 0 || st.Unauthorized+st.Authenticating+st.Authenticated != 0 || st.Rooms != 0 {
			t.Errorf("the client is still there: %+v", st)
		}
		if got := broker.wanted(); len(got) != 1 {
			t.Errorf("channels subscribed: %v, want only the broadcast", got)
		}
	})
}

// What a client has sent before it left is handled; what is sent away is not.
func TestPendingAtTheEnd(t *testing.T) {
	type test struct {
		name string
		end  func(c *hearthtest.Client)
		want []string
	}
	bubbles(t, []test{
		{"peer closes", func(c *hearthtest.Client) { c.Close(1000, "") }, []string{"OnMessage 0", "OnMessage 1", "OnMessage 2", "OnMessage 3", `OnDisconnect disconnected "" 1000 ""`}},
		{"peer drops", func(c *hearthtest.Client) { c.Drop() }, []string{"OnMessage 0", "OnMessage 1", "OnMessage 2", "OnMessage 3", `OnDisconnect disconnected "" 1006 ""`}},
		{"server closes", func(c *hearthtest.Client) { c.Conn().Close(4000, "out") }, []string{"OnMessage 0", `OnDisconnect disconnected "" 4000 "out"`}},
	}, func(test test) string { return test.name }, func(t *testing.T, test test) {
		var j journal
		opts := accepting()
		release := make(chan struct{})
		opts.OnMessage = func(context.Context, *hearth.Client, hearth.Message) error {
			<-release
			return nil
		}
		opts = journaled(&j, opts)
		opts.OnConnect = nil
		s := hearthtest.New(t, opts)
		c := s.Dial()
		c.Authenticate(nil)
		for _, event := range []string{"0", "1", "2", "3"} {
			c.Send(event, nil)
		}
		synctest.Wait()
		test.end(c)
		synctest.Wait()
		close(release)
		synctest.Wait()
		j.expect(t, append([]string{"Authenticate {} authenticating"}, test.want...)...)
	})
}

// The context of every hook ends with the connection, also for what a hook has
// started and left behind.
func TestContextsEnd(t *testing.T) {
	type key struct{}
	for _, inline := range []bool{false, true} {
		name := map[bool]string{false: "hooks on goroutines", true: "inline"}[inline]
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var j journal
				watch := func(ctx context.Context, hook string) {
					if ctx.Err() != nil || ctx.Value(key{}) != "value" {
						t.Errorf("%s has a context with error %v and value %v", hook, ctx.Err(), ctx.Value(key{}))
					}
					go func() {
						<-ctx.Done()
						if !errors.Is(ctx.Err(), context.Canceled) {
							t.Errorf("the context of %s ends with %v", hook, ctx.Err())
						}
						j.note("%s", hook)
					}()
				}
				opts := accepting()
				opts.InlineHooks = inline
				accept := opts.Authenticate
				opts.Authenticate = func(ctx context.Context, c *hearth.Client, data json.RawMessage) (hearth.Identity, error) {
					watch(ctx, "Authenticate")
					return accept(ctx, c, data)
				}
				opts.Handshake = func(ctx context.Context, _ *hearth.Client, _ json.RawMessage) (hearth.HandshakeResult, error) {
					watch(ctx, "Handshake")
					return hearth.HandshakeResult{}, nil
				}
				opts.RequireEncryption = true
				opts.Transform = func(ctx context.Context, _ *hearth.Client, _ hearth.Outgoing) (*hearth.Outgoing, error) {
					watch(ctx, "Transform")
					return nil, nil
				}
				opts.ValidateRooms = func(ctx context.Context, _ *hearth.Client, rooms []string) ([]string, error) {
					watch(ctx, "ValidateRooms")
					return rooms, nil
				}
				opts.OnConnect = func(ctx context.Context, _ *hearth.Client) error {
					watch(ctx, "OnConnect")
					return nil
				}
				opts.OnMessage = func(ctx context.Context, _ *hearth.Client, _ hearth.Message) error {
					watch(ctx, "OnMessage")
					return nil
				}
				var last error
				opts.OnDisconnect = func(ctx context.Context, _ *hearth.Client, _ hearth.Cause) error {
					last = ctx.Err()
					return nil
				}
				plain, err := hearth.New(context.WithValue(t.Context(), key{}, "value"), withStream(opts))
				if err != nil {
					t.Fatal(err)
				}
				defer plain.Shutdown(context.WithoutCancel(t.Context()))
				s := hearthtest.New(t, accepting()) // whose clients go to plain
				c := s.DialHandler(plain, hearthtest.NewRequest(plain.Path()))
				c.Authenticate(nil)
				c.Send("join", rooms("a"))
				c.Send("hello", nil)
				c.SendText("{") // an error, which is transformed
				c.Expect("error")
				synctest.Wait()
				j.expect(t)
				c.Close(1000, "")
				synctest.Wait()
				got := strings.Join(sorted(j.all()), " ")
				if want := "Authenticate Handshake OnConnect OnMessage Transform ValidateRooms"; got != want {
					t.Errorf("contexts ended: %s, want %s", got, want)
				}
				if last != nil {
					t.Errorf("the context of OnDisconnect has ended: %v", last)
				}
			})
		})
	}
}
