// Package hearth is a server of real-time rooms over WebSocket: clients
// authenticate, join rooms and exchange {event, data} messages; servers that
// share a [Broker] are a cluster. What travels on the wire is written down in
// protocol/PROTOCOL.md, and is that of the WebSocket helper of IGNIS.
//
//	server, err := hearth.New(ctx, hearth.Options{
//		Authenticate: …, // who is it?
//		OnMessage:    …, // what did they say?
//	})
//	mux.Handle(server.Path(), server)
//
// The words used throughout: a client is one connection; a user is whoever a
// client authenticated as, and may have any number of clients; a room is a
// name that clients are in; a server is one node of a cluster; an emitter
// sends and holds no connections; an envelope is a message on its way between
// servers.
//
// # A client's life
//
// An upgraded connection is a [Client] in [StateUnauthorized]: it has an id,
// is in no room, and receives nothing but errors. Its first message is
// `authenticate`, whose data Options.Authenticate looks at. Accepted, it is in
// the room of its own id and in Options.DefaultRooms; when the broker has
// subscribed to what concerns it, it gets `connected`, and everything that is
// sent to it, its user or its rooms from then on. Refused, it is closed. The
// time for all this is limited by Options.AuthTimeout.
//
// A client leaves when either side closes, when it was silent for too long, or
// when its connection breaks. At that moment it is in no room any more, and
// OnDisconnect says why.
//
// # Hooks
//
// Hooks are fields of [Options] and fixed at construction. The hooks of one
// client run one after the other, on a goroutine that the client has while there is
// something to do: Authenticate, Handshake, OnConnect, then OnMessage and
// ValidateRooms in the order of the client's messages, at last OnDisconnect.
// Those of different clients run at the same time. So a hook may block, which
// delays its own client only; when too much of a client waits behind it, the
// client's socket is not read. OnBackpressure, OnBroker, OnGap and, with
// Options.InlineHooks, OnMessage run where many are served, and must not block.
// Transform runs besides the others, in the order of the messages that are
// sent to its client.
//
// The context of a hook ends with the client's connection and has the values
// of the one that New was given; that of OnDisconnect ends when Shutdown is
// through. An error or a panic of a hook is logged with the client's id and
// counted in [Stats]; the client is told nothing of it, except that failing to
// authenticate ends the connection.
//
// # Concurrency
//
// All methods of [Server], [Client] and [Emitter] may be called from any
// goroutine, hooks included, at any time; none of them runs code of the
// application under a lock. What a method says of a client (State, Rooms,
// InRoom, Snapshot) was true at one moment during the call. A Client stays
// valid when it has gone: its methods then answer [ErrClosed], or do nothing.
//
// Sending never waits for a client. The verbs of Server and Emitter wait for
// the broker's answer, as long as their context allows, unless they are called
// with [Async]; [Client.Send] and its like wait for nothing.
//
// # Order
//
// What one goroutine sends arrives at each client in that order, whatever the
// verbs: for the client, its user, a room or everybody. The same holds for two
// goroutines if one calls after the other's call has returned. Joining and
// leaving take part in it: what is sent to a room after Join has returned
// reaches the client, and what is sent after Leave does not.
//
// Between servers, the order of one channel is kept: of one room, one user, one
// client, or of what goes to everybody. Two servers that send to the same room
// at the same time serve their own clients first, so that clients of the one
// may see another order than clients of the other.
//
// No client gets a message twice, and none gets one of before it joined.
// Nothing is stored: who is not connected when a message is sent does not get
// it, and whether somebody received it only they can tell.
//
// # Slow clients
//
// What a client's socket does not take at once is queued, up to
// Options.BackpressureLimit for the client and Options.MaxQueuedBytes for the
// server. Beyond that a message to that client is dropped as a whole, and
// counted: [Client.Send], [Server.ToClient] and [Server.ToUser] return
// [ErrBackpressure], and so do the others when the event loops are behind; with
// Options.CloseOnBackpressureLimit the client is closed with 1013. Nobody else is
// delayed.
//
// # The end
//
// [Server.Shutdown] refuses new connections, closes all there are with 1001
// behind what is queued for them, waits until each OnDisconnect has returned,
// and stops everything that the server runs. A [net/http.Server] neither
// closes nor waits for upgraded connections, so call both, this one first.
package hearth
