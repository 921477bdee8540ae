package hearth_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "github.com/hearthws/hearth"

// importRule forbids packages of this module to import others. Directions
// are explained in docs/decisions/0001-layout.md.
type importRule struct {
	name  string
	from  matcher
	never matcher
	deep  bool // through other packages too
	tests bool // by test files too
	why   string
}

var importRules = []importRule{
	{
		name: "Redis in the library", from: is(module), deep: true,
		never: below("github.com/redis", "github.com/gomodule/redigo", "github.com/valkey-io"),
		why:   "an application that runs in memory compiles no Redis client; redisbroker is where it belongs",
	},
	{
		name: "metrics in the library", from: is(module), deep: true,
		never: below("github.com/prometheus", "go.opentelemetry.io", "expvar"),
		why:   "the library counts in Stats, and its user chooses who reads them",
	},
	{
		name: "command line in the library", from: is(module), deep: true,
		never: below("github.com/spf13", "github.com/urfave/cli", "github.com/knadh/koanf", "flag"),
		why:   "flags and configuration files are read by programs; a library has Options",
	},
	{
		name: "test kit in the library", from: is(module), deep: true,
		never: either(is("testing"), below("net/http/httptest", module+"/hearthtest", module+"/brokertest")),
		why:   "package testing adds its flags to every program that depends on it",
	},
	{
		name: "third parties in packages that users import", deep: true,
		from: but(below(module), below(module+"/redisbroker", module+"/metrics", module+"/cmd",
			module+"/brokertest", module+"/hearthtest", module+"/internal", module+"/interop")),
		never: but(thirdParty, below("github.com/gobwas", "github.com/klauspost/compress",
			"github.com/go-json-experiment/json", "golang.org/x/sys", "golang.org/x/time")),
		why: "beside the codecs a library brings nothing along; argue for a new module in docs/decisions",
	},
	{
		name:  "Redis outside of redisbroker",
		from:  but(below(module), below(module+"/redisbroker")),
		never: below("github.com/redis"),
		why:   "everybody else speaks to a Broker",
	},
	{
		name:  "command line outside of cmd",
		from:  but(below(module), below(module+"/cmd")),
		never: below("github.com/spf13", "github.com/urfave/cli", "github.com/knadh/koanf"),
		why:   "only the binary has subcommands; other programs do with package flag",
	},
	{
		name: "testify", from: below(module), tests: true,
		never: below("github.com/stretchr/testify"),
		why:   "tests compare with go-cmp and plain ifs, whose failures say what was expected",
	},
	{
		name: "cryptography of third parties", from: below(module), tests: true,
		never: below("golang.org/x/crypto", "filippo.io"),
		why:   "the standard library has all that is used here, and its own reviewers",
	},
	{
		// internal/lab is a program on the public API.
		name:  "internal packages that look up",
		from:  but(below(module+"/internal"), below(module+"/internal/lab")),
		never: but(below(module), below(module+"/internal")),
		deep:  true,
		why:   "the root package is made of internal ones",
	},
	{
		name:  "input and output in the codecs",
		from:  below(module+"/internal/frame", module+"/internal/wire"),
		never: either(is("net", "os", "syscall", "net/http"), below("golang.org/x/sys", module+"/internal/transport")),
		why:   "codecs work on bytes in memory: server, client, tests and fuzzing share them",
	},
	{
		name:  "system calls in the handshake",
		from:  below(module + "/internal/handshake"),
		never: either(is("os", "syscall"), below("golang.org/x/sys", module+"/internal/transport")),
		why:   "the client shakes hands too, and has no event loops",
	},
	{
		name:  "rooms in the transport",
		from:  below(module + "/internal/transport"),
		never: below(module+"/internal/hub", module+"/internal/wire"),
		why:   "the transport moves frames; what they say, and to whom, is decided above it",
	},
	{
		name:  "frames in the hub",
		from:  below(module + "/internal/hub"),
		never: either(is("net", "net/http"), below(module+"/internal/frame", module+"/internal/handshake")),
		why:   "the hub knows who is where; how bytes get there is the transport's",
	},
}

func TestImports(t *testing.T) {
	graph := listPackages(t)
	for _, rule := range importRules {
		t.Run(rule.name, func(t *testing.T) {
			subjects, broken := rule.violations(graph)
			if subjects == 0 {
				t.Error("the rule holds for no package: it has moved, or the rule is out of date")
			}
			for _, path := range broken {
				t.Errorf("%s\n%s", strings.Join(path, "\n\timports "), rule.why)
			}
		})
	}
}

