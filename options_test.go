package hearth_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// What a field's zero value means, seen in what the server does.
func TestOptionDefaults(t *testing.T) {
	constants := map[string][2]any{
		"MaxPayload":          {hearth.DefaultMaxPayload, 131072},
		"BackpressureLimit":   {hearth.DefaultBackpressureLimit, 1048576},
		"MaxQueuedBytes":      {hearth.DefaultMaxQueuedBytes, 268435456},
		"MaxPendingMessages":  {hearth.DefaultMaxPendingMessages, 256},
		"MaxPendingBytes":     {hearth.DefaultMaxPendingBytes, 1048576},
		"IdleTimeout":         {hearth.DefaultIdleTimeout, 60 * time.Second},
		"AuthTimeout":         {hearth.DefaultAuthTimeout, 5 * time.Second},
		"HeartbeatInterval":   {hearth.DefaultHeartbeatInterval, 30 * time.Second},
		"HeartbeatTimeout":    {hearth.DefaultHeartbeatTimeout, 90 * time.Second},
		"SubscribeWait":       {hearth.DefaultSubscribeWait, time.Second},
		"EncryptedBatchLimit": {hearth.DefaultEncryptedBatchLimit, 10},
		"MessageRate":         {hearth.DefaultMessageRate, 10_000},
		"ByteRate":            {hearth.DefaultByteRate, 64 << 20},
		"MaxRooms":            {hearth.DefaultMaxRooms, 4096},
		"MaxRoomsPerJoin":     {hearth.DefaultMaxRoomsPerJoin, 1024},
		"MaxFragments":        {hearth.DefaultMaxFragments, 4096},
		"MaxConnections":      {hearth.DefaultMaxConnections, 1048576},
		"MaxUnauthenticated":  {hearth.DefaultMaxUnauthenticated, 16384},
		"MaxAuthPayload":      {hearth.DefaultMaxAuthPayload, 6144},
		"SendPings":           {hearth.DefaultSendPings, true},
		"PublishToSelf":       {hearth.DefaultPublishToSelf, false},
	}
	for field, pair := range constants {
		if pair[0] != pair[1] {
			t.Errorf("the default of %s is %v, want %v", field, pair[0], pair[1])
		}
	}

	type test struct {
		field string
		check func(t *testing.T, opts hearth.Options)
	}
	bubbles(t, []test{
		{"Identifier", func(t *testing.T, opts hearth.Options) {
			s := hearthtest.New(t, opts)
			if s.Identifier() != "hearth" || s.Stats().Identifier != "hearth" {
				t.Errorf("it is %q", s.Identifier())
			}
		}},
		{"Path", func(t *testing.T, opts hearth.Options) {
			s := hearthtest.New(t, opts)
			if s.Path() != "/ws" {
				t.Errorf("it is %q", s.Path())
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, hearthtest.NewRequest("/ws/other"))
			if w.Code != http.StatusNotFound {
				t.Errorf("another path gets %d", w.Code)
			}
			s.DialHandler(s, hearthtest.NewRequest("/ws?token=x"))
		}},
		{"Broker", func(t *testing.T, opts hearth.Options) {
			s, other := hearthtest.New(t, opts), hearthtest.New(t, opts)
			c := other.Connect(nil)
			_ = s.Broadcast(t.Context(), "e", 1)
			expectReceived(t, c) // each has a broker of its own
			if got := s.Stats().Broker.Kind; got != "memory" {
				t.Errorf("it is %q", got)
			}
		}},
		{"OnMessage", func(t *testing.T, opts hearth.Options) {
			c := hearthtest.New(t, opts).Connect(nil)
			c.Send("hello", nil)
			expectReceived(t, c)
		}},
		{"MaxPayload", func(t *testing.T, opts hearth.Options) {
			s := hearthtest.New(t, opts)
			fits := s.Connect(nil)
			const frame = len(`{"event":"e","data":""}`)
			fits.Send("e", strings.Repeat("x", 131072-frame))
			expectReceived(t, fits)
			if fits.Conn().State() != hearth.StateAuthenticated {
				t.Error("a message of exactly 131072 bytes is refused")
			}
			over := s.Connect(nil)
			_, _ = over.Write(maskedText(strings.Repeat("x", 131073)))
			if code, _ := over.ExpectClose(); code != hearth.CloseTooBig {
				t.Errorf("one byte more is answered with %d", code)
			}
		}},
		{"IdleTimeout, DisablePings", func(t *testing.T, opts hearth.Options) {
			opts.HeartbeatTimeout = 24 * time.Hour
			s := hearthtest.New(t, opts)
			lives, mute := s.Connect(nil), s.Connect(nil)
			synctest.Wait()
			mute.Stall()
			time.Sleep(59 * time.Second)
			synctest.Wait()
			if mute.Conn().State() != hearth.StateAuthenticated {
				t.Error("a mute client is dropped too early")
			}
			time.Sleep(9 * time.Second) // looked at 8 times within the timeout
			synctest.Wait()
			if mute.Conn().State() != hearth.StateDisconnected {
				t.Error("a mute client is not dropped")
			}
			time.Sleep(time.Hour)
			synctest.Wait()
			if lives.Conn().State() != hearth.StateAuthenticated {
				t.Error("a client that answers pings is dropped")
			}
		}},
		{"BackpressureLimit, CloseOnBackpressureLimit", func(t *testing.T, opts hearth.Options) {
			c := hearthtest.New(t, opts).Connect(nil)
			synctest.Wait()
			c.Stall()
			page := strings.Repeat("x", 1<<18-40) // and 35 of message and frame
			taken := 0
			for range 10 {
				if _, err := c.Conn().Send("page", page); err == nil {
					taken++
				}
			}
			if taken != 5 { // the fifth while 20 bytes are left
				t.Errorf("%d pages of 256 KiB are taken, want 5", taken)
			}
			if c.Conn().State() != hearth.StateAuthenticated {
				t.Error("the client is closed at its limit")
			}
		}},
		{"PublishToSelf", func(t *testing.T, opts hearth.Options) {
			c := hearthtest.New(t, opts).Connect(nil)
			_ = c.Conn().Publish(hearth.DefaultRoom, hearth.Raw{Payload: []byte("x")})
			expectReceived(t, c)
		}},
		{"MaxPendingMessages", func(t *testing.T, opts hearth.Options) {
			release := make(chan struct{})
			opts.OnMessage = func(context.Context, *hearth.Client, hearth.Message) error {
				<-release
				return nil
			}
			s := hearthtest.New(t, opts)
			c := s.Connect(nil)
			for range 256 {
				c.Send("e", nil)
				synctest.Wait()
			}
			if got := s.Stats().ReadPauses; got != 0 {
				t.Error("reading pauses with 255 messages waiting")
			}
			c.Send("e", nil)
			synctest.Wait()
			if got := s.Stats().ReadPauses; got != 1 {
				t.Error("reading does not pause with 256 messages waiting")
			}
			close(release)
		}},
		{"MaxPendingBytes", func(t *testing.T, opts hearth.Options) {
			release := make(chan struct{})
			opts.OnMessage = func(context.Context, *hearth.Client, hearth.Message) error {
				<-release
				return nil
			}
			s := hearthtest.New(t, opts)
			c := s.Connect(nil)
			for range 8 { // one is with the hook
				c.Send("e", strings.Repeat("x", 131072-23))
				synctest.Wait()
			}
			if got := s.Stats().ReadPauses; got != 0 {
				t.Error("reading pauses with 896 KiB waiting")
			}
			c.Send("e", strings.Repeat("x", 131072-23))
			synctest.Wait()
			if got := s.Stats().ReadPauses; got != 1 {
				t.Error("reading does not pause with 1 MiB waiting")
			}
			close(release)
		}},
		{"AuthTimeout", func(t *testing.T, opts hearth.Options) {
			c := hearthtest.New(t, opts).Dial()
			time.Sleep(5*time.Second - 1)
			synctest.Wait()
			if c.Conn().State() != hearth.StateUnauthorized {
				t.Error("the client is closed too early")
			}
			time.Sleep(time.Nanosecond)
			expectClose(t, c, 4001, "Authentication timeout")
		}},
		{"HeartbeatInterval, HeartbeatTimeout", func(t *testing.T, opts hearth.Options) {
			s := hearthtest.New(t, opts)
			time.Sleep(time.Second)
			c := s.Connect(nil)
			time.Sleep(119*time.Second - 1) // the sweep at 90 s finds it silent for 89 s
			synctest.Wait()
			if c.Conn().State() != hearth.StateAuthenticated {
				t.Error("the client is closed too early")
			}
			time.Sleep(time.Nanosecond)
			expectClose(t, c, 4002, "Heartbeat timeout")
		}},
		{"SubscribeWait", func(t *testing.T, opts hearth.Options) {
			broker := newFakeBroker()
			opts.Broker = broker
			broker.hold()
			c := hearthtest.New(t, opts).Dial()
			c.Send("authenticate", nil)
			time.Sleep(time.Second - 1)
			expectReceived(t, c)
			time.Sleep(time.Nanosecond)
			c.Expect("connected")
		}},
		{"EncryptedBatchLimit", func(t *testing.T, opts hearth.Options) {
			var running, most atomic.Int64
			opts = sealing(opts)
			opts.Loops = 1
			opts.Transform = func(context.Context, *hearth.Client, hearth.Outgoing) (*hearth.Outgoing, error) {
				if n := running.Add(1); n > most.Load() {
					most.Store(n)
				}
				time.Sleep(time.Millisecond)
				running.Add(-1)
				return nil, nil
			}
			s := hearthtest.New(t, opts)
			for range 15 {
				s.Connect(nil).Conn().EnableEncryption()
			}
			_ = s.Broadcast(t.Context(), "e", 1)
			time.Sleep(time.Second)
			if most.Load() != 10 {
				t.Errorf("%d hooks run at once", most.Load())
			}
		}},
		{"PerMessageDeflate", func(t *testing.T, opts hearth.Options) {
			s := hearthtest.New(t, opts)
			r := hearthtest.NewRequest("/ws")
			r.Header.Set("Sec-WebSocket-Extensions", "permessage-deflate")
			if got := s.DialHandler(s, r).Header().Get("Sec-WebSocket-Extensions"); got != "" {
				t.Errorf("the extension %q is accepted", got)
			}
		}},
		{"Origins, AllowAnyOrigin, TrustForwarded", func(t *testing.T, opts hearth.Options) {
			s := hearthtest.New(t, opts)
			for origin, want := range map[string]int{
				"https://example.com":  http.StatusSwitchingProtocols,
				"https://evil.example": http.StatusForbidden,
				"null":                 http.StatusForbidden,
			} {
				r := hearthtest.NewRequest("/ws")
				r.Header.Set("Origin", origin)
				r.Header.Set("X-Forwarded-Host", "evil.example")
				if want == http.StatusSwitchingProtocols {
					s.DialHandler(s, r)
					continue
				}
				w := httptest.NewRecorder()
				s.ServeHTTP(w, r)
				if w.Code != want {
					t.Errorf("origin %s gets %d, want %d", origin, w.Code, want)
				}
			}
		}},
		{"Subprotocol", func(t *testing.T, opts hearth.Options) {
			s := hearthtest.New(t, opts)
			r := hearthtest.NewRequest("/ws")
			r.Header.Set("Sec-WebSocket-Protocol", "b, a")
			if got := s.DialHandler(s, r).Header().Get("Sec-WebSocket-Protocol"); got != "b" {
				t.Errorf("%q is selected", got)
			}
		}},
		{"Loops", func(t *testing.T, opts hearth.Options) {
			if got, want := len(hearthtest.New(t, opts).Stats().Loops), runtime.GOMAXPROCS(0); got != want {
				t.Errorf("there are %d loops, want %d", got, want)
			}
		}},
	}, func(test test) string { return test.field }, func(t *testing.T, test test) {
		test.check(t, hearth.Options{Authenticate: accepting().Authenticate})
	})
}

