//go:build unix

package redisbroker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/internal/redistest"
	"github.com/hearthws/hearth/redisbroker"
)

func TestOptionsString(t *testing.T) {
	for _, test := range []struct {
		options redisbroker.Options
		want    string
	}{
		{redisbroker.Options{URL: "redis://localhost"}, "redis://localhost"},
		{redisbroker.Options{URL: "redis://localhost:1/2"}, "redis://localhost:1"},
		{redisbroker.Options{URL: "redis://user:secret@host:1"}, "redis://xxxxx@host:1"},
		{redisbroker.Options{URL: "redis://:secret@host:1?sentinel=m&sentinel_password=secret"}, "redis://xxxxx@host:1?sentinel=m"},
		{redisbroker.Options{URL: "rediss://:secret@a,b:2,[::1]:3?cluster=1"}, "rediss://xxxxx@a,b:2,[::1]:3?cluster=1"},
		{redisbroker.Options{URL: "unix://:secret@/run/redis.sock?db=1"}, "unix://xxxxx@/run/redis.sock"},
		{redisbroker.Options{Addrs: []string{"host:1"}, Password: "secret"}, "redis://xxxxx@host:1"},
		{redisbroker.Options{Addrs: []string{"host:secret"}}, "redis://host:xxxxx"},
		{redisbroker.Options{URL: "redis://:s@ec/r?et@host:1/x?cluster=2"}, "redis://xxxxx@host:1/x"},
		{redisbroker.Options{URL: "host:secret"}, "host:xxxxx"},
	} {
		if got := test.options.String(); got != test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
		var out bytes.Buffer
		slog.New(slog.NewJSONHandler(&out, nil)).Info("options", "options", test.options)
		for _, text := range []string{
			fmt.Sprint(test.options), fmt.Sprintf("%+v", test.options), fmt.Sprintf("%#v", test.options), out.String(),
		} {
			if strings.Contains(text, "secret") || strings.Contains(text, "ec/r") {
				t.Errorf("%q tells a secret", text)
			}
		}
	}
}

func TestOptionsRefused(t *testing.T) {
	type options = redisbroker.Options
	for _, test := range []struct {
		options     options
		field, text string
	}{
		{options{URL: "localhost"}, "URL", "redis://"},
		{options{URL: "http://localhost"}, "URL", "redis://"},
		{options{URL: "redis://localhost/one"}, "URL", "one number"},
		{options{URL: "redis://localhost/1?db=2"}, "URL", "more than one"},
		{options{URL: "redis://localhost/1/2"}, "URL", "one number"},
		{options{URL: "redis://localhost?color=red"}, "URL", `"color"`},
		{options{URL: "redis://localhost?cluster=maybe"}, "URL", "cluster"},
		{options{URL: "redis://localhost?skip_verify=1"}, "URL", "rediss://"},
		{options{URL: "redis://:secret%zz@localhost"}, "URL", "percent"},
		{options{URL: "redis://:sec?ret@localhost"}, "URL", "percent"},
		{options{URL: "redis://localhost", Addrs: []string{"h:1"}}, "URL", "Addrs"},
		{options{URL: "redis://u@localhost", Username: "v"}, "URL", "Username"},
		{options{URL: "redis://:secret@localhost", Password: "other"}, "URL", "Password"},
		{options{URL: "redis://localhost/1", DB: 2}, "URL", "one number"},
		{options{URL: "unix://redis.sock"}, "URL", "absolute"},
		{options{URL: "redis://a,b"}, "Addrs", "Cluster"},
		{options{URL: "redis://a/1?cluster=1"}, "DB", "one database"},
		{options{URL: "redis://a?cluster=1&sentinel=m"}, "Cluster", "Sentinel"},
		{options{Addrs: []string{"host:port"}}, "Addrs", "host:port"},
		{options{Addrs: []string{"user:secret@host:1"}}, "Addrs", "host:port"},
		{options{DB: -1}, "DB", "0"},
		{options{Prefix: "a*"}, "Prefix", "without"},
		{options{Prefix: "a b"}, "Prefix", "printable"},
		{options{Prefix: "ü"}, "Prefix", "printable"},
		{options{Prefix: strings.Repeat("a", 65)}, "Prefix", "64"},
		{options{Prefix: "ws:room:shop:"}, "Prefix", "must not contain ws:room:"},
		{options{Prefix: "a:ws:client:"}, "Prefix", "must not contain ws:room:"},
		{options{Prefix: "news:user:"}, "Prefix", "must not contain ws:room:"},
		{options{ClientName: "a b"}, "ClientName", "spaces"},
		{options{Sentinel: redisbroker.Sentinel{Master: "a b"}}, "Sentinel.Master", "spaces"},
		{options{QueueBytes: -1}, "QueueBytes", "from 1"},
		{options{InboxBytes: 1 << 50}, "InboxBytes", "from 1"},
		{options{Linger: 2 * time.Hour}, "Linger", "1h"},
		{options{DialTimeout: time.Nanosecond}, "DialTimeout", "10ms"},
		{options{WriteTimeout: -1}, "WriteTimeout", "10ms"},
		{options{ProbeInterval: time.Hour}, "ProbeInterval", "1m"},
	} {
		_, err := redisbroker.New(test.options)
		var refused *hearth.OptionError
		if !errors.As(err, &refused) {
			t.Errorf("%v: %v, want an *OptionError", test.options, err)
			continue
		}
		if refused.Field != "redisbroker."+test.field || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%v: %v, want field %s and %q", test.options, err, test.field, test.text)
		}
		if strings.Contains(err.Error(), "sec") {
			t.Errorf("%v: the error tells a secret: %v", test.options, err)
		}
	}
	for _, url := range []string{
		"redis://localhost", "redis://", "redis://h:1/0", "rediss://u:p%40@h", "unix:///run/redis.sock",
		"redis://a,b,c?cluster=1", "redis://[::1],b:2?sentinel=m&sentinel_username=u&sentinel_password=p%40&client_name=n",
	} {
		if _, err := redisbroker.Open(url); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// failToOpen returns why a broker that cannot be opened cannot, as soon as it
// is in the log.
func failToOpen(t *testing.T, options redisbroker.Options, logs *log) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	logs.wrote = cancel
	s, err := newBroker(t, options).Open(ctx, hearth.BrokerNode{
		ServerID: "id", Deliver: func(hearth.Envelope) {}, Logger: slog.New(slog.NewTextHandler(logs, nil)),
	})
	if err == nil {
		mustClose(t, s)
		t.Fatal("Open succeeded")
	}
	if !errors.Is(err, context.Canceled) || !errors.Is(err, hearth.ErrBrokerUnavailable) {
		t.Errorf("Open: %v, want %v and %v", err, context.Canceled, hearth.ErrBrokerUnavailable)
	}
	return err
}

