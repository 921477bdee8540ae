package wire_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth/internal/wire"
)

type channelVectors struct {
	Constants, Patterns map[string]string
	Channels            []struct {
		Name    string
		Type    wire.MessageType
		Target  string
		Channel string
	}
}

func TestChannelVectors(t *testing.T) {
	var vectors channelVectors
	load(t, "channels.json", &vectors)

	constants := map[string]string{
		"broadcast":    wire.ChannelBroadcast,
		"roomPrefix":   wire.RoomPrefix,
		"clientPrefix": wire.ClientPrefix,
		"userPrefix":   wire.UserPrefix,
	}
	if diff := cmp.Diff(vectors.Constants, constants); diff != "" {
		t.Errorf("constants (-want +got)\n%s", diff)
	}
	patterns := map[string]string{
		"room":   wire.ForRoomPattern(),
		"client": wire.ForClientPattern(),
		"user":   wire.ForUserPattern(),
	}
	if diff := cmp.Diff(vectors.Patterns, patterns); diff != "" {
		t.Errorf("patterns (-want +got)\n%s", diff)
	}

	names := once{}
	for _, v := range vectors.Channels {
		names.check(t, v.Name)
		e := wire.Envelope{Type: v.Type, Target: v.Target}
		if got := e.Channel(); got != v.Channel {
			t.Errorf("%s: got %q, want %q", v.Name, got, v.Channel)
		}
	}
}
