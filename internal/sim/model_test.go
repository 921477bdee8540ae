package sim

import (
	"testing"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/brokertest"
)

// The model is a broker as good as any when it is left alone.
func TestModelIsABroker(t *testing.T) {
	for name, pace := range map[string]time.Duration{"at once": 0, "with delays": 3 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			brokertest.Run(t, func(*testing.T) brokertest.Harness {
				b := newBroker(1)
				b.pace = pace
				return brokertest.Harness{Broker: func() hearth.Broker { return b }, Break: b.shut, Repair: b.open}
			})
		})
	}
}
