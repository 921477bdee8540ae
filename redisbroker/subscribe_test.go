//go:build unix

package redisbroker_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/internal/redistest"
	"github.com/hearthws/hearth/redisbroker"
)

// Ten thousand subscriptions at once: no more than four commands of five
// hundred are on their way, or Redis's answers would overrun its buffers.
func TestSubscriptionsInFlight(t *testing.T) {
	t.Parallel()
	const channels, perCommand, commands = 10_000, 500, 4
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	p := join(t, newBroker(t, redisbroker.Options{
		Addrs: []string{proxy.Addr()}, WriteTimeout: far, ProbeInterval: time.Minute,
	}))
	proxy.Hold(redistest.Subscriber, 0)
	before := proxy.Sent(redistest.Subscriber)
	live := make(chan error, channels/100)
	for i := range cap(live) {
		names := make([]string, 100)
		for k := range names {
			names[k] = hearth.ForRoom(fmt.Sprint(i, "/", k))
		}
		p.Subscribe(names, func(err error) { live <- err })
	}
	sent := func() string { return strings.TrimPrefix(proxy.Sent(redistest.Subscriber), before) }
	count := func() int { return strings.Count(sent(), "\r\nSUBSCRIBE\r\n") }
	eventually(t, "commands are on their way", func() bool { return count() == commands })
	time.Sleep(100 * time.Millisecond) // a fifth would come at once
	if n := count(); n != commands {
		t.Errorf("%d commands are on their way unanswered, want %d", n, commands)
	}
	if n := strings.Count(sent(), "ws:room:"); n > commands*perCommand {
		t.Errorf("%d channels are on their way unanswered, want at most %d", n, commands*perCommand)
	}
	for _, command := range strings.Split(sent(), "\r\nSUBSCRIBE\r\n") {
		if n := strings.Count(command, "ws:room:"); n > perCommand {
			t.Errorf("a command has %d channels, want at most %d", n, perCommand)
		}
	}
	proxy.Release()
	for range cap(live) {
		if err := <-live; err != nil {
			t.Errorf("Subscribe: %v", err)
		}
	}
	if s := p.Stats(); s.Live != channels {
		t.Errorf("%d channels are live, want %d", s.Live, channels)
	}
}

// A command is answered once for each channel; the first answer does not mean
// that the others are live.
func TestDoneMeansAllChannels(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	p := join(t, newBroker(t, redisbroker.Options{
		Addrs: []string{proxy.Addr()}, WriteTimeout: far, ProbeInterval: time.Minute,
	}))
	first := len(">3\r\n$9\r\nsubscribe\r\n$9\r\nws:room:a\r\n:2\r\n")
	proxy.Hold(redistest.Subscriber, first)
	done := make(chan error, 1)
	p.Subscribe([]string{hearth.ForRoom("a"), hearth.ForRoom("b")}, func(err error) { done <- err })
	eventually(t, "one of the two is live", func() bool { return p.Stats().Live == 1 })
	select {
	case err := <-done:
		t.Errorf("done was called after the first of two confirmations, with %v", err)
	default:
	}
	proxy.Release()
	if err := <-done; err != nil {
		t.Errorf("Subscribe: %v", err)
	}
	if n := p.Stats().Live; n != 2 {
		t.Errorf("%d channels are live, want 2", n)
	}
}

// subscribers asks Redis for the number of a channel's subscribers.
func subscribers(server *redistest.Server, channel string) string {
	_, n, _ := strings.Cut(server.CLI("PUBSUB", "NUMSUB", channel), "\n")
	return n
}

