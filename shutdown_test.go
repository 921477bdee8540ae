package hearth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// Shutdown tells every client, in whatever state, and waits for its hook.
func TestShutdown(t *testing.T) {
	onBoth(t, func(t *testing.T, n *network) {
		var ended atomic.Int64
		opts := accepting()
		opts.OnDisconnect = func(ctx context.Context, _ *hearth.Client, cause hearth.Cause) error {
			if cause.Code != hearth.CloseGoingAway || ctx.Err() != nil {
				t.Errorf("OnDisconnect gets %+v and a context with error %v", cause, ctx.Err())
			}
			time.Sleep(20 * time.Millisecond)
			ended.Add(1)
			return nil
		}
		s := n.serve(t, opts)
		var all []*hearthtest.Client
		for range 20 {
			c := n.connect(t, s, user("ann"))
			all = append(all, c, n.dial(t, s))
			_, _ = c.Conn().Send("last", nil)
		}
		var calls sync.WaitGroup
		for range 3 {
			calls.Go(func() {
				if err := s.Shutdown(context.Background()); err != nil {
					t.Error(err)
				}
				if ended.Load() != int64(len(all)) {
					t.Errorf("it returns after %d of %d hooks", ended.Load(), len(all))
				}
			})
		}
		for i, c := range all {
			if i%2 == 0 {
				c.Expect("last")
			}
			expectClose(t, c, 1001, "Server shutting down")
		}
		calls.Wait()
		if err := s.Shutdown(t.Context()); err != nil { // again
			t.Error(err)
		}
		for range s.Clients(hearth.Filter{}) {
			t.Error("a client is left")
		}
	})
}

// After Shutdown nothing is accepted, and nothing breaks.
func TestAfterShutdown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := hearthtest.New(t, accepting())
		c := s.Connect(user("ann"))
		hc := c.Conn()
		if err := s.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := refuse(t, s, hearthtest.NewRequest(s.Path()), http.StatusServiceUnavailable); got != "The server is shutting down; try another one.\n" {
			t.Errorf("the answer is %q", got)
		}
		refuse(t, s, hearthtest.NewRequest("/other"), http.StatusNotFound)
		refuse(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if hc, err := s.Upgrade(w, r, hearth.UpgradeData{}); hc != nil || !errors.Is(err, hearth.ErrClosed) {
				t.Errorf("Upgrade returns %v, %v", hc, err)
			}
		}), hearthtest.NewRequest(s.Path()), http.StatusServiceUnavailable)
		ctx := t.Context()
		for i, err := range []error{s.Broadcast(ctx, "e", 1), s.ToUser(ctx, "ann", "e", 1), s.ToClient(ctx, c.ID(), "e", 1), s.ToRoom(ctx, "r", "e", 1), s.Send(ctx, "r", "e", 1)} {
			if !errors.Is(err, hearth.ErrClosed) {
				t.Errorf("verb %d returns %v", i, err)
			}
		}
		if err := s.Publish("r", hearth.Raw{}); err != nil {
			t.Errorf("Publish returns %v", err)
		}
		if _, err := hc.Send("e", 1); !errors.Is(err, hearth.ErrClosed) {
			t.Errorf("Client.Send returns %v", err)
		}
		if err := hc.Join("r"); !errors.Is(err, hearth.ErrClosed) {
			t.Errorf("Join returns %v", err)
		}
		hc.Leave("r")
		hc.Close(4000, "")
		hc.EnableEncryption()
		_ = hc.Publish("r", hearth.Raw{})
		expectClose(t, c, 1001, "Server shutting down")
		expectReceived(t, c)
	})
}

// ctx bounds Shutdown, whatever does not end.
func TestShutdownIsBounded(t *testing.T) {
	type test struct {
		name string
		// prepare makes something hang until hold is closed.
		prepare func(o *hearth.Options, b *fakeBroker, hold <-chan struct{})
		act     func(c *hearthtest.Client)
	}
	hook := func(hold <-chan struct{}) func(context.Context, *hearth.Client) error {
		return func(context.Context, *hearth.Client) error {
			<-hold
			return nil
		}
	}
	bubbles(t, []test{
		{
			"Authenticate", func(o *hearth.Options, _ *fakeBroker, hold <-chan struct{}) {
				o.Authenticate = func(context.Context, *hearth.Client, json.RawMessage) (hearth.Identity, error) {
					<-hold
					return hearth.Identity{}, nil
				}
			}, func(c *hearthtest.Client) { c.Send("authenticate", nil) },
		},
		{
			"OnConnect", func(o *hearth.Options, _ *fakeBroker, hold <-chan struct{}) { o.OnConnect = hook(hold) },
			func(c *hearthtest.Client) { c.Authenticate(nil) },
		},
		{
			"OnMessage", func(o *hearth.Options, _ *fakeBroker, hold <-chan struct{}) {
				o.OnMessage = func(ctx context.Context, c *hearth.Client, _ hearth.Message) error { return hook(hold)(ctx, c) }
			},
			func(c *hearthtest.Client) {
				c.Authenticate(nil)
				c.Send("hello", nil)
			},
		},
		{
			"OnMessage, inline", func(o *hearth.Options, _ *fakeBroker, hold <-chan struct{}) {
				o.InlineHooks = true
				o.OnMessage = func(ctx context.Context, c *hearth.Client, _ hearth.Message) error { return hook(hold)(ctx, c) }
			},
			func(c *hearthtest.Client) {
				c.Authenticate(nil)
				c.Send("hello", nil)
			},
		},
		{
			"OnDisconnect", func(o *hearth.Options, _ *fakeBroker, hold <-chan struct{}) {
				o.OnDisconnect = func(ctx context.Context, c *hearth.Client, _ hearth.Cause) error { return hook(hold)(ctx, c) }
			}, func(*hearthtest.Client) {},
		},
		{
			"Transform", func(o *hearth.Options, _ *fakeBroker, hold <-chan struct{}) {
				o.Transform = func(context.Context, *hearth.Client, hearth.Outgoing) (*hearth.Outgoing, error) {
					<-hold
					return nil, nil
				}
			},
			func(c *hearthtest.Client) {
				c.Authenticate(nil)
				c.Conn().EnableEncryption()
				_, _ = c.Conn().Send("hello", nil)
			},
		},
		{
			"a broker that cannot be closed", func(_ *hearth.Options, b *fakeBroker, hold <-chan struct{}) {
				b.close = func(context.Context) error {
					<-hold // whatever the context says
					return nil
				}
			}, func(*hearthtest.Client) {},
		},
		{
			"a broker that waits for its server", func(_ *hearth.Options, b *fakeBroker, _ <-chan struct{}) {
				b.close = func(ctx context.Context) error {
					<-ctx.Done()
					return ctx.Err()
				}
			}, func(*hearthtest.Client) {},
		},
	}, func(test test) string { return test.name }, func(t *testing.T, test test) {
		hold := make(chan struct{})
		broker := newFakeBroker()
		opts := accepting()
		opts.Broker = broker
		test.prepare(&opts, broker, hold)
		s := hearthtest.New(t, opts)
		c := s.Dial()
		test.act(c)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		err := s.Shutdown(ctx)
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took < 3*time.Second || took > 9*time.Second {
			t.Errorf("it returns %v after %s", err, took)
		}
		expectClose(t, c, 1001, "Server shutting down")
		close(hold) // everything ends now; the bubble waits for it
		synctest.Wait()
		if st := s.Stats(); st.Connections != 0 || st.Disconnected != 1 {
			t.Errorf("%d connections are left, %d have ended", st.Connections, st.Disconnected)
		}
	})
}

