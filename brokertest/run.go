// Package brokertest has the suite that every [hearth.Broker] must pass. A
// broker's own tests run it:
//
//	func TestBroker(t *testing.T) {
//		brokertest.Run(t, func(t *testing.T) brokertest.Harness {
//			return brokertest.Harness{Broker: func() hearth.Broker { return mybroker.New() }}
//		})
//	}
package brokertest

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hearthws/hearth"
)

// Harness gives a test what it needs of a kind of broker.
type Harness struct {
	// Broker returns a broker that reaches the others of the same harness, as
	// another process would have it. It may be the same one every time.
	Broker func() hearth.Broker

	// Break takes away what the broker cannot work without, and Repair gives
	// it back. Nil: nothing can be taken away, and what follows from that is
	// not tested.
	Break  func()
	Repair func()

	// Ignore names functions whose goroutines belong to the harness, as
	// goleak.IgnoreAnyFunction takes them.
	Ignore []string
}

// patience bounds every wait for something that must happen. Only the tests of
// the suite itself are less patient.
var patience = 30 * time.Second

// Run runs the suite. Each of its tests calls open, with its own t, to which
// clean-up belongs.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	t.Helper()
	tests := []struct {
		name string
		run  func(t *testing.T, h Harness)
	}{
		{"Types", testTypes},
		{"Contents", testContents},
		{"Names", testNames},
		{"LargeData", testLargeData},
		{"DataMayBeKept", testDataMayBeKept},
		{"Emitter", testEmitter},
		{"Sessions", testSessions},
		{"Order", testOrder},
		{"SameOrderForAll", testSameOrderForAll},
		{"LiveWhenDone", testLiveWhenDone},
		{"References", testReferences},
		{"ManyChannels", testManyChannels},
		{"Churn", testChurn},
		{"DeliverSubscribes", testDeliverSubscribes},
		{"Stats", testStats},
		{"Numbers", testNumbers},
		{"MissingNumbers", testMissingNumbers},
		{"NumbersWhileAway", testNumbersWhileAway},
		{"OpenExpired", testOpenExpired},
		{"CloseTwice", testCloseTwice},
		{"CloseExpired", testCloseExpired},
		{"CloseWhileBusy", testCloseWhileBusy},
		{"CloseOfOne", testCloseOfOne},
		{"Reopen", testReopen},
		{"BreakPublish", testBreakPublish},
		{"BreakRestores", testBreakRestores},
		{"BreakOften", testBreakOften},
		{"BreakClose", testBreakClose},
		{"BreakOpen", testBreakOpen},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			var h Harness
			t.Cleanup(func() { checkLeft(t, h, before) }) // after all other clean-up
			h = open(t)
			test.run(t, h)
		})
	}
}

// checkLeft fails the test when goroutines are left.
func checkLeft(t *testing.T, h Harness, ignored ...goleak.Option) {
	t.Helper()
	for _, function := range h.Ignore {
		ignored = append(ignored, goleak.IgnoreAnyFunction(function))
	}
	if err := goleak.Find(ignored...); err != nil {
		t.Errorf("after every session was closed: %v", err)
	}
}
