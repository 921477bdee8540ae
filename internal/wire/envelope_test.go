package wire_test

import (
	"errors"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hearthws/hearth/internal/wire"
)

type envelopeVectors struct {
	Decode []struct {
		Name string
		input
		Envelope *envelopeVector
		Error    string
	}
	Encode []struct {
		Name     string
		Envelope envelopeVector
		Text     string
	}
}

type envelopeVector struct {
	ServerID string
	Type     wire.MessageType
	Target   string
	Event    string
	Data     raw
	Exclude  []string
	Epoch    string
	Seq      string
}

func (v *envelopeVector) envelope(t *testing.T) wire.Envelope {
	t.Helper()
	e := wire.Envelope{
		ServerID: v.ServerID, Type: v.Type, Target: v.Target, Event: v.Event,
		Data: v.Data, Exclude: v.Exclude, Epoch: v.Epoch,
	}
	if v.Seq != "" {
		var err error
		if e.Seq, err = strconv.ParseUint(v.Seq, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

var envelopeErrors = map[string]error{
	"json":     wire.ErrEnvelope,
	"serverId": wire.ErrServerID,
	"event":    wire.ErrEvent,
	"type":     wire.ErrType,
	"target":   wire.ErrTarget,
}

func TestDecodeEnvelopeVectors(t *testing.T) {
	var vectors envelopeVectors
	load(t, "envelopes.json", &vectors)
	names := once{}
	for _, v := range vectors.Decode {
		names.check(t, v.Name)
		t.Run(v.Name, func(t *testing.T) {
			got, err := wire.DecodeEnvelope(v.bytes())
			if v.Envelope == nil {
				want, known := envelopeErrors[v.Error]
				if !known || !errors.Is(err, want) {
					t.Fatalf("got %+v, %v, want the error of %q", got, err, v.Error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(v.Envelope.envelope(t), got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestAppendEnvelopeVectors(t *testing.T) {
	var vectors envelopeVectors
	load(t, "envelopes.json", &vectors)
	names := once{}
	for _, v := range vectors.Encode {
		names.check(t, v.Name)
		t.Run(v.Name, func(t *testing.T) {
			e := v.Envelope.envelope(t)
			got := wire.AppendEnvelope([]byte("before "), &e)
			if diff := cmp.Diff("before "+v.Text, string(got)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestOnlyDataAliasesTheEnvelope(t *testing.T) {
	b := []byte(`{"serverId":"s","type":"room","target":"r","event":"e","data":[1],"exclude":["x"],"epoch":"p"}`)
	got, err := wire.DecodeEnvelope(b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		b[i] = '-'
	}
	want := wire.Envelope{
		ServerID: "s", Type: wire.TypeRoom, Target: "r", Event: "e",
		Data: []byte("---"), Exclude: []string{"x"}, Epoch: "p",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestEnvelopeRoundTrip(t *testing.T) {
	text := rapid.String()
	values := rapid.SampledFrom([]string{"null", "0", `""`, `"\ud800"`, `{"a":[1,{"b":2}]}`, "[ ]", "1e400"})
	rapid.Check(t, func(t *rapid.T) {
		want := wire.Envelope{
			ServerID: text.Draw(t, "serverId"),
			Type: rapid.SampledFrom([]wire.MessageType{
				wire.TypeClient, wire.TypeUser, wire.TypeRoom, wire.TypeBroadcast,
			}).Draw(t, "type"),
			Event: text.Draw(t, "event"),
			Epoch: text.Draw(t, "epoch"),
			Seq:   rapid.Uint64().Draw(t, "seq"),
		}
		if want.Type != wire.TypeBroadcast {
			want.Target = rapid.StringN(1, -1, -1).Draw(t, "target")
		}
		if rapid.Bool().Draw(t, "has data") {
			want.Data = []byte(values.Draw(t, "data"))
		}
		if list := rapid.SliceOf(text).Draw(t, "exclude"); len(list) > 0 {
			want.Exclude = list
		}
		got, err := wire.DecodeEnvelope(wire.AppendEnvelope(nil, &want))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got)\n%s", diff)
		}
	})
}
