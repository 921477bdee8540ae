package client

import (
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/hearthws/hearth/internal/wire"
)

const (
	// roomsPerMessage and bytesPerRequest bound requests, of which the second
	// counts: a server takes 128 KiB, and sealing adds a third. A character may
	// be six bytes (\u0000).
	roomsPerMessage = 100
	bytesPerRequest = 64 << 10
)

// rooms are those a client wants to be in, whatever happens to its connections.
type rooms struct {
	joined map[string]int // and when
	added  int            // rooms so far
	// left are not wanted, whatever was joined before: the server may put
	// everybody in them, again at every connection.
	left map[string]bool
}

func (r *rooms) join(names []string) []Message {
	if r.joined == nil {
		r.joined = map[string]int{}
	}
	for _, name := range names {
		if _, ok := r.joined[name]; !ok {
			r.added++
			r.joined[name] = r.added
		}
		delete(r.left, name)
	}
	return requests(eventJoin, names)
}

func (r *rooms) leave(names []string) []Message {
	if r.left == nil {
		r.left = map[string]bool{}
	}
	for _, name := range names {
		r.left[name] = true
		delete(r.joined, name)
	}
	return requests(eventLeave, names)
}

// names are those joined, in that order.
func (r *rooms) names() []string {
	return slices.SortedFunc(maps.Keys(r.joined), func(a, b string) int { return r.joined[a] - r.joined[b] })
}

// restore brings a new connection to where the last one was.
func (r *rooms) restore() []Message {
	left := slices.Sorted(maps.Keys(r.left))
	return append(requests(eventLeave, left), requests(eventJoin, r.names())...)
}

func requests(event string, names []string) []Message {
	var all []Message
	for len(names) > 0 {
		data, n := []byte(`{"rooms":[`), 0
		for ; n < min(len(names), roomsPerMessage) && len(data) < bytesPerRequest; n++ {
			if n > 0 {
				data = append(data, ',')
			}
			data = wire.AppendString(data, names[n])
		}
		names, data = names[n:], append(data, "]}"...)
		all = append(all, Message{Event: event, Data: data, Raw: wire.AppendMessage(nil, event, data)})
	}
	return all
}

// checkRooms refuses what a server would drop without a word (PROTOCOL.md,
// "Rooms").
func checkRooms(names []string) error {
	for _, name := range names {
		if !wire.ValidRoomName(name) || !utf8.ValidString(name) {
			return usage("%q cannot be a room: names have 1 to %d characters and do not start with ws:", name, wire.MaxRoomName)
		}
	}
	return nil
}
