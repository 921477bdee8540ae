package transcript_test

import (
	"strings"
	"testing"

	"github.com/hearthws/hearth/internal/transcript"
)

func TestCanonical(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"white space", " {\t\"b\" :\r\n[ 1 , 2 ] } ", `{"b":[1,2]}`},
		{"outermost order stays", `{"b":1,"a":2}`, `{"b":1,"a":2}`},
		{"inner order does not", `{"x":{"b":1,"a":{"d":1,"c":2}}}`, `{"x":{"a":{"c":2,"d":1},"b":1}}`},
		{"a name twice stays twice, in order", `[{"a":1,"b":2,"a":3}]`, `[{"a":1,"a":3,"b":2}]`},
		{"numbers as JavaScript has them", `[1.0,-0,1e2,1E+2,0.10,1e21,1e-7,123456789012345680000]`, `[1,0,100,100,0.1,1e+21,1e-7,123456789012345680000]`},
		{"numbers that it has not", `[12345678901234567890,9007199254740993,1e400,-1e400,1e-400,0.12345678901234567890]`, `[12345678901234567890,9007199254740993,1e400,-1e400,1e-400,0.12345678901234567890]`},
		{"one spelling of a string", `["\u0041\/\u00e9","Aé"]`, `["A/é","Aé"]`},
		{"escapes", `"\"\\\b\u001f\u007f\u2028"`, `"\"\\\u0008\u001f\u007f\u2028"`},
		{"a pair of surrogates", `"\ud83e\udd8a"`, `"🦊"`},
		{"lone surrogates", `"\ud83e x\udd8a\ud83e"`, `"\ud83e x\udd8a\ud83e"`},
		{"the replacement character is no surrogate", `["\ufffd","�"]`, `["�","�"]`},
		{"words", `[true,false,null]`, `[true,false,null]`},
		{"empty things", `[{},[],""]`, `[{},[],""]`},
		{"names", `[{"\u0061":1,"":2}]`, `[{"":2,"a":1}]`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := transcript.Canonical([]byte(test.in))
			if err != nil || got != test.want {
				t.Fatalf("%s\n%v, want\n%s", got, err, test.want)
			}
			if again, err := transcript.Canonical([]byte(got)); err != nil || again != got {
				t.Errorf("of itself: %s %v", again, err)
			}
		})
	}
}

func TestCanonicalDeep(t *testing.T) {
	deep := strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)
	if got, err := transcript.Canonical([]byte(deep)); err != nil || got != deep {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestCanonicalRefuses(t *testing.T) {
	for _, in := range []string{
		``, ` `, `x`, `[`, `[1`, `[1,`, `[1,]`, `[1 2]`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,}`, `{1:1}`, `{"a" 1}`,
		`"`, `"\`, `"\"`, `"\x"`, `"\u12"`, `"` + "\n" + `"`, `01`, `1.`, `.5`, `-`, `1e`, `tru`, `1 2`, `nul`, `[}`,
	} {
		if got, err := transcript.Canonical([]byte(in)); err == nil {
			t.Errorf("%q is %q", in, got)
		}
	}
}