// Why Redis cannot be used is said in the error and in the log, once, and
// without any password.
func TestSecretsAndReasons(t *testing.T) {
	t.Parallel()
	const wrong = "wr0ng-passw0rd"
	server := redistest.Start(t, "--requirepass", "r1ght-passw0rd")
	closed := redistest.Start(t)
	closed.Kill()
	for _, test := range []struct {
		options redisbroker.Options
		reason  string
	}{
		{redisbroker.Options{URL: "redis://:" + wrong + "@" + server.Addr()}, "WRONGPASS"},
		{redisbroker.Options{URL: "redis://" + server.Addr()}, "NOAUTH"},
		{redisbroker.Options{URL: "redis://u:" + wrong + "@" + closed.Addr()}, "connection refused"},
		{redisbroker.Options{URL: "redis://:" + wrong + "@" + closed.Addr() + "?cluster=1"}, "no node of the Cluster answers"},
		{redisbroker.Options{URL: "redis://:r1ght-passw0rd@" + server.Addr() + "?cluster=1"}, "cluster support disabled"},
		{redisbroker.Options{URL: "redis://" + closed.Addr() + "?sentinel=m&sentinel_password=" + wrong}, "no Sentinel knows"},
		{redisbroker.Options{URL: "redis://" + server.Addr() + "?sentinel=m&sentinel_password=r1ght-passw0rd"}, "unknown command"},
	} {
		logs := new(log)
		err := failToOpen(t, test.options, logs)
		for _, text := range []string{err.Error(), logs.String()} {
			if !strings.Contains(text, test.reason) {
				t.Errorf("%v: %q does not say %q", test.options, text, test.reason)
			}
			if strings.Contains(text, "passw0rd") {
				t.Errorf("%v: %q tells a password", test.options, text)
			}
		}
		if n := strings.Count(logs.String(), "\n"); n != 1 {
			t.Errorf("%v: %d lines are logged, want 1:\n%s", test.options, n, logs)
		}
	}
}

// Each change of state is one line.
func TestLog(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	p := join(t, newBroker(t, redisbroker.Options{URL: server.URL()}))
	server.Kill()
	eventually(t, "the session is disconnected", func() bool { return p.Stats().State == hearth.BrokerDisconnected })
	server.Restart()
	p.restored(0)
	count := func(line string) int { return strings.Count(p.logs.String(), line) }
	eventually(t, "all is logged", func() bool { return count(`msg="broker connected"`) == 2 })
	if n := count("broker disconnected"); n != 1 {
		t.Errorf("the loss is logged %d times, want once:\n%s", n, p.logs)
	}
	if !strings.Contains(p.logs.String(), "redis=redis://"+server.Addr()) || !strings.Contains(p.logs.String(), "from=") {
		t.Errorf("the log lacks the address or the gap:\n%s", p.logs)
	}
}
