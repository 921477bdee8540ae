// Package wire is the JSON of both wires of protocol/PROTOCOL.md: messages
// between a client and a server, and envelopes between servers.
//
// It reads what has a fixed shape (the few members of a message, an envelope
// or a request for rooms) and leaves what belongs to the application, "data"
// and "id", as the bytes that arrived: nothing in there is read twice, rounded
// or re-ordered. Values returned as []byte therefore alias the input.
//
// Whatever JSON.parse accepts is accepted and whatever it refuses is refused,
// with two exceptions: JSON is UTF-8, and nesting is limited to [MaxDepth].
//
// Every function may be called concurrently.
package wire
