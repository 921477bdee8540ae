//go:build unix

package interop

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fragment is what the Go code of a guide that is no whole file stands in.
const fragment = `package main

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/seal"
)

var (
	_ = slog.Info
	_ = http.NotFound
	_ = seal.New
)

type account struct{ Name string }

func fragment(
	ctx context.Context, options *hearth.Options, server *hearth.Server, c *hearth.Client, broker hearth.Broker,
	roomOrClientID, userID, clientID, url string, data any,
) error {
%s
%s}

func main() {
	_ = fragment
}
`

// TestGuideCompiles compiles the Go code of docs/coming-from-ignis.md.
func TestGuideCompiles(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/coming-from-ignis.md")
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	var packages []string
	for i, block := range strings.Split(string(text), "```go\n")[1:] {
		code, _, _ := strings.Cut(block, "```")
		if !strings.HasPrefix(code, "package ") {
			end := "\treturn nil\n"
			if lines := strings.Split(strings.TrimSpace(code), "\n"); strings.HasPrefix(lines[len(lines)-1], "return ") {
				end = ""
			}
			code = fmt.Sprintf(fragment, code, end)
		}
		file := filepath.Join(t.TempDir(), "main.go")
		if err := os.WriteFile(file, []byte(code), 0o644); err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("guide%d", i)
		overlay.Replace[filepath.Join(root, "interop", name, "main.go")] = file
		packages = append(packages, "./"+name)
	}
	if len(packages) < 4 {
		t.Fatalf("the guide has only %d blocks of Go", len(packages))
	}
	replace, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(file, replace, 0o644); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"build", "-overlay", file}, packages...)
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
