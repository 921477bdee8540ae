package ledger_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth/internal/ledger"
)

// story is a ledger with one publisher and one client that is in room "r" of
// node "A", unless it says otherwise.
type story struct {
	*ledger.Ledger
	p *ledger.Publisher
	c *ledger.Client
}

func newStory(opts ledger.Options) *story {
	l := ledger.New(opts)
	s := &story{l, l.Publisher("p"), l.Client("c")}
	s.c.Connected("A")
	s.c.Joined("r")
	return s
}

// publish publishes n messages to a room, all accepted.
func (s *story) publish(room string, n int) {
	for range n {
		s.p.Publish(room).Answer(ledger.Accepted)
	}
}

// receive receives messages of room "r".
func (s *story) receive(ns ...uint64) {
	for _, n := range ns {
		s.c.Receive("p", "r", n)
	}
}

func TestCheck(t *testing.T) {
	perRoom := ledger.Options{OrderPerRoom: true}
	tests := []struct {
		name string
		opts ledger.Options
		run  func(s *story)
		want map[ledger.Kind]int64
	}{
		{"nothing at all", ledger.Options{}, func(s *story) {}, nil},
		{"everything received", ledger.Options{}, func(s *story) {
			s.publish("r", 3)
			s.receive(1, 2, 3)
		}, nil},
		{"nothing received", ledger.Options{}, func(s *story) {
			s.publish("r", 3)
		}, map[ledger.Kind]int64{ledger.Missing: 3}},
		{"the first is missing", ledger.Options{}, func(s *story) {
			s.publish("r", 3)
			s.receive(2, 3)
		}, map[ledger.Kind]int64{ledger.Missing: 1}},
		{"one in the middle is missing", ledger.Options{}, func(s *story) {
			s.publish("r", 3)
			s.receive(1, 3)
		}, map[ledger.Kind]int64{ledger.Missing: 1}},
		{"the last is missing", ledger.Options{}, func(s *story) {
			s.publish("r", 3)
			s.receive(1, 2)
		}, map[ledger.Kind]int64{ledger.Missing: 1}},
		{"missing at the end of a stay", ledger.Options{}, func(s *story) {
			s.publish("r", 3)
			s.receive(1)
			s.c.Left("r")
		}, map[ledger.Kind]int64{ledger.Missing: 2}},
		{"missing at the end of a connection", ledger.Options{}, func(s *story) {
			s.publish("r", 3)
			s.receive(1)
			s.c.Disconnected()
			s.c.Connected("A")
		}, map[ledger.Kind]int64{ledger.Missing: 2}},
		{"missing is missing though later ones arrive while leaving", ledger.Options{InFlight: time.Hour}, func(s *story) {
			s.publish("r", 2)
			s.c.Leaving("r")
			s.receive(2)
			s.c.Left("r")
		}, map[ledger.Kind]int64{ledger.Missing: 1}},

		{"twice", ledger.Options{}, func(s *story) {
			s.publish("r", 1)
			s.receive(1, 1)
		}, map[ledger.Kind]int64{ledger.Duplicate: 1}},
		{"an old one again", ledger.Options{}, func(s *story) {
			s.publish("r", 3)
			s.receive(1, 2, 3, 1)
		}, map[ledger.Kind]int64{ledger.Duplicate: 1}},
		{"swapped", ledger.Options{}, func(s *story) {
			s.publish("r", 3)
			s.receive(1, 3, 2)
		}, map[ledger.Kind]int64{ledger.Disorder: 1}},
		{"backwards", ledger.Options{}, func(s *story) {
			s.publish("r", 3)
			s.receive(3, 2, 1)
		}, map[ledger.Kind]int64{ledger.Disorder: 2}},
		{"swapped over two rooms", ledger.Options{}, func(s *story) {
			s.c.Joined("q")
			s.publish("q", 1)
			s.publish("r", 1)
			s.receive(2)
			s.c.Receive("p", "q", 1)
		}, map[ledger.Kind]int64{ledger.Disorder: 1}},
		{"swapped over two rooms, order counts per room", perRoom, func(s *story) {
			s.c.Joined("q")
			s.publish("q", 1)
			s.publish("r", 1)
			s.receive(2)
			s.c.Receive("p", "q", 1)
		}, nil},
		{"swapped within a room, order counts per room", perRoom, func(s *story) {
			s.publish("r", 2)
			s.receive(2, 1)
		}, map[ledger.Kind]int64{ledger.Disorder: 1}},

		{"of a publisher that is none", ledger.Options{}, func(s *story) {
			s.c.Receive("mallory", "r", 1)
		}, map[ledger.Kind]int64{ledger.Foreign: 1}},
		{"never published", ledger.Options{}, func(s *story) {
			s.publish("r", 1)
			s.receive(1, 2)
		}, map[ledger.Kind]int64{ledger.Foreign: 1}},
		{"published to another room", ledger.Options{}, func(s *story) {
			s.publish("q", 1)
			s.publish("r", 1)
			s.receive(1, 2)
		}, map[ledger.Kind]int64{ledger.Foreign: 1}},
		{"of a room the client is not in", ledger.Options{}, func(s *story) {
			s.publish("q", 1)
			s.c.Receive("p", "q", 1)
		}, map[ledger.Kind]int64{ledger.Foreign: 1}},
		{"after having left", ledger.Options{}, func(s *story) {
			s.c.Left("r")
			s.publish("r", 1)
			s.receive(1)
		}, map[ledger.Kind]int64{ledger.Foreign: 1}},
		{"after the end", ledger.Options{}, func(s *story) {
			s.c.Disconnected()
			s.publish("r", 1)
			s.receive(1)
		}, map[ledger.Kind]int64{ledger.Foreign: 1}},
		{"from before the stay", ledger.Options{}, func(s *story) {
			s.publish("q", 1)
			s.c.Joined("q")
			s.c.Receive("p", "q", 1)
		}, map[ledger.Kind]int64{ledger.Foreign: 1}},
		{"from before the stay, still on its way", ledger.Options{InFlight: time.Hour}, func(s *story) {
			s.publish("q", 1)
			s.c.Joined("q")
			s.c.Receive("p", "q", 1)
		}, nil},
		{"published before the stay, accepted in it", ledger.Options{}, func(s *story) {
			m := s.p.Publish("q")
			s.c.Joined("q")
			m.Answer(ledger.Accepted)
			s.c.Receive("p", "q", 1)
		}, nil},
		{"a client that was excepted", ledger.Options{}, func(s *story) {
			s.p.Publish("r", "c").Answer(ledger.Accepted)
			s.receive(1)
		}, map[ledger.Kind]int64{ledger.Foreign: 1}},
		{"excepted clients get nothing", ledger.Options{}, func(s *story) {
			s.p.Publish("r", "b", "c").Answer(ledger.Accepted)
			s.publish("r", 1)
			s.receive(2)
		}, nil},

		{"between asking and being in, received", ledger.Options{}, func(s *story) {
			s.c.Joining("q")
			s.publish("q", 1)
			s.c.Receive("p", "q", 1)
			s.c.Joined("q")
		}, nil},
		{"between asking and being in, not received", ledger.Options{}, func(s *story) {
			s.c.Joining("q")
			s.publish("q", 2)
			s.c.Joined("q")
			s.publish("q", 1)
			s.c.Receive("p", "q", 3)
		}, nil},
		{"between asking and being in, some received", ledger.Options{}, func(s *story) {
			s.c.Joining("q")
			s.publish("q", 4)
			s.c.Receive("p", "q", 3)
			s.c.Receive("p", "q", 4)
			s.c.Joined("q")
		}, nil},
		{"between asking and being out, not received", ledger.Options{}, func(s *story) {
			s.c.Leaving("r")
			s.publish("r", 1)
			s.c.Left("r")
		}, nil},
		{"between asking and being out, received", ledger.Options{}, func(s *story) {
			s.c.Leaving("r")
			s.publish("r", 1)
			s.receive(1)
			s.c.Left("r")
		}, nil},
		{"on its way when the client began to leave", ledger.Options{InFlight: time.Hour}, func(s *story) {
			s.publish("r", 1)
			s.c.Leaving("r")
			s.c.Left("r")
		}, nil},
		{"before the client began to leave", ledger.Options{}, func(s *story) {
			s.publish("r", 1)
			s.c.Leaving("r")
			s.c.Left("r")
		}, map[ledger.Kind]int64{ledger.Missing: 1}},
		{"while the connection breaks", ledger.Options{}, func(s *story) {
			s.c.Disconnecting()
			s.publish("r", 1)
			s.c.Disconnected()
		}, nil},
		{"after the connection broke unseen", ledger.Options{}, func(s *story) {
			alive := time.Now()
			s.publish("r", 1)
			s.c.DisconnectedSince(alive)
			s.c.Disconnected()
		}, nil},
		{"from before a room, and later ones", ledger.Options{}, func(s *story) {
			s.publish("q", 5)
			s.c.Joined("q")
			s.publish("q", 1)
			s.c.Receive("p", "q", 6)
		}, nil},
		{"in, out and in again", ledger.Options{}, func(s *story) {
			s.publish("r", 1)
			s.receive(1)
			s.c.Left("r")
			s.publish("r", 1)
			s.c.Joined("r")
			s.publish("r", 1)
			s.receive(3)
		}, nil},
		{"received by the next connection", ledger.Options{InFlight: time.Hour}, func(s *story) {
			s.publish("r", 1)
			s.receive(1)
			s.c.Disconnected()
			s.c.Connected("B")
			s.c.Joined("r")
			s.receive(1)
		}, nil},

		{"the publisher was told", ledger.Options{}, func(s *story) {
			s.p.Publish("r").Answer(ledger.Lost)
			s.publish("r", 1)
			s.receive(2)
		}, nil},
		{"the publisher was told too much", ledger.Options{}, func(s *story) {
			s.p.Publish("r").Answer(ledger.Lost)
			s.receive(1)
		}, nil},
		{"the publisher got no answer", ledger.Options{}, func(s *story) {
			s.p.Publish("r").Answer(ledger.Unknown)
			s.p.Publish("r")
			s.publish("r", 1)
			s.receive(3)
		}, nil},
		{"told of one, lost another", ledger.Options{}, func(s *story) {
			s.p.Publish("r").Answer(ledger.Lost)
			s.publish("r", 1)
		}, map[ledger.Kind]int64{ledger.Missing: 1}},
		{"a gap covers it", ledger.Options{}, func(s *story) {
			from := time.Now()
			s.publish("r", 2)
			s.Gap("A", "", from, time.Now().Add(time.Second))
		}, nil},
		{"a gap of the room covers it", ledger.Options{}, func(s *story) {
			from := time.Now()
			s.publish("r", 2)
			s.Gap("A", "r", from, time.Now().Add(time.Second))
		}, nil},
		{"a gap of another node", ledger.Options{}, func(s *story) {
			from := time.Now()
			s.publish("r", 2)
			s.Gap("B", "", from, time.Now().Add(time.Second))
		}, map[ledger.Kind]int64{ledger.Missing: 2}},
		{"a gap of another room", ledger.Options{}, func(s *story) {
			from := time.Now()
			s.publish("r", 2)
			s.Gap("A", "q", from, time.Now().Add(time.Second))
		}, map[ledger.Kind]int64{ledger.Missing: 2}},
		{"a gap at another time", ledger.Options{}, func(s *story) {
			s.publish("r", 2)
			s.Gap("A", "", time.Now().Add(time.Second), time.Now().Add(time.Minute))
		}, map[ledger.Kind]int64{ledger.Missing: 2}},
		{"a gap shortly afterwards", ledger.Options{InFlight: time.Hour}, func(s *story) {
			s.publish("r", 2)
			s.Gap("A", "", time.Now().Add(time.Millisecond), time.Now().Add(time.Minute))
		}, map[ledger.Kind]int64{ledger.Missing: 2}},
		{"a gap of the node of the time", ledger.Options{}, func(s *story) {
			from := time.Now()
			s.publish("r", 1)
			s.Gap("B", "", from, time.Now().Add(time.Second))
			s.c.Disconnected()
			s.c.Connected("B")
		}, map[ledger.Kind]int64{ledger.Missing: 1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newStory(test.opts)
			test.run(s)
			r := s.Check()
			if diff := cmp.Diff(test.want, r.Violations); diff != "" {
				t.Errorf("violations (-want +got):\n%s\n%v", diff, r.Err())
			}
			if (r.Err() != nil) != (len(test.want) > 0) {
				t.Errorf("Err is %v", r.Err())
			}
		})
	}
}

func TestInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStory(ledger.Options{InFlight: time.Second})
		s.publish("r", 1)
		time.Sleep(2 * time.Second)
		s.publish("r", 1)
		time.Sleep(time.Second / 2)
		s.c.Left("r")
		s.c.Joined("q")
		if got := s.Check().Violations; got[ledger.Missing] != 1 || len(got) != 1 {
			t.Errorf("violations %v; only the first had the time to arrive", got)
		}
	})
}

// TestSameInstant has everything at one moment of a clock that stands still.
func TestSameInstant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStory(ledger.Options{})
		s.publish("r", 1)
		s.receive(1)
		s.c.Left("r")
		s.publish("r", 1)
		s.c.Joined("r")
		s.publish("r", 1)
		if got := s.Check().Violations; got[ledger.Missing] != 1 || len(got) != 1 {
			t.Errorf("violations %v; only the third is missing", got)
		}
	})
}

func TestReport(t *testing.T) {
	s := newStory(ledger.Options{})
	from := time.Now()
	s.publish("r", 2)
	s.receive(1, 1)
	s.Gap("A", "", from, time.Now())
	time.Sleep(time.Millisecond) // the gap is over
	s.p.Publish("r").Answer(ledger.Lost)
	s.p.Publish("r")
	s.publish("r", 1)
	s.c.Receive("p", "elsewhere", 3)
	r := s.Check()
	want := &ledger.Report{
		Published: 5, Delivered: 3, ToldPublisher: 1, ToldNobody: 1, ToldByGap: 1,
		Violations: map[ledger.Kind]int64{ledger.Duplicate: 1, ledger.Foreign: 1, ledger.Missing: 1},
	}
	got := *r
	got.Examples = nil
	if diff := cmp.Diff(want, &got); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	for _, part := range []string{
		`1 missing; 1 duplicate; 1 foreign`,
		`missing: client "c" on node "A", publisher "p", room "r", n 5: published at `,
		`foreign: client "c" on node "A", publisher "p", room "elsewhere", n 3: the client is not in the room`,
	} {
		if !strings.Contains(r.Err().Error(), part) {
			t.Errorf("%q is not in the error:\n%v", part, r.Err())
		}
	}
	if again := s.Check(); !cmp.Equal(r.Violations, again.Violations) {
		t.Errorf("a second check finds %v", again.Violations)
	}
}
