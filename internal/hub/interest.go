package hub

import "sync"

// Broker is the part of a broker's session that Interest needs.
type Broker interface {
	Subscribe(channels []string, done func(error))
	Unsubscribe(channels []string)
}

// Interest passes on which channels of the broker are needed, in the order in
// which that was decided, though the broker is called under no lock: changes
// queue up under whatever locks their makers hold, and flush works them off.
// The broker counts references: one for each client that needs a channel.
//
// A nil Interest is of a server whose broker delivers everything.
type Interest struct {
	broker Broker

	// Guarded by mu.
	mu      sync.Mutex
	changes []change
	busy    bool // somebody is calling the broker
}

// change is one step: channels to unsubscribe, or to subscribe and somebody to
// be told when they are live.
type change struct {
	subscribe   []string
	unsubscribe []string
	live        func(error)
}

// NewInterest makes an Interest.
func NewInterest(b Broker) *Interest { return &Interest{broker: b} }

// need queues the wish for channels. live, if not nil, is called once when they
// are live, or with the reason for which that cannot be said; not before flush.
func (in *Interest) need(channels []string, live func(error)) {
	in.push(change{subscribe: channels, live: live})
}

func (in *Interest) drop(channels ...string) { in.push(change{unsubscribe: channels}) }

func (in *Interest) push(c change) {
	if in == nil {
		return
	}
	in.mu.Lock()
	in.changes = append(in.changes, c)
	in.mu.Unlock()
}

// flush calls the broker with all changes that are queued. The caller holds no
// lock.
func (in *Interest) flush() {
	if in == nil {
		return
	}
	in.mu.Lock()
	if in.busy {
		in.mu.Unlock() // whoever is at it works these off too
		return
	}
	in.busy = true
	for len(in.changes) > 0 {
		batch := in.changes
		in.changes = nil
		in.mu.Unlock()
		in.apply(batch)
		in.mu.Lock()
	}
	in.busy = false
	in.mu.Unlock()
}

// apply calls the broker as few times as the order of changes allows.
func (in *Interest) apply(batch []change) {
	var subscribe []string
	var waiting []func(error)
	flush := func() {
		if len(subscribe) == 0 {
			for _, f := range waiting {
				f(nil)
			}
			waiting = nil
			return
		}
		told := waiting
		in.broker.Subscribe(subscribe, func(err error) {
			for _, f := range told {
				f(err)
			}
		})
		subscribe, waiting = nil, nil
	}
	for _, c := range batch {
		if len(c.unsubscribe) > 0 {
			flush()
			in.broker.Unsubscribe(c.unsubscribe)
		}
		subscribe = append(subscribe, c.subscribe...)
		if c.live != nil {
			waiting = append(waiting, c.live)
		}
	}
	flush()
}