// Other values than the defaults, where no other test uses them.
func TestOptionValues(t *testing.T) {
	bubble(t, func(t *testing.T) {
		opts := accepting()
		opts.Identifier, opts.Path, opts.Loops = "node", "*", 3
		opts.AllowAnyOrigin, opts.TrustForwarded, opts.PerMessageDeflate = true, true, true
		opts.Subprotocol = func(offered []string) string { return offered[len(offered)-1] }
		s := hearthtest.New(t, opts)
		r := hearthtest.NewRequest("/any/path")
		r.Header.Set("Origin", "https://evil.example")
		r.Header.Set("Sec-WebSocket-Protocol", "b, a")
		r.Header.Set("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")
		r.Header.Set("X-Forwarded-For", "203.0.113.9, 198.51.100.7")
		c := s.DialHandler(s, r)
		c.Authenticate(nil)
		if got := c.Header().Get("Sec-WebSocket-Protocol"); got != "a" {
			t.Errorf("the subprotocol is %q", got)
		}
		if got := c.Header().Get("Sec-WebSocket-Extensions"); !strings.HasPrefix(got, "permessage-deflate") {
			t.Errorf("the extension is %q", got)
		}
		if got := c.Conn().RemoteAddr(); got != "198.51.100.7" {
			t.Errorf("the address is %q, want what the proxy has seen", got)
		}
		long := strings.Repeat("compressible ", 1000)
		if _, err := c.Conn().Send("e", long); err != nil {
			t.Fatal(err)
		}
		if got, err := hearth.DataOf[string](c.Expect("e").Message); err != nil || got != long {
			t.Errorf("a compressed message arrives as %.50q, %v", got, err)
		}
		if s.Path() != "*" || s.Identifier() != "node" || len(s.Stats().Loops) != 3 {
			t.Errorf("path %q, identifier %q, %d loops", s.Path(), s.Identifier(), len(s.Stats().Loops))
		}
	})
}

