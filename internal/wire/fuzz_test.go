package wire_test

import "testing"

// seed adds the inputs of every list of vectors to the corpus.
func seed(f *testing.F) {
	f.Helper()
	add := func(b []byte) {
		if len(b) <= 1024 { // mutating what is longer finds nothing
			f.Add(b)
		}
	}
	var (
		messages  messageVectors
		envelopes envelopeVectors
		rooms     roomVectors
	)
	load(f, "messages.json", &messages)
	load(f, "envelopes.json", &envelopes)
	load(f, "rooms.json", &rooms)
	for _, v := range messages.Decode {
		add(v.bytes())
	}
	for _, v := range envelopes.Decode {
		add(v.bytes())
	}
	for _, v := range rooms.Payloads {
		add(v.Data)
	}
}

func FuzzValid(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) { checkValid(t, b) })
}

func FuzzString(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		checkString(t, string(b))
		checkLiteral(t, b)
	})
}

func FuzzMessage(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) { checkMessage(t, b) })
}

func FuzzEnvelope(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) { checkEnvelope(t, b) })
}

func FuzzRooms(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) { checkRooms(t, b) })
}
