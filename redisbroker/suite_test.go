//go:build unix

package redisbroker_test

import (
	"testing"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/brokertest"
	"github.com/hearthws/hearth/internal/redistest"
	"github.com/hearthws/hearth/redisbroker"
)

// newBroker is [redisbroker.New] for options that are right.
func newBroker(t testing.TB, options redisbroker.Options) hearth.Broker {
	t.Helper()
	broker, err := redisbroker.New(options)
	if err != nil {
		t.Fatal(err)
	}
	return broker
}

// harness breaks a broker by killing its Redis.
func harness(t *testing.T, options redisbroker.Options) brokertest.Harness {
	t.Helper()
	server := redistest.Start(t)
	options.URL = server.URL()
	return brokertest.Harness{
		Broker: func() hearth.Broker { return newBroker(t, options) },
		Break:  server.Kill,
		Repair: server.Restart,
	}
}

func TestSuite(t *testing.T) {
	brokertest.Run(t, func(t *testing.T) brokertest.Harness {
		return harness(t, redisbroker.Options{})
	})
}
