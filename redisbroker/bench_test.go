//go:build unix

package redisbroker_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/internal/redistest"
	"github.com/hearthws/hearth/redisbroker"
)

// openBench opens a session that hands what arrives to deliver; nil makes it
// an emitter's.
func openBench(b *testing.B, url string, deliver func(hearth.Envelope)) hearth.BrokerSession {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	s, err := newBroker(b, redisbroker.Options{URL: url}).Open(ctx, hearth.BrokerNode{
		ServerID: "bench", Deliver: deliver, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close(context.Background()) })
	return s
}

// payload is an envelope with 128 bytes of data.
func payload(room string) hearth.Envelope {
	return hearth.Envelope{
		ServerID: "01234567-89ab-8def-8123-456789abcdef", Type: hearth.TypeRoom, Target: room, Event: "message",
		Data: fmt.Appendf(nil, `{"text":"%0117d"}`, 0),
	}
}

// cpu is what this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// window bounds what is under way, and costs next to nothing until it is full: a
// channel of tickets would be a tenth of what is measured.
type window struct {
	size int64
	n    atomic.Int64
	room chan struct{}
}

func newWindow(size int) *window {
	return &window{size: int64(size), room: make(chan struct{}, 1)}
}

// enter is called by one goroutine.
func (w *window) enter() {
	if w.n.Add(1) > w.size {
		<-w.room
	}
}

func (w *window) leave() {
	if w.n.Add(-1) >= w.size {
		w.room <- struct{}{}
	}
}

// drain returns when nothing is under way.
func (w *window) drain() {
	for w.n.Load() > 0 {
		time.Sleep(10 * time.Microsecond)
	}
}

// BenchmarkPublish keeps a number of publishes on their way. cpu-ns/op is the
// processor time of the whole process.
func BenchmarkPublish(b *testing.B) {
	for _, size := range []int{1, 64, 512} {
		b.Run(fmt.Sprint("window=", size), func(b *testing.B) {
			s := openBench(b, redistest.Start(b).URL(), nil)
			env := payload("room")
			var failed atomic.Int64
			under := newWindow(size)
			done := func(err error) {
				if err != nil {
					failed.Add(1)
				}
				under.leave()
			}
			b.ReportAllocs()
			began := cpu()
			for b.Loop() {
				under.enter()
				s.Publish(env, done)
			}
			under.drain()
			b.ReportMetric(float64(cpu()-began)/float64(b.N), "cpu-ns/op")
			if failed.Load() > 0 {
				b.Fatalf("%d publishes failed", failed.Load())
			}
		})
	}
}

// BenchmarkLibrary is what the client library needs for the same commands,
// ready made, in batches: the floor of BenchmarkPublish.
func BenchmarkLibrary(b *testing.B) {
	for _, batch := range []int{1, 64, 512} {
		b.Run(fmt.Sprint("batch=", batch), func(b *testing.B) {
			client, err := rueidis.NewClient(rueidis.ClientOption{
				InitAddress: []string{redistest.Start(b).Addr()}, ForceSingleClient: true, PipelineMultiplex: -1,
				AlwaysPipelining: true, DisableCache: true, DisableRetry: true,
			})
			if err != nil {
				b.Fatal(err)
			}
			defer client.Close()
			env := payload("room")
			channel, message := env.Channel(), string(env.AppendJSON(nil))
			commands := make([]rueidis.Completed, 0, batch)
			b.ReportAllocs()
			began := cpu()
			for b.Loop() {
				commands = append(commands, client.B().Publish().Channel(channel).Message(message).Build())
				if len(commands) < batch {
					continue
				}
				for _, r := range client.DoMulti(context.Background(), commands...) {
					if err := r.Error(); err != nil {
						b.Fatal(err)
					}
				}
				commands = commands[:0]
			}
			b.ReportMetric(float64(cpu()-began)/float64(b.N), "cpu-ns/op")
		})
	}
}

// BenchmarkDeliver publishes at one broker and receives at others, all in the same
// process. delivered/s is over all that receive.
func BenchmarkDeliver(b *testing.B) {
	for _, nodes := range []int{1, 2, 4} {
		b.Run(fmt.Sprint("nodes=", nodes), func(b *testing.B) {
			url := redistest.Start(b).URL()
			from := openBench(b, url, nil)
			under := newWindow(512 * nodes)
			for range nodes {
				to := openBench(b, url, func(hearth.Envelope) { under.leave() })
				subscribed := make(chan error)
				to.Subscribe([]string{hearth.ForRoom("room")}, func(err error) { subscribed <- err })
				if err := <-subscribed; err != nil {
					b.Fatal(err)
				}
			}
			env := payload("room")
			done := func(err error) {
				if err != nil {
					panic(err)
				}
			}
			b.ReportAllocs()
			used, began := cpu(), time.Now()
			for b.Loop() {
				for range nodes {
					under.enter()
				}
				from.Publish(env, done)
			}
			under.drain()
			delivered := float64(b.N * nodes)
			b.ReportMetric(float64(cpu()-used)/delivered, "cpu-ns/delivered")
			b.ReportMetric(delivered/time.Since(began).Seconds(), "delivered/s")
		})
	}
}

// BenchmarkSubscribe is what one client costs that comes and goes: three
// channels.
func BenchmarkSubscribe(b *testing.B) {
	s := openBench(b, redistest.Start(b).URL(), func(hearth.Envelope) {})
	var live sync.WaitGroup
	slots := make(chan struct{}, 1000)
	b.ReportAllocs()
	began := cpu()
	for i := 0; b.Loop(); i++ {
		channels := []string{
			hearth.ForClient(fmt.Sprint(i)), hearth.ForRoom(fmt.Sprint(i)), hearth.ForUser(fmt.Sprint(i)),
		}
		live.Add(1)
		slots <- struct{}{}
		s.Subscribe(channels, func(err error) {
			if err != nil {
				panic(err)
			}
			s.Unsubscribe(channels)
			<-slots
			live.Done()
		})
	}
	live.Wait()
	b.ReportMetric(float64(cpu()-began)/float64(b.N), "cpu-ns/op")
}

// BenchmarkResubscribe cuts the subscriber's connection and waits until
// everything is live again.
func BenchmarkResubscribe(b *testing.B) {
	for _, channels := range []int{10_000, 100_000, 300_000} {
		b.Run(fmt.Sprint("channels=", channels), func(b *testing.B) {
			server := redistest.Start(b)
			ctx := context.Background()
			restored := make(chan hearth.Gap, 1)
			s, err := newBroker(b, redisbroker.Options{URL: server.URL()}).Open(ctx, hearth.BrokerNode{
				ServerID: "bench", Deliver: func(hearth.Envelope) {}, Logger: slog.New(slog.DiscardHandler),
				ReportGap: func(g hearth.Gap) { restored <- g },
			})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = s.Close(ctx) }()
			names := make([]string, channels)
			for i := range names {
				names[i] = hearth.ForRoom(fmt.Sprint("room-", i))
			}
			live := make(chan error)
			s.Subscribe(names, func(err error) { live <- err })
			if err := <-live; err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				server.CLI("CLIENT", "KILL", "TYPE", "pubsub")
				<-restored
			}
			if got := s.Stats(); got.Live != channels {
				b.Fatalf("%d channels are live, want %d", got.Live, channels)
			}
		})
	}
}
