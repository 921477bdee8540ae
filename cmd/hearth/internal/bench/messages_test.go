package bench

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// all hands every message to everybody.
func all(_ int, m string) []string { return []string{m} }

// So many messages take the time that they need, and all are measured.
func TestMessagesInsteadOfATime(t *testing.T) {
	t.Parallel()
	cfg := config(t, &room{tamper: all})
	cfg.Rate = 100
	result, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if result.Published != 30 || result.Latency == nil || result.Latency.Count != 120 {
		t.Errorf("%d messages are published, latencies %+v", result.Published, result.Latency)
	}
}

// What there was no time for is said, and makes the run fail.
func TestUnpublished(t *testing.T) {
	t.Parallel()
	cfg := config(t, &room{tamper: all})
	cfg.Rate, cfg.Messages, cfg.Duration = 100, 1000, 100*time.Millisecond
	result, err := Run(t.Context(), cfg)
	if !errors.Is(err, ErrFaults) {
		t.Fatal(err)
	}
	if n := result.Faults.Unpublished; n == 0 || n+result.Published != 1000 {
		t.Errorf("%d are published, %d are not", result.Published, n)
	}
	if !strings.Contains(result.verdict(), "messages not published in time") {
		t.Error(result.verdict())
	}
}

// A server that sends no more ends a run without a time.
func TestGivesUp(t *testing.T) {
	t.Parallel()
	k := 0
	cfg := config(t, &room{tamper: func(_ int, m string) []string {
		if k++; k > 4*10 {
			return nil
		}
		return []string{m}
	}})
	result, err := Run(t.Context(), cfg)
	if !errors.Is(err, ErrFaults) {
		t.Fatal(err)
	}
	// Four are in flight, and are never there.
	if f := result.Faults; f.Missing != 4*4 || f.Unpublished != 16 {
		t.Errorf("faults are %+v", f)
	}
}

// Who only receives waits for the first message as long as it takes, and for
// the others as long as there is progress.
func TestListensUntilNothingComes(t *testing.T) {
	t.Parallel()
	s := &room{tamper: all}
	listening, publishing := config(t, s), config(t, s)
	listening.Publishers, listening.Messages = 0, 20
	publishing.URLs, publishing.Clients, publishing.Rate, publishing.Messages = listening.URLs, 0, 100, 10

	type outcome struct {
		result *Result
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		result, err := Run(t.Context(), listening)
		done <- outcome{result, err}
	}()
	for joined := 0; joined < 4; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		joined = len(s.members)
		s.mu.Unlock()
	}
	select {
	case o := <-done:
		t.Fatalf("it has not waited for the first: %+v, %v", o.result, o.err)
	case <-time.After(2 * listening.Patience):
	}
	if _, err := Run(t.Context(), publishing); err != nil {
		t.Fatal(err)
	}
	o := <-done
	if !errors.Is(o.err, ErrFaults) || o.result.Faults.Missing != 10*4 || o.result.Latency.Count != 10*4 {
		t.Errorf("%+v, %v", o.result, o.err)
	}
}

// A warm-up that takes all messages leaves nothing to be measured.
func TestWarmupTakesAll(t *testing.T) {
	t.Parallel()
	cfg := config(t, &room{tamper: all})
	cfg.Warmup = 10 * time.Second
	result, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(result.verdict(), "Nothing was measured") {
		t.Error(result.verdict())
	}
}
