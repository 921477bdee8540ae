package seal_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hearthws/hearth/seal"
)

func benchSession(b *testing.B) (*seal.ClientSession, func(dst, message []byte) []byte) {
	b.Helper()
	server, client := fixedKey("server"), fixedKey("client")
	salt := fixed("salt")
	near, err := seal.OfferWith(client, seal.ClientOptions{}).Accept(fmt.Appendf(nil,
		`{"serverPublicKey":%q,"salt":%q,"seal":{"v":1,"inbound":true}}`, seal.EncodePublicKey(server.PublicKey()), b64(salt)))
	if err != nil {
		b.Fatal(err)
	}
	far, err := seal.ServerSession(server, client.PublicKey(), salt, seal.DefaultInfo, "", true)
	if err != nil {
		b.Fatal(err)
	}
	return near, far.AppendSealed
}

// sizes of messages in bytes.
var sizes = []int{32, 160, 1 << 10, 16 << 10}

func BenchmarkSeal(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			_, appendSealed := benchSession(b)
			message := []byte(strings.Repeat("x", size))
			dst := make([]byte, 0, 4*size+1024)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				dst = appendSealed(dst[:0], message)
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			client, appendSealed := benchSession(b)
			message := []byte(strings.Repeat("x", size))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			var text []byte
			for b.Loop() {
				text = appendSealed(text[:0], message) // since each can be opened once
				if _, err := client.Open(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkHandshake(b *testing.B) {
	e := newEncryption(b, seal.Options{})
	credentials := fmt.Appendf(nil, `{"publicKey":%q,"seal":1}`, e.PublicKeys()[0])
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := e.Handshake(b.Context(), nil, credentials); err != nil {
			b.Fatal(err)
		}
	}
}