// A channel that nobody needs any more is kept for a while, in case somebody
// comes back.
func TestLinger(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	channel := hearth.ForRoom("r")
	for _, linger := range []time.Duration{-1, 300 * time.Millisecond} {
		p := join(t, newBroker(t, redisbroker.Options{URL: server.URL(), Linger: linger}))
		p.subscribe(channel)
		for range 3 {
			p.Unsubscribe([]string{channel})
			p.subscribe(channel)
		}
		left := time.Now()
		p.Unsubscribe([]string{channel})
		if s := p.Stats(); s.Channels != 0 {
			t.Errorf("linger %s: %d channels are wanted, want none", linger, s.Channels)
		}
		eventually(t, "the channel is unsubscribed at Redis", func() bool { return subscribers(server, channel) == "0" })
		if took := time.Since(left); took < linger {
			t.Errorf("unsubscribed after %s, want at least %s", took, linger)
		}
		mustClose(t, p)
	}
}

// A channel that is wanted again while it is being unsubscribed is subscribed
// once more.
func TestWantedAgainWhileUnsubscribing(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	p := join(t, newBroker(t, redisbroker.Options{
		Addrs: []string{proxy.Addr()}, Linger: -1, WriteTimeout: far, ProbeInterval: time.Minute,
	}))
	channel := hearth.ForRoom("r")
	p.subscribe(channel)
	proxy.Hold(redistest.Subscriber, 0)
	p.Unsubscribe([]string{channel})
	eventually(t, "it is being unsubscribed", func() bool { return subscribers(server, channel) == "0" })
	done := make(chan error, 1)
	p.Subscribe([]string{channel}, func(err error) { done <- err })
	proxy.Release()
	if err := <-done; err != nil {
		t.Errorf("Subscribe: %v", err)
	}
	mustPublish(t, p, "r", "event")
	eventually(t, "envelopes arrive", func() bool { return p.received("event") == 1 })
}

// One of many channels is forbidden: the others are live.
func TestForbiddenChannel(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.CLI("ACL", "SETUSER", "limited", "on", ">secret", "+@all", "~*", "resetchannels",
		"&ws:room:*", "&ws:broadcast")
	p := join(t, newBroker(t, redisbroker.Options{URL: "redis://limited:secret@" + server.Addr()}))
	allowed := make([]string, 1000)
	for i := range allowed {
		allowed[i] = hearth.ForRoom(fmt.Sprint(i))
	}
	live := make(chan error, 1)
	p.Subscribe(allowed, func(err error) { live <- err })
	err := await(t, func(done func(error)) { p.Subscribe([]string{hearth.ForRoom("also"), hearth.ForUser("u")}, done) })
	if err == nil || !strings.Contains(err.Error(), "NOPERM") {
		t.Errorf("Subscribe to a forbidden channel: %v, want NOPERM", err)
	}
	if err := <-live; err != nil {
		t.Errorf("Subscribe to allowed channels: %v", err)
	}
	eventually(t, "all allowed channels are live", func() bool { return p.Stats().Live == len(allowed)+1 })
	mustPublish(t, p, "999", "event")
	eventually(t, "envelopes arrive", func() bool { return p.received("event") == 1 })
	err = await(t, func(done func(error)) {
		p.Publish(hearth.Envelope{Type: hearth.TypeUser, Target: "u", Event: "e"}, done)
	})
	if err == nil || !strings.Contains(err.Error(), "NOPERM") {
		t.Errorf("Publish to a forbidden channel: %v, want NOPERM", err)
	}
	for _, line := range []string{"broker may not subscribe", "broker may not subscribe to its own probes"} {
		if !strings.Contains(p.logs.String(), line) {
			t.Errorf("the log lacks %q:\n%s", line, p.logs)
		}
	}
}

