package wire

// Channels of the broker; one per room, client and user.
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

// ForRoomPattern is the pattern of all rooms' channels, for PSUBSCRIBE.
func ForRoomPattern() string { return RoomPrefix + "*" }

// ForClientPattern is the pattern of all clients' channels, for PSUBSCRIBE.
func ForClientPattern() string { return ClientPrefix + "*" }

// ForUserPattern is the pattern of all users' channels, for PSUBSCRIBE.
func ForUserPattern() string { return UserPrefix + "*" }

// Channel is where the envelope is published.
func (e *Envelope) Channel() string {
	switch e.Type {
	case TypeClient:
		return ForClient(e.Target)
	case TypeUser:
		return ForUser(e.Target)
	case TypeRoom:
		return ForRoom(e.Target)
	}
	return ChannelBroadcast
}
