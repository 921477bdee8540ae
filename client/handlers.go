package client

import (
	"slices"
	"sync"
	"sync/atomic"
)

// handlers are those of a client. Its methods may be called concurrently.
type handlers struct {
	mu       sync.RWMutex
	byEvent  map[string]*list[Message]
	messages list[Message]
	raw      list[Raw]
	states   list[Change]
	errors   list[*Error]
}

// list is replaced when it changes, so that whoever goes through it needs no
// lock.
type list[T any] []*handler[T]

type handler[T any] struct {
	call    func(T)
	remove  func()
	once    bool
	removed atomic.Bool
}

// call calls the handlers in the order of their adding.
func (l list[T]) call(v T) {
	for _, h := range l {
		if h.removed.Load() {
			continue
		}
		if h.once {
			h.remove()
		}
		h.call(v)
	}
}

// add puts a handler at the end of a list of hs. remove may be called again,
// and from everywhere, a handler included.
func add[T any](hs *handlers, l *list[T], f func(T)) (remove func()) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	return addLocked(hs, l, f, false, func() {})
}

// addLocked is add; emptied is called under the lock when the last handler of l
// was removed.
func addLocked[T any](hs *handlers, l *list[T], f func(T), once bool, emptied func()) (remove func()) {
	h := &handler[T]{call: f, once: once}
	h.remove = func() {
		h.removed.Store(true)
		hs.mu.Lock()
		defer hs.mu.Unlock()
		*l = slices.DeleteFunc(slices.Clone(*l), func(other *handler[T]) bool { return other == h })
		if len(*l) == 0 {
			emptied()
		}
	}
	*l = append(slices.Clip(*l), h)
	return h.remove
}

// on adds a handler for messages of an event.
func (hs *handlers) on(event string, f func(Message), once bool) (remove func()) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if hs.byEvent == nil {
		hs.byEvent = map[string]*list[Message]{}
	}
	l := hs.byEvent[event]
	if l == nil {
		l = new(list[Message])
		hs.byEvent[event] = l
	}
	return addLocked(hs, l, f, once, func() {
		if hs.byEvent[event] == l { // and not one that came after off
			delete(hs.byEvent, event)
		}
	})
}

// off drops all handlers of an event.
func (hs *handlers) off(event string) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if l := hs.byEvent[event]; l != nil {
		for _, h := range *l {
			h.removed.Store(true)
		}
		delete(hs.byEvent, event)
	}
}

// of returns a list as it is now.
func of[T any](hs *handlers, l *list[T]) list[T] {
	hs.mu.RLock()
	defer hs.mu.RUnlock()
	return *l
}

// message calls everybody whom a message concerns.
func (hs *handlers) message(m Message) {
	of(hs, &hs.messages).call(m)
	hs.mu.RLock()
	var l list[Message]
	if of := hs.byEvent[m.Event]; of != nil {
		l = *of
	}
	hs.mu.RUnlock()
	l.call(m)
}
