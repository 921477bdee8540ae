//go:build unix

package redisbroker_test

import (
	"testing"
	"time"

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

func TestSuite(t *testing.T) {
	brokertest.Run(t, func(t *testing.T) brokertest.Harness {
		server := redistest.Start(t)
		return brokertest.Harness{
			Broker: func() hearth.Broker { return newBroker(t, redisbroker.Options{URL: server.URL()}) },
			Break:  server.Kill,
			Repair: server.Restart,
		}
	})
}

// TestSuitePatterns has everything that can be chosen, and one broker that all
// nodes of a test share.
func TestSuitePatterns(t *testing.T) {
	brokertest.Run(t, func(t *testing.T) brokertest.Harness {
		server := redistest.Start(t, "--requirepass", "pass:word@/?")
		broker := newBroker(t, redisbroker.Options{
			Addrs: []string{server.Addr()}, Password: "pass:word@/?", DB: 3, ClientName: "tests",
			Prefix: "app{1}:", Patterns: true, Linger: -1,
		})
		return brokertest.Harness{
			Broker: func() hearth.Broker { return broker },
			Break:  server.Kill,
			Repair: server.Restart,
		}
	})
}

func TestSuiteCluster(t *testing.T) {
	// On a machine that is busy with other tests a probe by way of two nodes may take
	// longer than a second, and the suite asserts that no call fails. Probes have
	// tests of their own.
	const unhurried = 10 * time.Second
	cluster := redistest.StartCluster(t, 3)
	brokertest.Run(t, func(t *testing.T) brokertest.Harness {
		return brokertest.Harness{
			Broker: func() hearth.Broker {
				return newBroker(t, redisbroker.Options{
					Cluster: true, Addrs: []string{cluster.Nodes[0].Addr(), cluster.Nodes[1].Addr()}, ProbeInterval: unhurried,
				})
			},
			Break:  cluster.Kill,
			Repair: cluster.Restart,
			Ignore: []string{redistest.Goroutine},
		}
	})
}

func TestSuiteSentinel(t *testing.T) {
	sentinels := redistest.StartSentinel(t, 1)
	brokertest.Run(t, func(t *testing.T) brokertest.Harness {
		return brokertest.Harness{
			Broker: func() hearth.Broker { return newBroker(t, sentinelOptions(sentinels)) },
			Break: func() {
				sentinels.Replica.Kill() // else it would be elected
				sentinels.Master.Kill()
			},
			Repair: func() {
				sentinels.Master.Restart()
				sentinels.Replica.Restart()
			},
			Ignore: []string{redistest.Goroutine},
		}
	})
}

func sentinelOptions(s *redistest.Sentinels) redisbroker.Options {
	return redisbroker.Options{Addrs: s.Addrs(), Sentinel: redisbroker.Sentinel{Master: redistest.MasterName}}
}
