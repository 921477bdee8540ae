package hearth_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/hearthws/hearth"
)

// TestDocuments lets `go vet` look at the Go blocks of the documents. A block
// is a program, if it begins with "package", or declarations, or statements. To
// the latter two the names of docPrelude are known, and packages by docImports.
func TestDocuments(t *testing.T) {
	for file, prelude := range map[string]string{
		"README.md": docPrelude, "docs/guide.md": docPrelude, "docs/encryption.md": docPrelude,
		"docs/client-go.md": docClientPrelude,
	} {
		blocks := goBlocks(t, file)
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			snippets := []string{writeFile(t, dir, "prelude.go", prelude)}
			for i, b := range blocks {
				name := fmt.Sprintf("block%d.go", i)
				if b.isProgram() {
					vet(t, writeFile(t, t.TempDir(), name, b.program()))
				} else {
					snippets = append(snippets, writeFile(t, dir, name, b.snippet(t, prelude)))
				}
			}
			vet(t, snippets...)
		})
	}
}

// TestGuideNamesAllOptions keeps the guide from forgetting one.
func TestGuideNamesAllOptions(t *testing.T) {
	guide, err := os.ReadFile("docs/guide.md")
	if err != nil {
		t.Fatal(err)
	}
	for field := range reflect.TypeFor[hearth.Options]().Fields() {
		if !strings.Contains(string(guide), "`"+field.Name+"`") && !strings.Contains(string(guide), "opts."+field.Name) {
			t.Errorf("docs/guide.md does not mention Options.%s", field.Name)
		}
	}
}

// vet looks at files as one package of this module.
func vet(t *testing.T, files ...string) {
	t.Helper()
	if out, err := exec.Command("go", append([]string{"vet"}, files...)...).CombinedOutput(); err != nil {
		t.Errorf("go vet: %v\n%s", err, out)
	}
}

func writeFile(t *testing.T, dir, name, text string) (path string) {
	t.Helper()
	path = filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// docPrelude declares what the text around a snippet speaks of.
const docPrelude = `package docs

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/hearthws/hearth"
)

var (
	ctx     context.Context
	opts    hearth.Options
	server  *hearth.Server
	client  *hearth.Client
	emitter *hearth.Emitter
	broker  hearth.Broker
	mux     *http.ServeMux
	logger  *slog.Logger
)
`

// docClientPrelude is that of the document about package client.
const docClientPrelude = `package docs

import (
	"context"

	"github.com/hearthws/hearth/client"
)

var (
	ctx context.Context
	c   *client.Client
)
`

// docImports are the packages that snippets use, without saying so.
var docImports = map[string]string{
	"bytes": "bytes", "context": "context", "cmp": "cmp", "ed25519": "crypto/ed25519", "errors": "errors",
	"fmt": "fmt", "http": "net/http", "httptest": "net/http/httptest", "json": "encoding/json", "log": "log",
	"net": "net", "os": "os", "signal": "os/signal", "slices": "slices", "slog": "log/slog", "strings": "strings",
	"sync": "sync", "synctest": "testing/synctest", "syscall": "syscall", "testing": "testing", "time": "time",
	"tls": "crypto/tls",

	"brokertest": module + "/brokertest", "client": module + "/client", "hearth": module, "hearthtest": module + "/hearthtest",
	"jwt": "github.com/golang-jwt/jwt/v5", "metrics": module + "/metrics",
	"prometheus": "github.com/prometheus/client_golang/prometheus", "promhttp": "github.com/prometheus/client_golang/prometheus/promhttp",
	"redisbroker": module + "/redisbroker", "seal": module + "/seal",
}

// docBlock is one block of Go code in a document.
type docBlock struct {
	file string // absolute
	line int    // of its first line of code
	code string
}

// goBlocks are the blocks of a document that are fenced as go.
func goBlocks(t *testing.T, file string) (blocks []docBlock) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	var open *docBlock
	for i, line := range strings.SplitAfter(string(text), "\n") {
		switch trimmed := strings.TrimSpace(line); {
		case open == nil && trimmed == "```go":
			open = &docBlock{file: abs, line: i + 2}
		case open != nil && trimmed == "```":
			blocks = append(blocks, *open)
			open = nil
		case open != nil:
			open.code += line
		}
	}
	if open != nil {
		t.Errorf("%s:%d: the block is not closed", file, open.line)
	}
	return blocks
}

func (b docBlock) isProgram() bool { return strings.HasPrefix(b.code, "package ") }

// program is the block as it is, with its place in the document.
func (b docBlock) program() string { return fmt.Sprintf("//line %s:%d\n%s", b.file, b.line, b.code) }

// snippet makes a file of package docs out of declarations or statements.
func (b docBlock) snippet(t *testing.T, prelude string) string {
	t.Helper()
	f, err := parse(b.code)
	if err != nil {
		b.code, b.line = "func _() {\n"+b.code+"}\n", b.line-1
		if f, err = parse(b.code); err != nil {
			t.Fatalf("%s:%d: neither declarations nor statements: %v", b.file, b.line, err)
		}
	}
	imports := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && docImports[x.Name] != "" && !strings.Contains(prelude, "\t"+x.Name+" ") {
				imports[docImports[x.Name]] = true
			}
		}
		return true
	})
	header := "package docs\n"
	for path := range imports {
		header += fmt.Sprintf("import %q\n", path)
	}
	return header + b.program()
}

func parse(declarations string) (*ast.File, error) {
	return parser.ParseFile(token.NewFileSet(), "", "package docs\n"+declarations, parser.SkipObjectResolution)
}
