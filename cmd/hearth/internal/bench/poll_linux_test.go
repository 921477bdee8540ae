package bench

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A worker that always has something to read counts what is delivered
// meanwhile.
func TestBusyWorkerCounts(t *testing.T) {
	r := &run{bodies: newBodies(100), dialect: Dialects()[1]}
	w, err := newWorker(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		w.closeAll()
		r.ended.Store(true)
		r.goroutines.Wait()
	}()
	client, server := pair(t)
	c := &conn{w: w, state: admitted, streams: []expect{{}}}
	if err := w.adopt(c, client); err != nil {
		t.Fatal(err)
	}

	var busy [2]int // a pipe that nobody empties is ready in every turn
	if err := unix.Pipe2(busy[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(busy[0])
	defer unix.Close(busy[1])
	if _, err := unix.Write(busy[1], []byte("x")); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	for busy[0] >= len(w.poller.table) {
		w.poller.table = append(w.poller.table, nil)
	}
	w.mu.Unlock()
	if err := unix.EpollCtl(w.poller.epoll, unix.EPOLL_CTL_ADD, busy[0], &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(busy[0])}); err != nil {
		t.Fatal(err)
	}

	body := r.bodies.append(nil, stamp{at: now()})
	if _, err := server.Write(append([]byte{0x81, byte(len(body))}, body...)); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); w.total.Load() != 1; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d deliveries are counted, want 1", w.total.Load())
		}
	}
}

// pair is both ends of a TCP connection.
func pair(t *testing.T) (client, server net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return client, server
}