// With a prefix, several applications share a Redis.
func TestPrefix(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a := join(t, newBroker(t, redisbroker.Options{URL: server.URL(), Prefix: "a:"}))
	b := join(t, newBroker(t, redisbroker.Options{URL: server.URL(), Prefix: "b:", Patterns: true}))
	for _, p := range []*peer{a, b} {
		p.subscribe(hearth.ForRoom("r"), hearth.ChannelBroadcast)
	}
	if n := subscribers(server, "a:ws:room:r"); n != "1" {
		t.Errorf("a:ws:room:r has %s subscribers, want 1", n)
	}
	if n := server.CLI("PUBSUB", "NUMPAT"); n != "3" {
		t.Errorf("%s patterns, want 3", n)
	}
	envelope := `{"serverId":"other","type":"room","target":"r","event":"%s","data":1}`
	server.CLI("PUBLISH", "a:ws:room:r", fmt.Sprintf(envelope, "for a"))
	server.CLI("PUBLISH", "b:ws:room:r", fmt.Sprintf(envelope, "for b"))
	server.CLI("PUBLISH", "ws:room:r", fmt.Sprintf(envelope, "for nobody"))
	server.CLI("PUBLISH", "a:ws:broadcast", `{"serverId":"other","type":"broadcast","event":"end"}`)
	server.CLI("PUBLISH", "b:ws:broadcast", `{"serverId":"other","type":"broadcast","event":"end"}`)
	for _, p := range []*peer{a, b} {
		eventually(t, "the last one arrives", func() bool { return p.received("end") == 1 })
	}
	if got := []int{a.received("for a"), b.received("for b"), a.received("for b"), b.received("for a"), a.received("for nobody"), b.received("for nobody")}; !slices.Equal(got, []int{1, 1, 0, 0, 0, 0}) {
		t.Errorf("received %v of for a, for b, and of each other's", got)
	}
}

// What others publish need not be an envelope.
func TestForeignPayloads(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	p := join(t, newBroker(t, redisbroker.Options{URL: server.URL()}))
	p.subscribe(hearth.ForRoom("7"))
	malformed := []string{"", "no JSON", "[]", `{"serverId":1}`, `{"serverId":"s","type":"room","target":"7"}`, "\xff"}
	for _, payload := range malformed {
		server.CLI("PUBLISH", "ws:room:7", payload)
	}
	server.CLI("PUBLISH", "ws:room:7", ` {"extra":[1],"data":{"a":1e400},"event":"e","target":7,"type":"room","serverId":"s"} `)
	eventually(t, "the envelope arrives", func() bool { return p.received("e") == 1 })
	want := []hearth.Envelope{{ServerID: "s", Type: hearth.TypeRoom, Target: "7", Event: "e", Data: []byte(`{"a":1e400}`)}}
	if diff := cmp.Diff(want, p.got); diff != "" {
		t.Errorf("envelopes (-want +received):\n%s", diff)
	}
	if s := p.Stats(); s.Malformed != int64(len(malformed)) {
		t.Errorf("%d malformed, want %d", s.Malformed, len(malformed))
	}
	if n := strings.Count(p.logs.String(), "broker received what is no envelope"); n == 0 || n > 2 {
		t.Errorf("%d lines about it are logged, want one a second:\n%s", n, p.logs)
	}
}

// Sessions share the connections of their broker; one that only publishes
// needs one.
func TestConnections(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	connections := func() int { return strings.Count(server.CLI("CLIENT", "LIST"), "name=counted ") }
	options := redisbroker.Options{URL: server.URL(), ClientName: "counted"}
	shared := newBroker(t, options)
	if n := connections(); n != 0 {
		t.Errorf("a broker that nobody has opened has %d connections, want none", n)
	}
	emitter := joinEmitter(t, shared)
	if n := connections(); n != 1 {
		t.Errorf("an emitter has %d connections, want 1", n)
	}
	one, two := join(t, shared), join(t, shared)
	one.subscribe(hearth.ForRoom("r"))
	two.subscribe(hearth.ForRoom("r"))
	if n := connections(); n != 2 {
		t.Errorf("two sessions and an emitter of one broker have %d connections, want 2", n)
	}
	if n := subscribers(server, hearth.ForRoom("r")); n != "1" {
		t.Errorf("their channel has %s subscribers, want 1", n)
	}
	other := join(t, newBroker(t, options))
	if n := connections(); n != 4 {
		t.Errorf("two brokers have %d connections, want 4", n)
	}
	for _, s := range []hearth.BrokerSession{emitter, one, two, other} {
		mustClose(t, s)
	}
	eventually(t, "nothing is connected", func() bool { return connections() == 0 })
}
