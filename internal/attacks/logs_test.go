package attacks_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
	"github.com/hearthws/hearth/internal/frame"
	"github.com/hearthws/hearth/metrics"
)

// logbook is the log at its most talkative, as a text and by its records.
type logbook struct {
	mu      sync.Mutex
	text    bytes.Buffer
	records []string // messages
	slog.Handler
}

func newLogbook() *logbook {
	l := &logbook{}
	l.Handler = slog.NewTextHandler(&l.text, &slog.HandlerOptions{Level: slog.LevelDebug})
	return l
}

func (l *logbook) WithAttrs(attrs []slog.Attr) slog.Handler { return derived{l, attrs} }

func (l *logbook) Handle(ctx context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = append(l.records, r.Message)
	return l.Handler.Handle(ctx, r)
}

func (l *logbook) read() (text string, records []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String(), l.records
}

// derived is a logbook with attributes.
type derived struct {
	*logbook
	attrs []slog.Attr
}

func (d derived) Handle(ctx context.Context, r slog.Record) error {
	r.AddAttrs(d.attrs...)
	return d.logbook.Handle(ctx, r)
}

// A token is in no line of the log, whatever becomes of it. Fails when
// authenticate logs its credentials, or startAuth the message.
func TestA19TokensInLogs(t *testing.T) {
	const token = "s3cr3t-t0k3n"
	log := newLogbook()
	opts := accepting()
	opts.Logger = slog.New(log)
	opts.Authenticate = func(_ context.Context, _ *hearth.Client, data json.RawMessage) (hearth.Identity, error) {
		var d struct{ Token, Do string }
		_ = json.Unmarshal(data, &d)
		switch d.Do {
		case "refuse":
			return hearth.Identity{}, hearth.ErrRejected
		case "fail":
			return hearth.Identity{}, errors.New("the database is away")
		case "panic":
			panic("no luck")
		}
		return hearth.Identity{UserID: "ann"}, nil
	}
	s := serve(t, opts)
	for _, do := range []string{"refuse", "fail", "panic", ""} {
		c := s.dial(t)
		var all []byte // in one write, since the first may end the connection
		for _, text := range []string{
			`{"event":"authenticate","data":{"token":"` + token + `","do":"` + do + `"}}`,
			`{"event":"authenticate","data":{"token":"` + token + `"}}`,
			`{"event":"authenticate","data":{"token":"` + token + `"`, // cut off
		} {
			all = append(all, masked(frame.Text, true, text)...)
		}
		if _, err := c.Write(all); err != nil {
			t.Fatal(err)
		}
		if do != "" {
			c.ExpectClose()
			continue
		}
		for c.Next().Event != "connected" {
		}
		c.Send("join", rooms("a"))
		c.Send("echo", token)
		for c.Next().Event != "echo" {
		}
	}
	text, records := log.read()
	if strings.Contains(text, token) || len(records) < 5 {
		t.Errorf("%d lines:\n%s", len(records), text)
	}
}

// Text of clients is in attributes: one event is one line, and no escape
// reaches a terminal. Fails when a message is put together with such text.
func TestA20LinesInLogs(t *testing.T) {
	const evil = "x\r\nlevel=ERROR msg=forged\x1b[31m\u202e"
	log := newLogbook()
	opts := accepting()
	opts.Logger = slog.New(log)
	opts.TrustForwarded = true
	accept := opts.Authenticate
	opts.Authenticate = func(ctx context.Context, c *hearth.Client, data json.RawMessage) (hearth.Identity, error) {
		id, _ := accept(ctx, c, data)
		if id.UserID == "refuse" {
			return id, fmt.Errorf("%w: %s", hearth.ErrRejected, evil)
		}
		return id, nil
	}
	opts.OnMessage = func(context.Context, *hearth.Client, hearth.Message) error { return errors.New(evil) }
	s := hearthtest.New(t, opts)
	c := s.DialAs(hearth.UpgradeData{ClientID: evil})
	c.Authenticate(user(evil))
	c.Send(evil, evil)
	c.Send("join", rooms(evil))
	c.Close(4000, evil[:30])
	c.ExpectClose()
	refused := s.Dial()
	refused.Send("authenticate", user("refuse"))
	refused.ExpectClose()
	r := hearthtest.NewRequest("/ws")
	r.Header.Set("Origin", "https://"+strings.ReplaceAll(evil, "\r\n", "\x0b"))
	refuse(t, s, r)
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, records := log.read()
	if got := strings.Count(text, "\n"); got != len(records) {
		t.Errorf("%d events have become %d lines:\n%s", len(records), got, text)
	}
	if i := strings.IndexAny(text, "\r\x1b\u202e\x0b"); i >= 0 {
		t.Errorf("an escape reaches the log: %q", text[max(0, i-60):i+10])
	}
	if !strings.Contains(text, "forged") {
		t.Error("none of it was logged at all, so that this test shows nothing")
	}
	for _, message := range records {
		if strings.Contains(message, "forged") {
			t.Errorf("the message %q has text of a client", message)
		}
	}
}

// However many names there are, the metrics stay as many. Fails when Collect
// makes a series of each room.
func TestA21SeriesOfMetrics(t *testing.T) {
	s := serve(t, accepting())
	c := s.connect(t, nil)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(metrics.NewCollector(s.Server.Server))
	series := func() (n int) {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			n += len(f.GetMetric())
		}
		return n
	}
	before := series()
	names := make([]string, 1000)
	for round := range 20 {
		for i := range names {
			names[i] = fmt.Sprintf("room-%d-%d", round, i)
		}
		if err := c.Conn().Join(names...); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 50 {
		s.connect(t, user(fmt.Sprint("user-", i))).Send(fmt.Sprint("event-", i), nil)
	}
	if after := series(); after != before || before < 50 {
		t.Errorf("%d series have become %d with 20,000 rooms", before, after)
	}
}