// An error names the field and the value.
func TestOptionErrors(t *testing.T) {
	set := func(change func(o *hearth.Options)) hearth.Options {
		o := accepting()
		change(&o)
		return o
	}
	type test struct {
		field string
		value any
		opts  hearth.Options
	}
	tests := []test{
		{"Authenticate", "nil", hearth.Options{}},
		{"RequireEncryption", true, set(func(o *hearth.Options) { o.RequireEncryption = true })},
		{"RequireEncryption", true, set(func(o *hearth.Options) {
			o.RequireEncryption, o.Handshake = true, encrypting(nil).Handshake
		})},
		{"RequireSealedInbound", true, set(func(o *hearth.Options) { o.RequireSealedInbound = true })},
		{"Encryption", "set", set(func(o *hearth.Options) {
			o.Encryption, o.Transform = &reversing{}, sealing(accepting()).Transform
		})},
		{"Encryption", "set", set(func(o *hearth.Options) {
			o.Encryption, o.Handshake = &reversing{}, encrypting(nil).Handshake
		})},
		{"Transport", hearth.Transport("carrier pigeon"), set(func(o *hearth.Options) { o.Transport = "carrier pigeon" })},
		{"DefaultRooms", []string{"a", ""}, set(func(o *hearth.Options) { o.DefaultRooms = []string{"a", ""} })},
		{"BackpressureLimit", 2000, set(func(o *hearth.Options) { o.BackpressureLimit, o.MaxQueuedBytes = 2000, 1000 })},
	}
	for _, path := range []string{"ws", "/ws?x=1", "/w s", "/ws#a"} {
		tests = append(tests, test{"Path", path, set(func(o *hearth.Options) { o.Path = path })})
	}
	for _, origin := range []string{"example.com", "https://", "://example.com", "https://example.com/path", "https://exa mple.com", "null", "https://*", "https://a.*.com"} {
		tests = append(tests, test{"Origins", origin, set(func(o *hearth.Options) { o.Origins = []string{"https://fine.example", origin} })})
	}
	for field, change := range map[string]func(o *hearth.Options, d time.Duration){
		"IdleTimeout":       func(o *hearth.Options, d time.Duration) { o.IdleTimeout = d },
		"AuthTimeout":       func(o *hearth.Options, d time.Duration) { o.AuthTimeout = d },
		"HeartbeatInterval": func(o *hearth.Options, d time.Duration) { o.HeartbeatInterval = d },
		"HeartbeatTimeout":  func(o *hearth.Options, d time.Duration) { o.HeartbeatTimeout = d },
		"SubscribeWait":     func(o *hearth.Options, d time.Duration) { o.SubscribeWait = d },
	} {
		for _, d := range []time.Duration{-time.Second, 1, 400 * 24 * time.Hour} {
			tests = append(tests, test{field, d, set(func(o *hearth.Options) { change(o, d) })})
		}
	}
	for field, change := range map[string]func(o *hearth.Options, n int){
		"MaxPayload":          func(o *hearth.Options, n int) { o.MaxPayload = n },
		"BackpressureLimit":   func(o *hearth.Options, n int) { o.BackpressureLimit = n },
		"MaxQueuedBytes":      func(o *hearth.Options, n int) { o.MaxQueuedBytes = int64(n) },
		"MaxPendingMessages":  func(o *hearth.Options, n int) { o.MaxPendingMessages = n },
		"MaxPendingBytes":     func(o *hearth.Options, n int) { o.MaxPendingBytes = n },
		"EncryptedBatchLimit": func(o *hearth.Options, n int) { o.EncryptedBatchLimit = n },
		"MessageRate":         func(o *hearth.Options, n int) { o.MessageRate = n },
		"ByteRate":            func(o *hearth.Options, n int) { o.ByteRate = int64(n) },
		"MaxRooms":            func(o *hearth.Options, n int) { o.MaxRooms = n },
		"MaxRoomsPerJoin":     func(o *hearth.Options, n int) { o.MaxRoomsPerJoin = n },
		"MaxFragments":        func(o *hearth.Options, n int) { o.MaxFragments = n },
		"MaxConnections":      func(o *hearth.Options, n int) { o.MaxConnections = n },
		"MaxUnauthenticated":  func(o *hearth.Options, n int) { o.MaxUnauthenticated = n },
		"MaxAuthPayload":      func(o *hearth.Options, n int) { o.MaxAuthPayload = n },

		"MaxConnectionsPerUser":        func(o *hearth.Options, n int) { o.MaxConnectionsPerUser = n },
		"MaxUnauthenticatedPerAddress": func(o *hearth.Options, n int) { o.MaxUnauthenticatedPerAddress = n },

		"Loops": func(o *hearth.Options, n int) { o.Loops = n },
	} {
		for _, n := range []int{-1, math.MinInt, huge(field)} {
			tests = append(tests, test{field, n, set(func(o *hearth.Options) { change(o, n) })})
		}
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.field, " ", test.value), func(t *testing.T) {
			s, err := hearth.New(t.Context(), test.opts)
			if err == nil {
				s.Shutdown(context.Background())
				t.Fatal("New accepts it")
			}
			var option *hearth.OptionError
			if !errors.As(err, &option) || option.Field != test.field || fmt.Sprint(option.Value) != fmt.Sprint(test.value) || option.Reason == "" {
				t.Errorf("the error is %+v", err)
			}
			if !strings.Contains(err.Error(), test.field) || !strings.Contains(err.Error(), fmt.Sprint(test.value)) {
				t.Errorf("the error %q does not name %s and %v", err, test.field, test.value)
			}
		})
	}
}

// huge is more than any number may be, but for those of bytes where int has 32
// bits.
func huge(field string) int {
	if math.MaxInt == math.MaxInt32 && (strings.HasSuffix(field, "Bytes") || strings.HasSuffix(field, "Limit") || field == "ByteRate") {
		return -2
	}
	return math.MaxInt
}
