package hearth_test

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// steady is what of package time does not ask for the system's clock, which may
// be set while a server runs: what has a time.Time here has it from time.Now,
// with the reading of the clock that is never set.
var steady = strings.Fields(`
	Now Since Until Sleep After AfterFunc NewTimer NewTicker ParseDuration
	Time.Add Time.Sub Time.Before Time.After Time.Compare Time.Equal Time.IsZero`)

// wallClock is where the library may use the system's clock, and why. What is
// no longer there has to leave the list.
var wallClock = map[string]string{
	"hearth.(*Server).Upgrade time.Time.UnixMilli":           "shown as Client.ConnectedAt",
	"hearth.(*Client).ConnectedAt time.UnixMilli":            "shown",
	"hearth.(*Client).connectedFrame time.Time.UTC":          "shown in `connected`",
	"hearth.(*Client).connectedFrame time.Time.AppendFormat": "shown in `connected`",
	"hearth.Snapshot json:connectedAt":                       "shown",
	"hearth.Snapshot json:lastActivity":                      "shown",
	"hearth.BrokerStats json:since":                          "shown",
	"metrics time.Time.UnixMilli":                            "shown in a metric",
	"client.connection &time.Time":                           "shown as Connection.Time",
	"client.retryAfter http.ParseTime":                       "a server may say by a date when to come back; maxRetryAfter bounds the wait",
	"client.(*session).live Context.Deadline":                "was made by context.WithTimeout",
	"client.(*socket).giveUp time.Unix":                      "a deadline that is over by every clock",
	"internal/transport time.Unix":                           "a deadline that is over by every clock",
}

// F14: nothing in what a program runs compares moments by the system's clock.
// With a moment kept as Unix milliseconds, as the transport once did, a step of
// that clock by more than IdleTimeout drops every connection; no test may set
// the clock, so this one reads the source. time.Unix, UnixMilli, Round,
// Truncate, UTC, parsed times and others' times in a function that is not listed
// make it fail.
func TestF14NoWallClock(t *testing.T) {
	found := map[string][]string{}
	for _, pkg := range checkedPackages(t) {
		maps.Copy(found, wallClockIn(pkg))
	}
	for _, use := range slices.Sorted(maps.Keys(found)) {
		if wallClock[use] == "" {
			t.Errorf("%s: the system's clock may be set meanwhile; keep what is left of time.Now instead\n\t%s",
				use, strings.Join(found[use], "\n\t"))
		}
	}
	for _, use := range slices.Sorted(maps.Keys(wallClock)) {
		if found[use] == nil {
			t.Errorf("%s: is allowed, and not used", use)
		}
	}
}

// Every way to the system's clock is found, and no other is taken for one.
func TestF14WallClockIsFound(t *testing.T) {
	const source = `package planted
import ("encoding/json"; "os"; "syscall"; "time")
type kept struct { At time.Time "json:\"at\""; quiet time.Time }
func steady(d time.Duration) bool {
	t := time.NewTicker(d.Round(time.Second)); now := <-t.C
	return now.Add(d).Before(time.Now()) && time.Since(now) > d.Truncate(1) && !now.IsZero()
}
func millis() int64 { return time.Now().UnixMilli() }
func back(ms int64) time.Duration { return time.Since(time.UnixMilli(ms)) }
func value() func() int64 { return time.Now().Unix }
func round(t time.Time) time.Time { return t.Round(0) }
func utc(t *time.Time) time.Time { return t.UTC() }
func same(t kept) bool { return t.quiet == t.At }
func read(b []byte) (t time.Time) { _ = json.Unmarshal(b, &t); return }
func file(f os.FileInfo) time.Duration { return time.Since(f.ModTime()) }
func system() { var tv syscall.Timeval; _ = syscall.Gettimeofday(&tv) }
func literal() time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, nil) }
var global = time.Unix(1, 0)
type embeds struct { time.Time }
func (e embeds) method() int { return e.Nanosecond() }
`
	pkg := checkPackage(t, exportsOf(t, "encoding/json", "os", "syscall", "time"), "planted", map[string]any{"planted.go": source})
	want := []string{
		"planted time.Unix", "planted.(embeds).method time.Time.Nanosecond", "planted.back time.UnixMilli",
		"planted.file FileInfo.ModTime", "planted.kept json:at", "planted.literal time.Date",
		"planted.millis time.Time.UnixMilli", "planted.read &time.Time", "planted.round time.Time.Round",
		"planted.same ==", "planted.system syscall.Gettimeofday", "planted.utc time.Time.UTC", "planted.value time.Time.Unix",
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(wallClockIn(pkg)))); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
}

// checked is a package, with what its names mean.
type checked struct {
	path  string // below the module, or its name
	fset  *token.FileSet
	files []*ast.File
	info  *types.Info
}