// The rules are worth as much as their ability to fail.
func TestImportRuleFails(t *testing.T) {
	graph := map[string]*goPackage{
		module: {Imports: []string{"fmt", module + "/a"}},
		module + "/a": {
			Imports:      []string{module + "/b"},
			XTestImports: []string{"example.org/assert"},
		},
		module + "/b":          {Imports: []string{"example.org/redis/v9"}},
		"example.org/assert":   {},
		"example.org/redis/v9": {},
		"fmt":                  {Imports: []string{"os"}},
	}
	redis := below("example.org/redis")
	for _, test := range []struct {
		name string
		rule importRule
		want [][]string
	}{
		{"deep", importRule{from: is(module), never: redis, deep: true}, [][]string{
			{module, module + "/a", module + "/b", "example.org/redis/v9"},
		}},
		{"direct", importRule{from: is(module), never: redis}, nil},
		{"but", importRule{from: but(below(module), is(module+"/a")), never: redis}, [][]string{
			{module + "/b", "example.org/redis/v9"},
		}},
		{"without tests", importRule{from: below(module), never: below("example.org/assert")}, nil},
		{"tests", importRule{from: below(module), never: below("example.org/assert"), tests: true}, [][]string{
			{module + "/a", "example.org/assert"},
		}},
		{"third party", importRule{from: is(module + "/b"), never: thirdParty}, [][]string{
			{module + "/b", "example.org/redis/v9"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, got := test.rule.violations(graph)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}

// violations returns how many packages of the graph the rule holds for, and
// for each forbidden import a shortest way to it.
func (r importRule) violations(graph map[string]*goPackage) (subjects int, broken [][]string) {
	for _, path := range slices.Sorted(maps.Keys(graph)) {
		if !r.from(path) {
			continue
		}
		subjects++
		imports := graph[path].Imports
		if r.tests {
			imports = slices.Concat(imports, graph[path].TestImports, graph[path].XTestImports)
		}
		seen := map[string]bool{}
		ways := extend([]string{path}, imports)
		for len(ways) > 0 {
			way := ways[0]
			ways = ways[1:]
			last := way[len(way)-1]
			if seen[last] {
				continue
			}
			seen[last] = true
			if r.never(last) {
				broken = append(broken, way)
			} else if next := graph[last]; r.deep && next != nil {
				ways = append(ways, extend(way, next.Imports)...)
			}
		}
	}
	return subjects, broken
}

// extend returns, for each of imports, way with it at the end.
func extend(way, imports []string) [][]string {
	var ways [][]string
	for _, path := range imports {
		ways = append(ways, append(slices.Clone(way), path))
	}
	return ways
}

// goPackage is what `go list -json` tells of a package.
type goPackage struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

// listPackages returns the packages of this module and all that they depend
// on, by import path.
func listPackages(t *testing.T) map[string]*goPackage {
	t.Helper()
	graph := map[string]*goPackage{}
	for _, pkg := range goList[goPackage](t, "-deps", "-json=ImportPath,Imports,TestImports,XTestImports", "./...") {
		graph[pkg.ImportPath] = pkg
	}
	return graph
}

// goList is what `go list` tells of packages, as JSON.
func goList[T any](t *testing.T, args ...string) (all []*T) {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, stderr.String())
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		pkg := new(T)
		if err := dec.Decode(pkg); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, pkg)
	}
}

// A matcher tells import paths apart.
type matcher func(path string) bool

// is matches exactly paths.
func is(paths ...string) matcher {
	return func(path string) bool { return slices.Contains(paths, path) }
}

// below matches roots and what is in folders below them.
func below(roots ...string) matcher {
	return func(path string) bool {
		return slices.ContainsFunc(roots, func(root string) bool {
			return path == root || strings.HasPrefix(path, root+"/")
		})
	}
}

func either(a, b matcher) matcher { return func(path string) bool { return a(path) || b(path) } }
func but(a, b matcher) matcher    { return func(path string) bool { return a(path) && !b(path) } }

// thirdParty matches what is neither of the standard library, whose paths
// start without a domain, nor of this module.
func thirdParty(path string) bool {
	domain, _, _ := strings.Cut(path, "/")
	return strings.Contains(domain, ".") && !below(module)(path)
}
