package hearth

import (
	"slices"
	"time"
)

// Event is the name of a message's event. Those below are known to the
// server; applications choose any others.
type Event = string

// The events of the protocol.
const (
	EventAuthenticate Event = "authenticate" // in: credentials
	EventConnected    Event = "connected"    // out: authenticated
	EventDisconnect   Event = "disconnect"
	EventJoin         Event = "join"      // in: rooms wanted
	EventLeave        Event = "leave"     // in: rooms given up
	EventError        Event = "error"     // out: what went wrong
	EventHeartbeat    Event = "heartbeat" // in: still there
	EventEncrypted    Event = "encrypted" // a sealed message
)

// AllEvents are the events of the protocol.
func AllEvents() []Event {
	return []Event{
		EventAuthenticate, EventConnected, EventDisconnect, EventJoin,
		EventLeave, EventError, EventHeartbeat, EventEncrypted,
	}
}

// IsProtocolEvent reports whether name is an event of the protocol.
func IsProtocolEvent(name string) bool { return slices.Contains(AllEvents(), name) }

// MessageType says whom an [Envelope] concerns.
type MessageType string

// The types of envelopes.
const (
	TypeClient    MessageType = "client"
	TypeUser      MessageType = "user"
	TypeRoom      MessageType = "room"
	TypeBroadcast MessageType = "broadcast"
)

// AllMessageTypes are the types of envelopes.
func AllMessageTypes() []MessageType {
	return []MessageType{TypeClient, TypeUser, TypeRoom, TypeBroadcast}
}

// IsValid reports whether t is one of [AllMessageTypes].
func (t MessageType) IsValid() bool { return slices.Contains(AllMessageTypes(), t) }

// State is where a client is in its life; see PROTOCOL.md, "A connection's life".
type State string

// The states of a client.
const (
	StateUnauthorized   State = "unauthorized"
	StateAuthenticating State = "authenticating"
	StateAuthenticated  State = "authenticated"
	StateDisconnected   State = "disconnected"
)

// AllStates are the states of a client.
func AllStates() []State {
	return []State{StateUnauthorized, StateAuthenticating, StateAuthenticated, StateDisconnected}
}

// IsValid reports whether s is one of [AllStates].
func (s State) IsValid() bool { return slices.Contains(AllStates(), s) }

// Channels of a broker. A channel belongs to one room, client or user.
const (
	ChannelBroadcast = "ws:broadcast"
	RoomPrefix       = "ws:room:"
	ClientPrefix     = "ws:client:"
	UserPrefix       = "ws:user:"
)

// ForRoom is the channel of a room.
func ForRoom(room string) string { return RoomPrefix + room }

// ForClient is the channel of a client.
func ForClient(clientID string) string { return ClientPrefix + clientID }

// ForUser is the channel of a user.
func ForUser(userID string) string { return UserPrefix + userID }

// ForRoomPattern is the pattern of all rooms' channels.
func ForRoomPattern() string { return RoomPrefix + "*" }

// ForClientPattern is the pattern of all clients' channels.
func ForClientPattern() string { return ClientPrefix + "*" }

// ForUserPattern is the pattern of all users' channels.
func ForUserPattern() string { return UserPrefix + "*" }

// Values that [Options] takes where a field is zero.
const (
	DefaultPath                = "/ws"
	DefaultRoom                = "ws-default"
	DefaultNotificationRoom    = "ws-notification"
	DefaultBroadcastTopic      = "ws:internal:broadcast" // of the original; nothing here uses it
	DefaultMaxPayload          = 131072                  // bytes
	DefaultIdleTimeout         = 60 * time.Second
	DefaultBackpressureLimit   = 1 << 20 // bytes
	DefaultMaxQueuedBytes      = 256 << 20
	DefaultSendPings           = true
	DefaultPublishToSelf       = false
	DefaultAuthTimeout         = 5 * time.Second
	DefaultHeartbeatInterval   = 30 * time.Second
	DefaultHeartbeatTimeout    = 90 * time.Second
	DefaultSubscribeWait       = time.Second
	DefaultEncryptedBatchLimit = 10
	DefaultMaxPendingMessages  = 256
	DefaultMaxPendingBytes     = 1 << 20

	DefaultMessageRate                  = 10_000   // a second
	DefaultByteRate                     = 64 << 20 // bytes a second
	DefaultMaxRooms                     = 4096
	DefaultMaxRoomsPerJoin              = 1024
	DefaultMaxFragments                 = 4096
	DefaultMaxConnections               = 1 << 20
	DefaultMaxUnauthenticated           = 16384
	DefaultMaxUnauthenticatedPerAddress = 1024
	DefaultMaxAuthPayload               = 6 << 10 // bytes
)
