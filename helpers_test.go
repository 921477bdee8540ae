package hearth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
	"github.com/hearthws/hearth/internal/frame"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// accepting are options that let everybody in as the user of the credentials
// {"user": …}, and into every room.
func accepting() hearth.Options {
	return hearth.Options{
		Authenticate: func(_ context.Context, _ *hearth.Client, data json.RawMessage) (hearth.Identity, error) {
			var d struct{ User string }
			_ = json.Unmarshal(data, &d) // what is no object has no user
			return hearth.Identity{UserID: d.User}, nil
		},
		ValidateRooms: func(_ context.Context, _ *hearth.Client, rooms []string) ([]string, error) { return rooms, nil },
	}
}

// user are credentials for accepting.
func user(id string) any { return map[string]string{"user": id} }

// withStream is opts for a server in a bubble.
func withStream(opts hearth.Options) hearth.Options {
	opts.Transport = hearth.TransportStream
	return opts
}

func sorted(all []string) []string { return slices.Sorted(slices.Values(all)) }

// rooms are the data of join and leave.
func rooms(names ...string) any { return map[string][]string{"rooms": names} }

// bubble runs a test under a virtual clock.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// bubbles runs a table of tests under virtual clocks.
func bubbles[T any](t *testing.T, tests []T, name func(T) string, f func(t *testing.T, test T)) {
	t.Helper()
	for _, test := range tests {
		t.Run(name(test), func(t *testing.T) {
			t.Helper()
			bubble(t, func(t *testing.T) { f(t, test) })
		})
	}
}

// network serves over plain TCP with one of the transports.
type network struct {
	transport hearth.Transport
	addrs     map[*hearthtest.Server]string
}

func newNetwork(transport hearth.Transport) *network {
	return &network{transport: transport, addrs: map[*hearthtest.Server]string{}}
}

// transports are those that there are on this system.
func transports() []hearth.Transport {
	if runtime.GOOS == "linux" {
		return []hearth.Transport{hearth.TransportLoop, hearth.TransportStream}
	}
	return []hearth.Transport{hearth.TransportStream}
}

// onBoth runs f once for each transport.
func onBoth(t *testing.T, f func(t *testing.T, n *network)) {
	t.Helper()
	for _, transport := range transports() {
		t.Run(string(transport), func(t *testing.T) {
			t.Helper()
			f(t, newNetwork(transport))
		})
	}
}

func (n *network) serve(t testing.TB, opts hearth.Options) *hearthtest.Server {
	t.Helper()
	opts.Transport = n.transport
	s := hearthtest.New(t, opts)
	n.addrs[s] = listen(t, s)
	return s
}

func (n *network) dial(t testing.TB, s *hearthtest.Server) *hearthtest.Client {
	t.Helper()
	conn, err := net.Dial("tcp", n.addrs[s])
	if err != nil {
		t.Fatal(err)
	}
	return s.Over(conn)
}

// connect dials and authenticates, and checks which transport serves.
func (n *network) connect(t testing.TB, s *hearthtest.Server, credentials any) *hearthtest.Client {
	t.Helper()
	c := n.dial(t, s)
	c.Authenticate(credentials)
	if got := c.Conn().Transport(); got != n.transport {
		t.Fatalf("the client is served by %s, want %s", got, n.transport)
	}
	return c
}

// listen serves h on a port of its own until the test ends.
func listen(t testing.TB, h http.Handler) (addr string) {
	t.Helper()
	var lc net.ListenConfig
	lc.SetMultipathTCP(false) // loops serve plain TCP
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, ln, h)
	return ln.Addr().String()
}

// serve serves h on ln until the test ends.
func serve(t testing.TB, ln net.Listener, h http.Handler) {
	t.Helper()
	web := &http.Server{Handler: h}
	served := make(chan struct{})
	go func() {
		_ = web.Serve(ln)
		close(served)
	}()
	t.Cleanup(func() {
		web.Close()
		<-served
	})
}

// eventually waits until cond holds.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waiting in vain until %s", what)
		}
	}
}

// journal is what hooks have noted, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) note(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf(format, args...))
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}

// expect compares the journal with lines.
func (j *journal) expect(t testing.TB, lines ...string) {
	t.Helper()
	if diff := cmp.Diff(lines, j.all()); diff != "" {
		t.Errorf("hooks (-want +got):\n%s", diff)
	}
}

// expectReceived compares all that a client has received and not been asked
// for. In bubbles only, after synctest.Wait.
func expectReceived(t testing.TB, c *hearthtest.Client, messages ...string) {
	t.Helper()
	synctest.Wait()
	var got []string
	for _, m := range c.Received() {
		got = append(got, m.String())
	}
	if diff := cmp.Diff(messages, got); diff != "" {
		t.Errorf("received (-want +got):\n%s", diff)
	}
}

// expectNext compares the next message.
func expectNext(t testing.TB, c *hearthtest.Client, message string) {
	t.Helper()
	if got := c.Next().String(); got != message {
		t.Errorf("received %s, want %s", got, message)
	}
}

func expectClose(t testing.TB, c *hearthtest.Client, code int, reason string) {
	t.Helper()
	if gotCode, gotReason := c.ExpectClose(); gotCode != code || gotReason != reason {
		t.Errorf("closed with %d %q, want %d %q", gotCode, gotReason, code, reason)
	}
}

// refuse lets h answer r, which must not become a connection.
func refuse(t testing.TB, h http.Handler, r *http.Request, status int) (body string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != status {
		t.Errorf("%s gets %d %s, want %d", r.URL, w.Code, w.Body, status)
	}
	return w.Body.String()
}

// errorEvent is the message that tells a client of a mistake.
func errorEvent(text string) string {
	return `{"event":"error","data":{"message":"` + text + `"}}`
}

// maskedText is a text frame as a client sends it.
func maskedText(payload string) []byte {
	return frame.AppendMasked(nil, frame.Text, true, false, []byte(payload), [4]byte{1, 2, 3, 4})
}

var errBroken = errors.New("secret: broken")
