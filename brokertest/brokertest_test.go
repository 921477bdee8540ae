package brokertest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/brokertest"
)

// faultVariable names the fault of the broker that TestWithFault runs.
const faultVariable = "BROKERTEST_FAULT"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestWithFault runs the suite with a broker that has a fault, none by default.
func TestWithFault(t *testing.T) {
	fault := os.Getenv(faultVariable)
	if fault != "" {
		brokertest.SetPatience(2 * time.Second)
	}
	brokertest.Run(t, func(t *testing.T) brokertest.Harness {
		broker := &faulty{Broker: hearth.NewMemoryBroker(), fault: fault}
		return brokertest.Harness{Broker: func() hearth.Broker { return broker }}
	})
}

// A suite that finds no fault proves nothing: each of these must be found, by
// the test that is there for it.
func TestFaultsAreFound(t *testing.T) {
	for fault, test := range map[string]string{
		"loses one of 100":            "Order",
		"delivers twice":              "Order",
		"swaps two":                   "Order",
		"swaps two for some":          "SameOrderForAll",
		"delivers concurrently":       "Order",
		"changes exclude":             "Contents",
		"forgets epoch":               "Contents",
		"cuts data":                   "LargeData",
		"reuses data":                 "DataMayBeKept",
		"ignores emitters":            "Emitter",
		"forgets the second session":  "Sessions",
		"is done before it is live":   "LiveWhenDone",
		"counts no references":        "References",
		"never unsubscribes":          "References",
		"blocks in Deliver":           "DeliverSubscribes",
		"counts nothing":              "Stats",
		"closes once":                 "CloseTwice",
		"publishes after Close":       "CloseTwice",
		"forgets done":                "CloseWhileBusy",
		"is done twice":               "Order",
		"delivers after Close":        "CloseWhileBusy",
		"closes all":                  "CloseOfOne",
		"opens once":                  "Reopen",
		"leaves a goroutine":          "Types",
		"numbers all channels as one": "Numbers",
		"shares an epoch":             "Numbers",
		"counts nobody's numbers":     "MissingNumbers",
		"counts repeats":              "MissingNumbers",
		"delivers what comes again":   "MissingNumbers",
		"counts its own":              "MissingNumbers",
		"counts what it gave up":      "NumbersWhileAway",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run", "^TestWithFault$/^"+test+"$", "-test.v", "-test.timeout", "60s")
			cmd.Env = append(os.Environ(), faultVariable+"="+fault)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL: TestWithFault/"+test) {
				t.Errorf("%s does not find it: %v\n%s", test, err, out)
			}
		})
	}
}