// checkedPackages are those of the module that a program has when it uses the
// library, or runs `hearth serve`.
func checkedPackages(t *testing.T) []*checked {
	t.Helper()
	exports := exportsOf(t, ".", "./client", "./seal", "./redisbroker", "./metrics", "./cmd/hearth/internal/serve")
	var all []*checked
	for path, pkg := range exports {
		if !below(module)(path) {
			continue
		}
		// Of all platforms; what they define twice is no concern here.
		names, err := filepath.Glob(filepath.Join(pkg.Dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		sources := map[string]any{}
		for _, name := range names {
			if !strings.HasSuffix(name, "_test.go") {
				sources[name] = nil
			}
		}
		short := strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
		if short == "" {
			short = "hearth"
		}
		all = append(all, checkPackage(t, exports, short, sources))
	}
	return all
}

type exported struct{ ImportPath, Dir, Export string }

// exportsOf compiles packages and what they import, as the tests did before.
func exportsOf(t *testing.T, patterns ...string) map[string]*exported {
	t.Helper()
	exports := map[string]*exported{}
	for _, pkg := range goList[exported](t, append([]string{"-deps", "-export", "-json=ImportPath,Dir,Export"}, patterns...)...) {
		exports[pkg.ImportPath] = pkg
	}
	return exports
}

func checkPackage(t *testing.T, exports map[string]*exported, path string, sources map[string]any) *checked {
	t.Helper()
	c := &checked{path: path, fset: token.NewFileSet(), info: &types.Info{
		Uses: map[*ast.Ident]types.Object{}, Types: map[ast.Expr]types.TypeAndValue{},
	}}
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		f, err := parser.ParseFile(c.fset, name, sources[name], parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		c.files = append(c.files, f)
	}
	conf := types.Config{
		Importer: importer.ForCompiler(c.fset, "gc", func(path string) (io.ReadCloser, error) {
			if exports[path] == nil {
				return nil, os.ErrNotExist
			}
			return os.Open(exports[path].Export)
		}),
		Error: func(error) {}, // the compiler tells them
	}
	_, _ = conf.Check(path, c.fset, c.files, c.info)
	return c
}

// wallClockIn finds what depends on the system's clock: where it is, and what
// it is.
func wallClockIn(c *checked) map[string][]string {
	found := map[string][]string{}
	for _, f := range c.files {
		for _, decl := range f.Decls {
			where := c.path
			if fn, ok := decl.(*ast.FuncDecl); ok {
				where += "." + nameOf(fn)
			}
			ast.Inspect(decl, func(n ast.Node) bool {
				if spec, ok := n.(*ast.TypeSpec); ok {
					for _, what := range c.wallFields(spec) {
						use := where + "." + spec.Name.Name + " " + what
						found[use] = append(found[use], c.fset.Position(n.Pos()).String())
					}
				}
				if what := c.wallUse(n); what != "" {
					found[where+" "+what] = append(found[where+" "+what], c.fset.Position(n.Pos()).String())
				}
				return true
			})
		}
	}
	return found
}

func nameOf(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return fn.Name.Name
	}
	return "(" + types.ExprString(fn.Recv.List[0].Type) + ")." + fn.Name.Name
}

// wallFields are times of a struct that may come out of JSON.
func (c *checked) wallFields(spec *ast.TypeSpec) (names []string) {
	s, ok := spec.Type.(*ast.StructType)
	if !ok {
		return nil
	}
	for _, field := range s.Fields.List {
		if field.Tag == nil || !isTime(c.info.TypeOf(field.Type)) {
			continue
		}
		if _, tag, ok := strings.Cut(strings.ReplaceAll(field.Tag.Value, `\`, ""), `json:"`); ok {
			name, _, _ := strings.Cut(tag, `"`)
			names = append(names, "json:"+name)
		}
	}
	return names
}

// wallUse names what n does with the system's clock; "" if nothing.
func (c *checked) wallUse(n ast.Node) string {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		if (n.Op == token.EQL || n.Op == token.NEQ) && isTime(c.info.TypeOf(n.X)) {
			return n.Op.String() // compares both clocks
		}
	case *ast.UnaryExpr:
		if n.Op == token.AND && isTime(c.info.TypeOf(n.X)) {
			return "&time.Time" // somebody else sets it
		}
	case *ast.Ident:
		if what := c.info.Uses[n]; what != nil && what.Pkg() != nil && !below(module)(what.Pkg().Path()) && what.Pkg().Path() != c.path {
			return wallName(what)
		}
	}
	return ""
}

// wallName is the name of what another package has, if it is or gives the time
// by the system's clock.
func wallName(what types.Object) string {
	name := what.Name()
	switch what := what.(type) {
	case *types.Func:
		sig := what.Signature()
		gives := slices.Contains([]string{"Gettimeofday", "ClockGettime", "Time"}, name) &&
			slices.Contains([]string{"syscall", "unix", "windows"}, what.Pkg().Name())
		for v := range sig.Results().Variables() {
			gives = gives || isTime(v.Type())
		}
		if recv := sig.Recv(); recv != nil {
			typ := recv.Type()
			if p, ok := typ.(*types.Pointer); ok {
				typ = p.Elem()
			}
			if named, ok := typ.(*types.Named); ok {
				name = named.Obj().Name() + "." + name
			}
			gives = gives || isTime(typ)
		}
		if !gives || isTimePackage(what) && slices.Contains(steady, name) {
			return ""
		}
	case *types.Var: // a field, as of a certificate
		if !isTime(what.Type()) {
			return ""
		}
	default:
		return ""
	}
	if strings.Contains(name, ".") && !isTimePackage(what) {
		return name // of a type, whose name says enough
	}
	return what.Pkg().Name() + "." + name
}

func isTimePackage(what types.Object) bool { return what.Pkg().Path() == "time" }

func isTime(t types.Type) bool {
	named, ok := types.Unalias(t).(*types.Named)
	return ok && named.Obj().Name() == "Time" && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == "time"
}
