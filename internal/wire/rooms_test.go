package wire_test

import (
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/hearthws/hearth/internal/wire"
)

type roomVectors struct {
	Names []struct {
		Name, Room string
		Build      []part
		Valid      bool
	}
	Payloads []struct {
		Name      string
		Data      raw
		Rooms     []string
		Malformed bool
	}
}

func TestValidRoomNameVectors(t *testing.T) {
	var vectors roomVectors
	load(t, "rooms.json", &vectors)
	names := once{}
	for _, v := range vectors.Names {
		names.check(t, v.Name)
		t.Run(v.Name, func(t *testing.T) {
			if got := wire.ValidRoomName(v.Room + build(v.Build)); got != v.Valid {
				t.Errorf("got %t, want %t", got, v.Valid)
			}
		})
	}
}

func TestDecodeRoomsVectors(t *testing.T) {
	var vectors roomVectors
	load(t, "rooms.json", &vectors)
	names := once{}
	for _, v := range vectors.Payloads {
		names.check(t, v.Name)
		t.Run(v.Name, func(t *testing.T) {
			rooms, ok := wire.DecodeRooms(v.Data)
			if ok == v.Malformed {
				t.Fatalf("got %q, %t", rooms, ok)
			}
			if diff := cmp.Diff(v.Rooms, rooms, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestRoomNamesAreCountedAsJavaScriptDoes(t *testing.T) {
	letters := rapid.SampledFrom([]rune("aé☀😀\u0000\uffff\U0010ffff"))
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SliceOfN(letters, 100, 300).Draw(t, "name")
		want := len(utf16.Encode(name)) <= wire.MaxRoomName
		if got := wire.ValidRoomName(string(name)); got != want {
			t.Errorf("got %t, want %t", got, want)
		}
	})
}
