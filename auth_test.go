package hearth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// journaled notes the hooks of opts that concern a client's life.
func journaled(j *journal, opts hearth.Options) hearth.Options {
	if accept := opts.Authenticate; accept != nil {
		opts.Authenticate = func(ctx context.Context, c *hearth.Client, data json.RawMessage) (hearth.Identity, error) {
			j.note("Authenticate %s %s", data, c.State())
			return accept(ctx, c, data)
		}
	}
	if shake := opts.Handshake; shake != nil {
		opts.Handshake = func(ctx context.Context, c *hearth.Client, data json.RawMessage) (hearth.HandshakeResult, error) {
			j.note("Handshake %s %s", data, c.State())
			return shake(ctx, c, data)
		}
	}
	connect := opts.OnConnect
	opts.OnConnect = func(ctx context.Context, c *hearth.Client) error {
		j.note("OnConnect %s %q", c.State(), c.UserID())
		if connect == nil {
			return nil
		}
		return connect(ctx, c)
	}
	message := opts.OnMessage
	opts.OnMessage = func(ctx context.Context, c *hearth.Client, m hearth.Message) error {
		j.note("OnMessage %s", m.Event)
		if message == nil {
			return nil
		}
		return message(ctx, c, m)
	}
	opts.OnDisconnect = func(_ context.Context, c *hearth.Client, cause hearth.Cause) error {
		j.note("OnDisconnect %s %q %d %q", c.State(), c.UserID(), cause.Code, cause.Reason)
		return nil
	}
	return opts
}

