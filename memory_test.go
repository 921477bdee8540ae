package hearth_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/brokertest"
)

func TestMemoryBroker(t *testing.T) {
	brokertest.Run(t, func(t *testing.T) brokertest.Harness {
		broker := hearth.NewMemoryBroker()
		return brokertest.Harness{Broker: func() hearth.Broker { return broker }}
	})
}

// A server that is alone must not pay for being able to have company.
func TestMemoryBrokerAloneAllocatesNothing(t *testing.T) {
	ctx := context.Background()
	delivered := 0
	s, err := hearth.NewMemoryBroker().Open(ctx, hearth.BrokerNode{
		ServerID: "id", Deliver: func(hearth.Envelope) { delivered++ }, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Subscribe([]string{hearth.ForRoom("room")}, func(error) {})
	env := hearth.Envelope{ServerID: "id", Type: hearth.TypeRoom, Target: "room", Event: "e", Data: []byte(`{"n":1}`)}
	answers := 0
	done := func(error) { answers++ }
	if n := testing.AllocsPerRun(1000, func() { s.Publish(env, done) }); n != 0 {
		t.Errorf("Publish allocates %v times, want 0", n)
	}
	if answers == 0 || delivered != 0 {
		t.Errorf("%d answers, %d deliveries, want answers and no delivery of one's own", answers, delivered)
	}
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkMemoryBrokerAlone(b *testing.B) {
	ctx := context.Background()
	s, err := hearth.NewMemoryBroker().Open(ctx, hearth.BrokerNode{
		ServerID: "id", Deliver: func(hearth.Envelope) {}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	env := hearth.Envelope{ServerID: "id", Type: hearth.TypeRoom, Target: "room", Event: "e", Data: []byte(`{"n":1}`)}
	done := func(error) {}
	b.ReportAllocs()
	for b.Loop() {
		s.Publish(env, done)
	}
	if err := s.Close(ctx); err != nil {
		b.Fatal(err)
	}
}
