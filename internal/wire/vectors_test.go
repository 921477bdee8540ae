package wire_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const protocolDir = "../../protocol"

// load reads a file of protocol/vectors. A member that v does not know is an
// error: nothing in the files goes unread.
func load(tb testing.TB, file string, v any) {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join(protocolDir, "vectors", file))
	if err != nil {
		tb.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		tb.Fatalf("%s: %v", file, err)
	}
}

// input is the input of a vector; see protocol/vectors/README.md.
type input struct {
	Text   *string
	Base64 []byte
	Build  []part
}

func (in input) bytes() []byte {
	switch {
	case in.Text != nil:
		return []byte(*in.Text)
	case in.Build != nil:
		return []byte(build(in.Build))
	}
	return in.Base64
}

// part is [text, times].
type part struct {
	text  string
	times int
}

func (p *part) UnmarshalJSON(b []byte) error {
	pair := []any{&p.text, &p.times}
	if err := json.Unmarshal(b, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return fmt.Errorf("%s is not [text, times]", b)
	}
	return nil
}

func build(parts []part) string {
	var text strings.Builder
	for _, p := range parts {
		for n := range p.times {
			text.WriteString(strings.ReplaceAll(p.text, "#", strconv.Itoa(n)))
		}
	}
	return text.String()
}

// raw is the source text of a JSON value in a vector; absent is nil.
type raw []byte

func (r *raw) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	*r = raw(text)
	return nil
}

// once fails the test when a name comes up twice in a list.
type once map[string]bool

func (o once) check(t *testing.T, name string) {
	t.Helper()
	if name == "" || o[name] {
		t.Errorf("%q: names of vectors are unique in their list", name)
	}
	o[name] = true
}
