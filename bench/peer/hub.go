package main

import (
	"encoding/json"
	"sync"
)

// queueLen is how many messages may wait for a client's writer.
const queueLen = 256

// hub is the room of the libraries whose users write one themselves: a queue
// and a goroutine that writes for each client. T is a message, ready to send.
type hub[T any] struct {
	prepare func(text []byte) (T, error)

	mu      sync.RWMutex
	members map[chan T]bool
}

func newHub[T any](prepare func(text []byte) (T, error)) *hub[T] {
	return &hub[T]{prepare: prepare, members: map[chan T]bool{}}
}

// client serves one: read blocks for the next message, write is called by the
// goroutine that client starts.
func (h *hub[T]) client(read func() ([]byte, error), write func(T) error) {
	queue := make(chan T, queueLen)
	done := make(chan struct{})
	go func() {
		defer close(done)
		broken := false
		for m := range queue {
			broken = broken || write(m) != nil
		}
	}()
	for {
		text, err := read()
		if err != nil || h.handle(queue, text) != nil {
			break
		}
	}
	h.mu.Lock()
	delete(h.members, queue)
	h.mu.Unlock()
	close(queue)
	<-done
}

func (h *hub[T]) handle(queue chan T, text []byte) error {
	var r request
	if err := json.Unmarshal(text, &r); err != nil {
		return err
	}
	switch r.Event {
	case "authenticate":
		return h.send(queue, connected)
	case "join":
		h.mu.Lock()
		defer h.mu.Unlock()
		h.members[queue] = true
	case "pub":
		message, err := r.published()
		if err != nil {
			return err
		}
		m, err := h.prepare(message)
		if err != nil {
			return err
		}
		h.mu.RLock()
		defer h.mu.RUnlock()
		for member := range h.members {
			member <- m
		}
	case "echo":
		message, err := r.echoed()
		if err != nil {
			return err
		}
		return h.send(queue, message)
	case "heartbeat":
	default:
		return errUnknown
	}
	return nil
}

func (h *hub[T]) send(queue chan T, text []byte) error {
	m, err := h.prepare(text)
	if err == nil {
		queue <- m
	}
	return err
}
