package wire_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hearthws/hearth/internal/wire"
)

// echo is a message of 160 bytes, the size that performance figures are quoted for.
var echo = []byte(`{"event":"echo","data":{"seq":12345,"sent":1718000000000,"from":"bench","pad":"` +
	strings.Repeat("x", 78) + `"}}`)

func envelope() *wire.Envelope {
	return &wire.Envelope{
		ServerID: "0b7e0c1e-8a44-4a0e-9d7c-3a5f0c6f2b11",
		Type:     wire.TypeRoom,
		Target:   "lobby",
		Event:    "msg",
		Data:     []byte(`{"seq":12345,"pad":"` + strings.Repeat("x", 100) + `"}`),
	}
}

func BenchmarkDecodeText(b *testing.B) {
	b.SetBytes(int64(len(echo)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wire.DecodeText(echo); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeMessage(b *testing.B) {
	b.SetBytes(int64(len(echo)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wire.DecodeMessage(echo); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecodeStandard is what DecodeText stands in for.
func BenchmarkDecodeStandard(b *testing.B) {
	b.SetBytes(int64(len(echo)))
	b.ReportAllocs()
	for b.Loop() {
		var m struct {
			Event    string
			Data, ID json.RawMessage
		}
		if err := json.Unmarshal(echo, &m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendMessage(b *testing.B) {
	data := []byte(`{"pad":"` + strings.Repeat("x", 120) + `"}`)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = wire.AppendMessage(buf[:0], "echo", data)
	}
	b.SetBytes(int64(len(buf)))
}

func BenchmarkAppendEnvelope(b *testing.B) {
	e := envelope()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = wire.AppendEnvelope(buf[:0], e)
	}
	b.SetBytes(int64(len(buf)))
}

func BenchmarkDecodeEnvelope(b *testing.B) {
	payload := wire.AppendEnvelope(nil, envelope())
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wire.DecodeEnvelope(payload); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeRooms(b *testing.B) {
	data := []byte(`{"rooms":["lobby","general","room:42"]}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := wire.DecodeRooms(data); !ok {
			b.Fatal("not rooms")
		}
	}
}

// BenchmarkManyMembers shows that looking for repeated names stays linear.
func BenchmarkManyMembers(b *testing.B) {
	message := manyMembers(10_000)
	b.SetBytes(int64(len(message)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wire.DecodeText(message); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkValid goes over dense JSON, 64 KiB of small values.
func BenchmarkValid(b *testing.B) {
	text := []byte("[" + strings.Repeat(`{"id":1234,"name":"ada","tags":["a","b"],"ok":true,"x":-1.5e3},`, 1024) + "0]")
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if !wire.Valid(text) {
			b.Fatal("not valid")
		}
	}
}
