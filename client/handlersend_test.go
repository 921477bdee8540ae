package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hearthws/hearth/client"
)

// broken is a connection that can be read from, and whose writes fail while it
// is on.
type broken struct {
	net.Conn
	on atomic.Bool
}

func (b *broken) Write(p []byte) (int, error) {
	if b.on.Load() {
		return 0, syscall.EPIPE
	}
	return b.Conn.Write(p)
}

// breaking dials f, and returns the first connection for breaking it.
func breaking(f *fake) (first *broken, dial func(ctx context.Context, network, addr string) (net.Conn, error)) {
	first = new(broken)
	return first, func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := f.DialContext(ctx, network, addr)
		if first.Conn == nil && err == nil {
			first.Conn = conn
			return first, nil
		}
		return conn, err
	}
}

// A handler may send as much as it likes over a connection that has broken: the
// client comes back, and sends it in order.
func TestSendByHandlerAfterBreak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, got := secondRecorder(t, func(s *socket) {
			s.write(`{"event":"go"}`)
			s.drain()
		})
		conn, dial := breaking(f)
		c := start(t, client.Options{Dial: dial})
		big := strings.Repeat("x", 10_000)
		c.On("go", func(client.Message) {
			conn.on.Store(true)
			for i := range 30 {
				if err := c.Send(t.Context(), fmt.Sprint(i), big); err != nil {
					t.Errorf("message %d: %v", i, err)
				}
				if i == 0 { // is lost with the connection
					synctest.Wait()
				}
			}
		})
		connect(t, c)
		for i := 1; i < 30; i++ {
			if got := next(t, got); got != fmt.Sprint(i) {
				t.Fatalf("%s instead of %d", got, i)
			}
		}
	})
}

// So may one that was waiting for room when the connection broke.
func TestSendByHandlerWhileBreaking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, got := secondRecorder(t, func(s *socket) {
			s.write(`{"event":"go"}`)
			<-t.Context().Done() // reads nothing
			_ = s.ws.CloseNow()
		})
		c := start(t, client.Options{Dial: f.DialContext})
		big := strings.Repeat("x", 100_000)
		c.On("go", func(client.Message) {
			for i := range 5 {
				if err := c.Send(t.Context(), fmt.Sprint(i), big); err != nil {
					t.Errorf("message %d: %v", i, err)
				}
			}
		})
		connect(t, c)
		time.Sleep(time.Minute)
		for i := 1; i < 5; i++ { // 0 was being written
			if got := next(t, got); got != fmt.Sprint(i) {
				t.Fatalf("%s instead of %d", got, i)
			}
		}
	})
}

// With Block a handler does not wait for a connection, which has to wait for it.
func TestQueueBlockInHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, got := recorder(t)
		var attempts atomic.Int32
		c := start(t, client.Options{
			Queue: client.Queue{Messages: 2, Overflow: client.Block},
			Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
				if attempts.Add(1) == 1 {
					return nil, errors.New("nobody is there")
				}
				return f.DialContext(ctx, network, addr)
			},
		})
		var errs []error
		c.OnState(func(ch client.Change) {
			if ch.Err != nil && errs == nil {
				for i := range 3 {
					errs = append(errs, c.Send(t.Context(), "n", i))
				}
			}
		})
		connect(t, c)
		for i := range 2 {
			if got, want := next(t, got), fmt.Sprint("n ", i); got != want {
				t.Errorf("%s instead of %s", got, want)
			}
		}
		c.Close()
		if len(errs) != 3 || errs[0] != nil || errs[1] != nil || !errors.Is(errs[2], client.ErrDropped) {
			t.Errorf("the handler's messages: %v", errs)
		}
	})
}
