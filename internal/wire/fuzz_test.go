package wire_test

import "testing"

// seed adds the inputs of every list of vectors to the corpus.
func seed(f *testing.F) {
	f.Helper()
	var (
		messages  messageVectors
		envelopes envelopeVectors
		rooms     roomVectors
	)
	load(f, "messages.json", &messages)
	load(f, "envelopes.json", &envelopes)
	load(f, "rooms.json", &rooms)
	for _, v := range messages.Decode {
		addSmall(f, v.bytes())
	}
	for _, v := range envelopes.Decode {
		addSmall(f, v.bytes())
	}
	for _, v := range rooms.Payloads {
		addSmall(f, v.Data)
	}
}

// addSmall leaves out what is so long that mutating it finds nothing.
func addSmall(f *testing.F, b []byte) {
	if len(b) <= 1024 {
		f.Add(b)
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