// A connection's life without anything going wrong; PROTOCOL.md.
func TestLife(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var j journal
		opts := accepting()
		opts.OnConnect = func(context.Context, *hearth.Client) error {
			time.Sleep(time.Second)
			j.note("OnConnect returns")
			return errBroken // the connection stays
		}
		s := hearthtest.New(t, journaled(&j, opts))
		c := s.Dial()
		hc := c.Conn()
		if hc.State() != hearth.StateUnauthorized || len(hc.Rooms()) != 0 || s.Client(hc.ID()) != hc {
			t.Errorf("before authentication: %+v", hc.Snapshot())
		}
		if v8 := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`); !v8.MatchString(c.ID()) {
			t.Errorf("the id %q is no UUID of version 8", c.ID())
		}
		c.Send("authenticate", user("ann"))
		connected := c.Expect("connected")
		want := `{"event":"connected","data":{"id":"` + c.ID() + `","userId":"ann","time":"2000-01-01T00:00:00.000Z"}}`
		if connected.String() != want {
			t.Errorf("received %s, want %s", connected, want)
		}
		c.Send("hello", nil) // waits for OnConnect
		synctest.Wait()
		j.expect(t, `Authenticate {"user":"ann"} authenticating`, `OnConnect authenticated "ann"`)
		time.Sleep(time.Second)
		if diff := cmp.Diff([]string{c.ID(), "ws-default", "ws-notification"}, hc.Rooms()); diff != "" {
			t.Errorf("rooms (-want +got):\n%s", diff)
		}
		c.Close(4321, "bye")
		expectClose(t, c, 4321, "bye")
		synctest.Wait()
		j.expect(t,
			`Authenticate {"user":"ann"} authenticating`,
			`OnConnect authenticated "ann"`,
			`OnConnect returns`,
			`OnMessage hello`,
			`OnDisconnect disconnected "ann" 4321 "bye"`)
		if s.Client(c.ID()) != nil || len(hc.Rooms()) != 0 {
			t.Errorf("afterwards: %+v", hc.Snapshot())
		}
		expectReceived(t, c)
	})
}

// The form of `connected`.
func TestConnected(t *testing.T) {
	const id, when = "me", "2000-01-01T00:00:00.000Z"
	type test struct {
		name     string
		identity hearth.Identity
		shake    *hearth.HandshakeResult
		want     string
	}
	bubbles(t, []test{
		{"anonymous", hearth.Identity{}, nil, `{"id":"me","time":"` + when + `"}`},
		{"user", hearth.Identity{UserID: "ann"}, nil, `{"id":"me","userId":"ann","time":"` + when + `"}`},
		{"empty user id", hearth.Identity{EmptyUserID: true}, nil, `{"id":"me","userId":"","time":"` + when + `"}`},
		{"escapes", hearth.Identity{UserID: "a\"\\\n\u2028<é"}, nil, `{"id":"me","userId":"a\"\\\n` + "\u2028<é" + `","time":"` + when + `"}`},
		{
			"keys",
			hearth.Identity{},
			&hearth.HandshakeResult{ServerPublicKey: "k/+=", Salt: "s"},
			`{"id":"me","time":"` + when + `","serverPublicKey":"k/+=","salt":"s"}`,
		},
		{
			"without salt",
			hearth.Identity{UserID: "ann"},
			&hearth.HandshakeResult{ServerPublicKey: "k"},
			`{"id":"me","userId":"ann","time":"` + when + `","serverPublicKey":"k"}`,
		},
		{
			"with a handshake that has no key to tell",
			hearth.Identity{UserID: "ann"},
			&hearth.HandshakeResult{Salt: "s"},
			`{"id":"me","userId":"ann","time":"` + when + `"}`,
		},
	}, func(test test) string { return test.name }, func(t *testing.T, test test) {
		opts := accepting()
		opts.Authenticate = func(context.Context, *hearth.Client, json.RawMessage) (hearth.Identity, error) {
			return test.identity, nil
		}
		if test.shake != nil {
			opts.RequireEncryption, opts.Transform = true, asItIs
			opts.Handshake = func(context.Context, *hearth.Client, json.RawMessage) (hearth.HandshakeResult, error) {
				return *test.shake, nil
			}
		}
		s := hearthtest.New(t, opts)
		c := s.DialAs(hearth.UpgradeData{ClientID: id})
		c.Send("authenticate", nil)
		expectNext(t, c, `{"event":"connected","data":`+test.want+`}`)
		snap := c.Conn().Snapshot()
		if snap.UserID != test.identity.UserID || snap.HasUserID != (test.identity.UserID != "" || test.identity.EmptyUserID) {
			t.Errorf("the snapshot has the user id %q (%t)", snap.UserID, snap.HasUserID)
		}
		if test.shake != nil && (snap.ServerPublicKey != test.shake.ServerPublicKey || snap.Salt != test.shake.Salt || !snap.Encrypted) {
			t.Errorf("the snapshot has the keys %q, %q, encrypted %t", snap.ServerPublicKey, snap.Salt, snap.Encrypted)
		}
	})
}

// Credentials reach the hooks as they were sent.
func TestCredentials(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var got json.RawMessage
		opts := accepting()
		opts.Authenticate = func(_ context.Context, _ *hearth.Client, data json.RawMessage) (hearth.Identity, error) {
			got = data
			return hearth.Identity{}, nil
		}
		s := hearthtest.New(t, opts)
		for sent, want := range map[string]string{
			`{"event":"authenticate"}`:                                        `{}`,
			`{"event":"authenticate","data":null}`:                            `{}`,
			`{"event":"authenticate","data":"token"}`:                         `"token"`,
			`{"event":"authenticate","data":7}`:                               `7`,
			`{"event":"authenticate","data":[1,2]}`:                           `[1,2]`,
			`{"event":"authenticate","data":false}`:                           `false`,
			`{"data":{ "a" : 1e400, "a":"\ud800" },"event":"authenticate"}`:   `{ "a" : 1e400, "a":"\ud800" }`,
			`{"event":"\u0061uthenticate","data":{},"id":5,"more":[{"x":1}]}`: `{}`,
		} {
			c := s.Dial()
			c.SendText(sent)
			c.Expect("connected")
			if string(got) != want {
				t.Errorf("the hook gets %s for %s, want %s", got, sent, want)
			}
		}
		c := s.Dial()
		c.SendBinary([]byte(`{"event":"authenticate"}`))
		c.Expect("connected")
	})
}

// What a client sends at the wrong time, and what it is told.
func TestErrorsByState(t *testing.T) {
	const (
		silent     = ""
		format     = "Invalid message format"
		notYet     = "Not authenticated"
		already    = "Already authenticated"
		handled    = "handled by OnMessage"
		authorizes = "authenticates"
	)
	tests := []struct {
		message                     string
		before, pending, afterwards string
	}{
		{`{"event":"hello"}`, notYet, notYet, handled},
		{`{"event":"join","data":{"rooms":["a"]}}`, notYet, notYet, silent},
		{`{"event":"leave","data":{"rooms":["a"]}}`, notYet, notYet, silent},
		{`{"event":"connected"}`, notYet, notYet, handled},
		{`{"event":"disconnect"}`, notYet, notYet, handled},
		{`{"event":"error"}`, notYet, notYet, handled},
		{`{"event":"encrypted"}`, notYet, notYet, handled},
		{`{"event":"Authenticate"}`, notYet, notYet, handled},
		{`{"event":"authenticate"}`, authorizes, already, already},
		{`{"event":"heartbeat"}`, silent, silent, silent},
		{`{"data":1}`, silent, silent, silent},
		{`{"event":null}`, silent, silent, silent},
		{`{"event":""}`, silent, silent, silent},
		{`{}`, silent, silent, silent},
		{``, format, format, format},
		{`null`, format, format, format},
		{`[]`, format, format, format},
		{`"hello"`, format, format, format},
		{`{"event":1}`, format, format, format},
		{`{"event":"a","event":"a"}`, format, format, format},
		{`{"event":"a"} x`, format, format, format},
		{`{"event":"a"`, format, format, format},
	}
	for _, state := range []string{"before", "pending", "afterwards"} {
		t.Run(state, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				opts := accepting()
				accept := opts.Authenticate
				opts.Authenticate = func(ctx context.Context, c *hearth.Client, data json.RawMessage) (hearth.Identity, error) {
					if state == "pending" {
						<-ctx.Done()
					}
					return accept(ctx, c, data)
				}
				opts.OnMessage = func(_ context.Context, c *hearth.Client, _ hearth.Message) error {
					_, err := c.Send(handled, hearth.Absent)
					return err
				}
				s := hearthtest.New(t, opts)
				for _, test := range tests {
					c := s.Dial()
					want := test.before
					switch state {
					case "pending":
						c.Send("authenticate", nil)
						want = test.pending
					case "afterwards":
						c.Authenticate(nil)
						want = test.afterwards
					}
					for _, binary := range []bool{false, true} {
						if want == authorizes && binary {
							continue
						}
						if binary {
							c.SendBinary([]byte(test.message))
						} else {
							c.SendText(test.message)
						}
						synctest.Wait()
						got := fmt.Sprint(c.Received())
						switch want {
						case silent:
							if got != "[]" {
								t.Errorf("%s: received %s, want nothing", test.message, got)
							}
						case handled:
							if got != `[{"event":"`+handled+`"}]` {
								t.Errorf("%s: received %s, want that it was handled", test.message, got)
							}
						case authorizes:
							if c.Conn().State() != hearth.StateAuthenticated {
								t.Errorf("%s: received %s, want `connected`", test.message, got)
							}
						default:
							if got != "["+errorEvent(want)+"]" {
								t.Errorf("%s: received %s, want the error %q", test.message, got, want)
							}
						}
					}
				}
			})
		})
	}
	t.Run("binary that is not UTF-8", func(t *testing.T) {
		s := hearthtest.New(t, accepting())
		c := s.Dial()
		c.SendBinary([]byte("{\"event\":\"authenticate\",\"data\":\"\xff\"}"))
		expectNext(t, c, errorEvent(format))
	})
}

// Errors come in the order of what they answer, and the first result wins.
func TestAuthenticateTwice(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var j journal
		opts := accepting()
		accept := opts.Authenticate
		opts.Authenticate = func(ctx context.Context, c *hearth.Client, data json.RawMessage) (hearth.Identity, error) {
			time.Sleep(time.Second)
			return accept(ctx, c, data)
		}
		s := hearthtest.New(t, journaled(&j, opts))
		c := s.Dial()
		c.Send("authenticate", user("ann"))
		c.Send("authenticate", user("bob"))
		c.Send("hello", nil)
		c.SendText("{")
		expectReceived(t, c, errorEvent("Already authenticated"), errorEvent("Not authenticated"), errorEvent("Invalid message format"))
		time.Sleep(time.Second)
		c.Expect("connected")
		c.Send("authenticate", user("bob"))
		expectReceived(t, c, errorEvent("Already authenticated"))
		if c.Conn().UserID() != "ann" || c.Conn().State() != hearth.StateAuthenticated {
			t.Errorf("the client is %s, user %q", c.Conn().State(), c.Conn().UserID())
		}
		j.expect(t, `Authenticate {"user":"ann"} authenticating`, `OnConnect authenticated "ann"`)
		if st := s.Stats(); st.ErrorsSent != 4 || st.AuthAccepted != 1 {
			t.Errorf("stats count %d errors and %d accepted", st.ErrorsSent, st.AuthAccepted)
		}
	})
}

// Every way in which a client is not let in.
func TestNotAccepted(t *testing.T) {
	type test struct {
		name      string
		auth      error // panics: a panic
		shake     error
		text      string
		code      int
		reason    string
		hooks     []string
		rejected  int64
		failed    int64
		hookFails int64
	}
	const (
		authed = `Authenticate {} authenticating`
		shaken = `Handshake {} authenticating`
	)
	panics := fmt.Errorf("secret: panic")
	left := func(user string, code int, reason string) string {
		return fmt.Sprintf("OnDisconnect disconnected %q %d %q", user, code, reason)
	}
	bubbles(t, []test{
		{
			"Authenticate refuses", hearth.ErrRejected, nil, "Authentication failed", 4003, "Authentication failed",
			[]string{authed, left("", 4003, "Authentication failed")},
			1, 0, 0,
		},
		{
			"Authenticate refuses with a reason", fmt.Errorf("secret: %w", hearth.ErrRejected), nil, "Authentication failed", 4003, "Authentication failed",
			[]string{authed, left("", 4003, "Authentication failed")},
			1, 0, 0,
		},
		{
			"Authenticate fails", errBroken, nil, "Authentication error", 4003, "Authentication failed",
			[]string{authed, left("", 4003, "Authentication failed")},
			0, 1, 1,
		},
		{
			"Authenticate panics", panics, nil, "Authentication error", 4003, "Authentication failed",
			[]string{authed, left("", 4003, "Authentication failed")},
			0, 1, 1,
		},
		{
			"Handshake refuses", nil, hearth.ErrRejected, "Encryption handshake failed", 4004, "Encryption required",
			[]string{authed, shaken, left("ann", 4004, "Encryption required")},
			1, 0, 0,
		},
		{
			"Handshake fails", nil, errBroken, "Authentication error", 4003, "Authentication failed",
			[]string{authed, shaken, left("ann", 4003, "Authentication failed")},
			0, 1, 1,
		},
		{
			"Handshake panics", nil, panics, "Authentication error", 4003, "Authentication failed",
			[]string{authed, shaken, left("ann", 4003, "Authentication failed")},
			0, 1, 1,
		},
	}, func(test test) string { return test.name }, func(t *testing.T, test test) {
		fail := func(err error) error {
			if err == panics {
				panic(err)
			}
			return err
		}
		var j journal
		s := hearthtest.New(t, journaled(&j, hearth.Options{
			Authenticate: func(context.Context, *hearth.Client, json.RawMessage) (hearth.Identity, error) {
				return hearth.Identity{UserID: "ann"}, fail(test.auth)
			},
			Handshake: func(context.Context, *hearth.Client, json.RawMessage) (hearth.HandshakeResult, error) {
				return hearth.HandshakeResult{}, fail(test.shake)
			},
			RequireEncryption: true, Transform: asItIs,
		}))
		other := s.Dial()
		c := s.Dial()
		c.Send("authenticate", nil)
		expectNext(t, c, errorEvent(test.text))
		expectClose(t, c, test.code, test.reason)
		expectReceived(t, c)
		j.expect(t, test.hooks...)
		if c.Conn().UserID() != "" && test.auth != nil {
			t.Errorf("the user id is %q", c.Conn().UserID())
		}
		st := s.Stats()
		if st.AuthRejected != test.rejected || st.AuthFailed != test.failed || st.HookFailures != test.hookFails || st.AuthAccepted != 0 {
			t.Errorf("stats count %d rejected, %d failed, %d failures of hooks, %d accepted", st.AuthRejected, st.AuthFailed, st.HookFailures, st.AuthAccepted)
		}
		other.Send("hello", nil)
		expectReceived(t, other, errorEvent("Not authenticated")) // it is harmed by nothing
	})
}
