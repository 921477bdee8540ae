package wire_test

import (
	"bytes"
	"errors"
	"strconv"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hearthws/hearth/internal/wire"
)

type messageVectors struct {
	Decode []struct {
		Name string
		input
		Outcome     string
		Event       string
		EventLength int
		DataLength  int
		Data, ID    raw
	}
	Encode []struct {
		Name, Event string
		Data        raw
		Text        string
	}
}

func TestDecodeMessageVectors(t *testing.T) {
	var vectors messageVectors
	load(t, "messages.json", &vectors)
	names := once{}
	for _, v := range vectors.Decode {
		names.check(t, v.Name)
		t.Run(v.Name, func(t *testing.T) {
			b := v.bytes()
			m, err := wire.DecodeMessage(b)
			if utf8.Valid(b) {
				if text, textErr := wire.DecodeText(b); !cmp.Equal(text, m) || !errors.Is(textErr, err) {
					t.Errorf("DecodeText says %+v, %v; DecodeMessage %+v, %v", text, textErr, m, err)
				}
			}
			switch v.Outcome {
			case "invalid":
				if !errors.Is(err, wire.ErrFormat) || !cmp.Equal(m, wire.Message{}) {
					t.Fatalf("got %+v, %v, want ErrFormat", m, err)
				}
			case "ignored":
				if err != nil || len(m.Event) > 0 {
					t.Fatalf("got event %q, %v, want none", m.Event, err)
				}
			case "message":
				if err != nil {
					t.Fatal(err)
				}
				if n := utf8.RuneCount(m.Event); v.EventLength > 0 && n == v.EventLength {
					m.Event = nil
				}
				if n := len(m.Data); v.DataLength > 0 && n == v.DataLength {
					m.Data = nil
				}
				if string(m.Event) != v.Event {
					t.Errorf("event is %.100q, want %q", m.Event, v.Event)
				}
				sameRaw(t, "data", m.Data, v.Data)
				sameRaw(t, "id", m.ID, v.ID)
			default:
				t.Fatalf("unknown outcome %q", v.Outcome)
			}
		})
	}
}

// sameRaw compares raw values, where nil means absent.
func sameRaw(t rapid.TB, what string, got, want []byte) {
	t.Helper()
	if (got == nil) != (want == nil) || !bytes.Equal(got, want) {
		t.Errorf("%s is %q (absent: %t), want %q (absent: %t)", what, got, got == nil, want, want == nil)
	}
}

func TestAppendMessageVectors(t *testing.T) {
	var vectors messageVectors
	load(t, "messages.json", &vectors)
	names := once{}
	for _, v := range vectors.Encode {
		names.check(t, v.Name)
		t.Run(v.Name, func(t *testing.T) {
			got := wire.AppendMessage([]byte("before "), v.Event, v.Data)
			if diff := cmp.Diff("before "+v.Text, string(got)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestDecodedValuesAliasTheMessage(t *testing.T) {
	b := []byte(`{"event":"x","data":[1],"id":7}`)
	m, err := wire.DecodeMessage(b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		b[i] = '-'
	}
	if string(m.Event) != "-" || string(m.Data) != "---" || string(m.ID) != "-" {
		t.Errorf("got %q, %q, %q: copies", m.Event, m.Data, m.ID)
	}
}

func TestAppendingToDecodedDataLeavesTheMessageAlone(t *testing.T) {
	b := []byte(`{"data":[1],"event":"x"}`)
	m, err := wire.DecodeMessage(b)
	if err != nil {
		t.Fatal(err)
	}
	_ = append(m.Data, "overwritten"...)
	if want := `{"data":[1],"event":"x"}`; string(b) != want {
		t.Errorf("message is now %s", b)
	}
}

// TestEveryCutIsRefused cuts a message off at every length: no reader may run
// over the end, or take a part for the whole.
func TestEveryCutIsRefused(t *testing.T) {
	whole := []byte(`{"event":"e\u00e9\n","data":{"a":[1,-2.5e+3,true,false,null,"\ud83d\ude00"],"b":{}},"id":"longer than a word"}`)
	if _, err := wire.DecodeMessage(whole); err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		cut := whole[:n:n]
		if _, err := wire.DecodeMessage(cut); !errors.Is(err, wire.ErrFormat) {
			t.Errorf("%s: got %v, want ErrFormat", cut, err)
		}
	}
}

// manyMembers is a message of n members besides its event.
func manyMembers(n int) []byte {
	b := []byte(`{"event":"x"`)
	for i := range n {
		b = append(b, `,"m`...)
		b = strconv.AppendInt(b, int64(i), 10)
		b = append(b, `":1`...)
	}
	return append(b, '}')
}
