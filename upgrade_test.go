package hearth_test

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// Ids that the caller of Upgrade gives belong to one connection at a time.
func TestClientIDInUse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := hearthtest.New(t, accepting())
		for _, id := range []string{"me", "01234567-89ab-8def-8123-456789abcdef", "01234567-89AB-8DEF-8123-456789ABCDEF"} {
			c := s.DialAs(hearth.UpgradeData{ClientID: id})
			if c.ID() != id || s.Client(id) != c.Conn() {
				t.Errorf("the id %s has become %s", id, c.ID())
			}
			refuse(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if hc, err := s.Upgrade(w, r, hearth.UpgradeData{ClientID: id}); hc != nil || !errors.Is(err, hearth.ErrClientIDInUse) {
					t.Errorf("Upgrade returns %v, %v", hc, err)
				}
			}), hearthtest.NewRequest("/"), http.StatusConflict)
			c.Authenticate(nil)
			_ = s.ToClient(t.Context(), id, "e", 1)
			_ = s.ToRoom(t.Context(), id, "e", 2)
			_ = s.Send(t.Context(), id, "e", 3)
			expectReceived(t, c, `{"event":"e","data":1}`, `{"event":"e","data":2}`, `{"event":"e","data":3}`)
			c.Conn().Close(4000, "")
			s.DialAs(hearth.UpgradeData{ClientID: id}) // is free at once
		}
	})
}

// What is no upgrade is answered, and is no connection.
func TestRefusedUpgrades(t *testing.T) {
	s := hearthtest.New(t, accepting())
	for _, test := range []struct {
		name   string
		change func(r *http.Request)
		status int
	}{
		{"plain request", func(r *http.Request) { r.Header = http.Header{} }, http.StatusUpgradeRequired},
		{"POST", func(r *http.Request) { r.Method = http.MethodPost }, http.StatusMethodNotAllowed},
		{"old version", func(r *http.Request) { r.Header.Set("Sec-WebSocket-Version", "8") }, http.StatusUpgradeRequired},
		{"bad key", func(r *http.Request) { r.Header.Set("Sec-WebSocket-Key", "short") }, http.StatusBadRequest},
		{"foreign page", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, http.StatusForbidden},
		{"another path", func(r *http.Request) { r.URL.Path = "/ws/" }, http.StatusNotFound},
		{"a response that cannot be hijacked", func(*http.Request) {}, http.StatusInternalServerError},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := hearthtest.NewRequest("/ws")
			test.change(r)
			refuse(t, s, r, test.status)
			if st := s.Stats(); st.Accepted != 0 || st.Connections != 0 || st.Unauthorized != 0 {
				t.Errorf("stats count it: %+v", st)
			}
		})
	}
}

// pipeWriter is a response whose connection may be taken.
type pipeWriter struct {
	http.ResponseWriter
	conn net.Conn
}

func (w pipeWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.conn, bufio.NewReadWriter(bufio.NewReader(w.conn), bufio.NewWriter(w.conn)), nil
}

// A peer that does not take its 101 never becomes a connection: nobody sees it,
// and no hook is called. Its id is taken as long as it may still become one.
func TestPeerThatTakesNoAnswer(t *testing.T) {
	type test struct {
		name string
		end  func(near net.Conn)
		took time.Duration
	}
	bubbles(t, []test{
		{"goes", func(near net.Conn) { near.Close() }, 0},
		{"does not read", func(net.Conn) {}, 10 * time.Second},
	}, func(test test) string { return test.name }, func(t *testing.T, test test) {
		var j journal
		s := hearthtest.New(t, journaled(&j, accepting()))
		near, far := net.Pipe()
		defer near.Close()
		began := time.Now()
		result := make(chan error, 1)
		go func() {
			_, err := s.Upgrade(pipeWriter{httptest.NewRecorder(), far}, hearthtest.NewRequest("/ws"), hearth.UpgradeData{ClientID: "me"})
			result <- err
		}()
		synctest.Wait()
		if s.Client("me") != nil || s.Stats().Unauthorized != 0 {
			t.Error("a connection is seen before it is one")
		}
		for range s.Clients(hearth.Filter{}) {
			t.Error("a connection is listed before it is one")
		}
		refuse(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = s.Upgrade(w, r, hearth.UpgradeData{ClientID: "me"})
		}), hearthtest.NewRequest("/"), http.StatusConflict)
		test.end(near)
		if err := <-result; err == nil || time.Since(began) != test.took {
			t.Errorf("Upgrade returns %v after %s", err, time.Since(began))
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		j.expect(t)
		if st := s.Stats(); st.Accepted != 0 || st.Disconnected != 0 || st.Connections != 0 {
			t.Errorf("stats count it: %+v", st)
		}
	})
}

// Shutdown waits for an upgrade that is under way, and closes what comes of it.
func TestShutdownDuringUpgrade(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var j journal
		s := hearthtest.New(t, journaled(&j, accepting()))
		entered, release := make(chan struct{}), make(chan struct{})
		r := hearthtest.NewRequest("/ws")
		near, far := net.Pipe()
		go func() {
			_, _ = s.Upgrade(pipeWriter{httptest.NewRecorder(), slowConn{far, entered, release}}, r, hearth.UpgradeData{})
		}()
		<-entered
		down := make(chan error, 1)
		go func() { down <- s.Shutdown(t.Context()) }()
		synctest.Wait()
		close(release)
		br := bufio.NewReader(near)
		if _, err := http.ReadResponse(br, r); err != nil {
			t.Fatal(err)
		}
		frame := make([]byte, 4)
		if _, err := br.Read(frame); err != nil || frame[0] != 0x88 || frame[2] != 1001>>8 || frame[3] != 1001&0xff {
			t.Errorf("after the 101 comes % x, %v, want a close frame with 1001", frame, err)
		}
		near.Close()
		if err := <-down; err != nil {
			t.Error(err)
		}
		j.expect(t, `OnDisconnect disconnected "" 1001 "Server shutting down"`)
	})
}

// slowConn holds up the first write, that of the 101.
type slowConn struct {
	net.Conn
	entered chan struct{}
	release chan struct{}
}

func (c slowConn) Write(p []byte) (int, error) {
	select {
	case <-c.release:
	default:
		close(c.entered)
		<-c.release
	}
	return c.Conn.Write(p)
}