// A peer that does not read is cut at the latest when ctx ends.
func TestShutdownWithSlowPeer(t *testing.T) {
	for _, test := range []struct {
		limit, least, most time.Duration
		err                error
	}{
		{time.Hour, 2 * time.Second, 10 * time.Second, nil},
		{time.Second, time.Second, time.Second, context.DeadlineExceeded},
	} {
		t.Run(test.limit.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := hearthtest.New(t, accepting())
				c := s.Connect(nil)
				synctest.Wait()
				c.Stall()
				ctx, cancel := context.WithTimeout(t.Context(), test.limit)
				defer cancel()
				began := time.Now()
				err := s.Shutdown(ctx)
				if took := time.Since(began); !errors.Is(err, test.err) || took < test.least || took > test.most {
					t.Errorf("it returns %v after %s, want %v", err, took, test.err)
				}
				if got := s.Stats().Connections; got != 0 {
					t.Errorf("%d connections are left", got)
				}
				c.Drop()
				c.Unstall()
			})
		})
	}
}

// Shutdown may come at any moment.
func TestShutdownInTheMiddle(t *testing.T) {
	onBoth(t, func(t *testing.T, n *network) {
		for round := range 5 {
			t.Run(fmt.Sprint(round), func(t *testing.T) {
				var connected, ended atomic.Int64
				opts := accepting()
				accept := opts.Authenticate
				opts.Authenticate = func(ctx context.Context, c *hearth.Client, data json.RawMessage) (hearth.Identity, error) {
					connected.Add(1)
					select {
					case <-time.After(time.Duration(round) * time.Millisecond):
					case <-ctx.Done():
					}
					return accept(ctx, c, data)
				}
				opts.OnDisconnect = func(context.Context, *hearth.Client, hearth.Cause) error {
					ended.Add(1)
					return nil
				}
				s := n.serve(t, opts)
				addr := n.addrs[s]
				stop := make(chan struct{})
				var busy sync.WaitGroup
				for range 4 {
					busy.Go(func() { // upgrades and authentications
						for {
							select {
							case <-stop:
								return
							default:
							}
							conn, err := net.Dial("tcp", addr)
							if err != nil {
								continue
							}
							r := hearthtest.NewRequest(s.Path())
							if r.Write(conn) == nil {
								_, _ = conn.Write(maskedText(`{"event":"authenticate"}`))
								_ = conn.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
								_, _ = conn.Read(make([]byte, 1024))
							}
							conn.Close()
						}
					})
				}
				busy.Go(func() { // broadcasts
					for {
						select {
						case <-stop:
							return
						default:
							_ = s.Broadcast(context.Background(), "e", 1)
						}
					}
				})
				stay := n.dial(t, s)
				stay.Send("authenticate", nil)
				eventually(t, "some are connected", func() bool { return connected.Load() > int64(5*round) })
				if err := s.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
				st := s.Stats()
				if st.Accepted != ended.Load() || st.Disconnected != ended.Load() || st.Connections != 0 {
					t.Errorf("of %d connections %d have ended, OnDisconnect ran %d times, %d are left", st.Accepted, st.Disconnected, ended.Load(), st.Connections)
				}
				close(stop)
				busy.Wait()
				if code, _ := stay.ExpectClose(); code != hearth.CloseGoingAway {
					t.Errorf("closed with %d", code)
				}
			})
		}
	})
}

// A context that has ended already cuts everything at once.
func TestShutdownAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, n *network) {
		s := n.serve(t, accepting())
		c := n.connect(t, s, nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Shutdown(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("it returns %v", err)
		}
		if got := s.Stats().Connections; got != 0 {
			t.Errorf("%d connections are left", got)
		}
		c.ExpectClose()
	})
}
