package serve

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hearthws/hearth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listening is a log that says where a server listens.
type listening struct {
	slog.Handler
	addr chan string
}

func (l listening) Enabled(context.Context, slog.Level) bool { return true }
func (l listening) WithAttrs([]slog.Attr) slog.Handler       { return l }

func (l listening) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "listening" {
		r.Attrs(func(a slog.Attr) bool {
			l.addr <- a.Value.String()
			return false // it is the first
		})
	}
	return nil
}

// run serves a demo until the test ends, and returns its address.
func run(t *testing.T) string {
	t.Helper()
	log := listening{slog.DiscardHandler, make(chan string, 1)}
	signals := make(chan os.Signal, 1)
	var running sync.WaitGroup
	running.Go(func() {
		err := Run(Config{
			Addr: "127.0.0.1:0", Demo: true, ShutdownTimeout: 10 * time.Second,
			Options: hearth.Options{Logger: slog.New(log)},
		}, signals)
		if err != nil {
			t.Errorf("Run: %v", err)
		}
		close(log.addr)
	})
	t.Cleanup(func() {
		signals <- syscall.SIGTERM
		running.Wait()
	})
	addr, ok := <-log.addr
	if !ok {
		t.FailNow()
	}
	return addr
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestHugeHeader(t *testing.T) {
	conn := dial(t, run(t))
	fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: localhost\r\nX-Huge: %s\r\n", strings.Repeat("x", 64<<10))
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header of 64 KiB is answered %s", answer.Status)
	}
}

// Who sends a header byte by byte is cut off, though never silent for long.
func TestSlowHeader(t *testing.T) {
	t.Parallel()
	conn := dial(t, run(t))
	fmt.Fprint(conn, "GET /ws HTTP/1.1\r\nX-Slow: ")
	cut := make(chan error, 1)
	go func() {
		_, err := io.ReadAll(conn)
		cut <- err
	}()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case err := <-cut:
			if os.IsTimeout(err) {
				t.Errorf("still connected after 30 s")
			}
			return
		case <-ticker.C:
			fmt.Fprint(conn, "x")
		}
	}
}

func TestLifetime(t *testing.T) {
	signals := make(chan os.Signal)
	life, end := newLifetime(signals)
	defer end()
	signals <- syscall.SIGHUP
	signals <- syscall.SIGHUP // is one with the first
	<-life.reload
	if life.running.Err() != nil {
		t.Error("SIGHUP has ended it")
	}
	signals <- os.Interrupt
	<-life.running.Done()
	if cause := context.Cause(life.running); cause != ErrInterrupted {
		t.Errorf("ended by %v", cause)
	}
	if life.patient.Err() != nil {
		t.Error("one SIGINT has ended the patience")
	}
	signals <- syscall.SIGTERM
	<-life.patient.Done()
}

// A listener that fails ends the server, as nobody can connect any more.
func TestFailedListenerEnds(t *testing.T) {
	signals := make(chan os.Signal)
	life, end := newLifetime(signals)
	defer end()
	n, err := start(life.running, Config{
		Addr: "127.0.0.1:0", Demo: true, ShutdownTimeout: 10 * time.Second,
		Options: hearth.Options{Logger: slog.New(slog.DiscardHandler)},
	})
	if err != nil {
		t.Fatal(err)
	}
	why := errors.New("no more buffers")
	n.web.failed <- why
	if err := n.wait(life); !errors.Is(err, why) {
		t.Errorf("wait: %v, want %v", err, why)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- n.stop(life.patient, 0) }()
	select {
	case err := <-stopped:
		if err != nil {
			t.Errorf("stop: %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("stop does not return")
	}
}
