package metrics_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
	"github.com/hearthws/hearth/metrics"
)

// scrape returns what Prometheus would read.
func scrape(t *testing.T, servers ...*hearthtest.Server) string {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	for _, s := range servers {
		registry.MustRegister(metrics.NewCollector(s.Server))
	}
	answer := httptest.NewRecorder()
	opts := promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}
	promhttp.HandlerFor(registry, opts).ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	if answer.Code != 200 {
		t.Fatalf("scrape: %d: %s", answer.Code, answer.Body)
	}
	return answer.Body.String()
}

func options() hearth.Options {
	return hearth.Options{
		Authenticate: func(_ context.Context, _ *hearth.Client, data json.RawMessage) (hearth.Identity, error) {
			if string(data) != "{}" {
				return hearth.Identity{}, hearth.ErrRejected
			}
			return hearth.Identity{UserID: "user-of-the-test"}, nil
		},
		ValidateRooms: func(_ context.Context, _ *hearth.Client, rooms []string) ([]string, error) { return rooms, nil },
		OnMessage: func(_ context.Context, c *hearth.Client, m hearth.Message) error {
			_, err := c.Send(m.Event, m.Data)
			return err
		},
	}
}

func TestCollector(t *testing.T) {
	cluster := hearthtest.NewCluster(t, 2, options())
	c := cluster[0].Connect(nil)
	c.Send("join", map[string]any{"rooms": []string{"room-of-the-test"}})
	c.Send("event-of-the-test", 1)
	c.Expect("event-of-the-test") // the join has been handled as well
	refused := cluster[0].Dial()
	refused.Send("authenticate", "no")
	refused.Expect("error")
	refused.ExpectClose()

	text := scrape(t, cluster...)
	for _, want := range []string{
		`hearth_ready{server="hearth-0"} 1`,
		`hearth_clients{server="hearth-0",state="authenticated"} 1`,
		`hearth_clients{server="hearth-1",state="authenticated"} 0`,
		`hearth_transport_clients{server="hearth-0",transport="stream"} 1`,
		`hearth_rooms{server="hearth-0"} 3`, // with the default ones
		`hearth_connections_accepted_total{server="hearth-0"} 2`,
		`hearth_connections_closed_total{server="hearth-0"} 1`,
		`hearth_authentications_accepted_total{server="hearth-0"} 1`,
		`hearth_authentications_rejected_total{server="hearth-0"} 1`,
		`hearth_messages_received_total{server="hearth-0"} 4`,
		`hearth_errors_sent_total{server="hearth-0"} 1`,
		`hearth_broker_info{kind="memory",server="hearth-0",state="connected"} 1`,
		`hearth_broker_connected{server="hearth-1"} 1`,
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("not there: %s", want)
		}
	}
	for _, secret := range []string{"of-the-test", c.ID()} {
		if strings.Contains(text, secret) {
			t.Errorf("%q of a client is in the metrics", secret)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestLoops(t *testing.T) {
	opts := options()
	opts.Loops = 2
	text := scrape(t, hearthtest.New(t, opts))
	for loop := range 2 {
		for _, upTo := range []string{"0.0001", "0.001", "0.005", "0.02", "+Inf"} {
			want := fmt.Sprintf(`hearth_loop_turns_total{loop="%d",server="hearth",up_to="%s"}`, loop, upTo)
			if !strings.Contains(text, want) {
				t.Errorf("not there: %s", want)
			}
		}
	}
}

func TestNames(t *testing.T) {
	text := scrape(t, hearthtest.New(t, options()))
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "hearth_") {
			t.Errorf("does not begin with hearth_: %s", line)
		}
	}
}

// docs/operations.md explains every metric, and no other.
func TestDocs(t *testing.T) {
	docs, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`hearth_[a-z_]+`)
	explained := map[string]bool{}
	for _, n := range name.FindAllString(string(docs), -1) {
		explained[n] = true
	}
	there := map[string]bool{}
	for line := range strings.Lines(scrape(t, hearthtest.New(t, options()))) {
		if !strings.HasPrefix(line, "#") {
			there[name.FindString(line)] = true
		}
	}
	if diff := cmp.Diff(there, explained); diff != "" {
		t.Errorf("metrics (-there +explained):\n%s", diff)
	}
}
