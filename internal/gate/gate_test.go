package gate_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hearthws/hearth/internal/gate"
)

func TestWaitEndsWithTheLastCall(t *testing.T) {
	g := gate.New()
	if first, second := g.Enter(), g.Enter(); !first || !second {
		t.Fatal("an open gate refuses a call")
	}
	if !g.Close() {
		t.Error("the first Close is not the first")
	}
	if g.Close() {
		t.Error("the second Close is the first, too")
	}
	if g.Enter() {
		t.Error("a closed gate lets a call in")
	}
	g.Leave()
	expired, cancel := context.WithCancel(context.Background())
	cancel()
	if err := g.Wait(expired); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait with a call inside: %v, want %v", err, context.Canceled)
	}
	g.Leave()
	if err := g.Wait(expired); err != nil {
		t.Errorf("Wait with nobody inside: %v", err)
	}
}

func TestNobodyIsInsideAfterWait(t *testing.T) {
	g := gate.New()
	var inside atomic.Int64
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for g.Enter() {
				inside.Add(1)
				inside.Add(-1)
				g.Leave()
			}
		})
	}
	g.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := g.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	if n := inside.Load(); n != 0 {
		t.Errorf("%d calls inside after Wait", n)
	}
	callers.Wait()
}
