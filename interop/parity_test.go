//go:build unix

package interop

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hearthws/hearth"
)

// constants are what Hearth has for those of the original, in the same unit.
var constants = map[string]any{
	"WebSocketEvents.AUTHENTICATE": hearth.EventAuthenticate,
	"WebSocketEvents.CONNECTED":    hearth.EventConnected,
	"WebSocketEvents.DISCONNECT":   hearth.EventDisconnect,
	"WebSocketEvents.JOIN":         hearth.EventJoin,
	"WebSocketEvents.LEAVE":        hearth.EventLeave,
	"WebSocketEvents.ERROR":        hearth.EventError,
	"WebSocketEvents.HEARTBEAT":    hearth.EventHeartbeat,
	"WebSocketEvents.ENCRYPTED":    hearth.EventEncrypted,
	"WebSocketEvents.SCHEME_SET":   hearth.AllEvents(),
	"WebSocketEvents.isValid":      valid(hearth.AllEvents(), hearth.IsProtocolEvent),

	"WebSocketChannels.BROADCAST":        hearth.ChannelBroadcast,
	"WebSocketChannels.ROOM_PREFIX":      hearth.RoomPrefix,
	"WebSocketChannels.CLIENT_PREFIX":    hearth.ClientPrefix,
	"WebSocketChannels.USER_PREFIX":      hearth.UserPrefix,
	"WebSocketChannels.forRoom":          hearth.ForRoom("<x>"),
	"WebSocketChannels.forClient":        hearth.ForClient("<x>"),
	"WebSocketChannels.forUser":          hearth.ForUser("<x>"),
	"WebSocketChannels.forRoomPattern":   hearth.ForRoomPattern(),
	"WebSocketChannels.forClientPattern": hearth.ForClientPattern(),
	"WebSocketChannels.forUserPattern":   hearth.ForUserPattern(),

	"WebSocketDefaults.PATH":                  hearth.DefaultPath,
	"WebSocketDefaults.ROOM":                  hearth.DefaultRoom,
	"WebSocketDefaults.NOTIFICATION_ROOM":     hearth.DefaultNotificationRoom,
	"WebSocketDefaults.BROADCAST_TOPIC":       hearth.DefaultBroadcastTopic,
	"WebSocketDefaults.MAX_PAYLOAD_LENGTH":    hearth.DefaultMaxPayload,
	"WebSocketDefaults.IDLE_TIMEOUT":          hearth.DefaultIdleTimeout / time.Second,
	"WebSocketDefaults.BACKPRESSURE_LIMIT":    hearth.DefaultBackpressureLimit,
	"WebSocketDefaults.SEND_PINGS":            hearth.DefaultSendPings,
	"WebSocketDefaults.PUBLISH_TO_SELF":       hearth.DefaultPublishToSelf,
	"WebSocketDefaults.AUTH_TIMEOUT":          hearth.DefaultAuthTimeout / time.Millisecond,
	"WebSocketDefaults.HEARTBEAT_INTERVAL":    hearth.DefaultHeartbeatInterval / time.Millisecond,
	"WebSocketDefaults.HEARTBEAT_TIMEOUT":     hearth.DefaultHeartbeatTimeout / time.Millisecond,
	"WebSocketDefaults.ENCRYPTED_BATCH_LIMIT": hearth.DefaultEncryptedBatchLimit,

	"WebSocketMessageTypes.CLIENT":     hearth.TypeClient,
	"WebSocketMessageTypes.USER":       hearth.TypeUser,
	"WebSocketMessageTypes.ROOM":       hearth.TypeRoom,
	"WebSocketMessageTypes.BROADCAST":  hearth.TypeBroadcast,
	"WebSocketMessageTypes.SCHEME_SET": hearth.AllMessageTypes(),
	"WebSocketMessageTypes.isValid":    valid(hearth.AllMessageTypes(), hearth.MessageType.IsValid),

	"WebSocketClientStates.UNAUTHORIZED":   hearth.StateUnauthorized,
	"WebSocketClientStates.AUTHENTICATING": hearth.StateAuthenticating,
	"WebSocketClientStates.AUTHENTICATED":  hearth.StateAuthenticated,
	"WebSocketClientStates.DISCONNECTED":   hearth.StateDisconnected,
	"WebSocketClientStates.SCHEME_SET":     hearth.AllStates(),
	"WebSocketClientStates.isValid":        valid(hearth.AllStates(), hearth.State.IsValid),
}

// valid is what a function says of all names, and of two others.
func valid[T ~string](names []T, is func(T) bool) (answers []bool) {
	for _, name := range append(names, "x", "") {
		answers = append(answers, is(name))
	}
	return answers
}

// TestConstants compares every constant of the original with Hearth's.
func TestConstants(t *testing.T) {
	t.Parallel()
	out, err := bun(t, "constants.ts").Output()
	if err != nil {
		t.Fatal(err)
	}
	_, theirs, found := strings.Cut(string(out), "CONSTANTS ")
	theirs, _, _ = strings.Cut(theirs, "\n")
	if !found {
		t.Fatalf("no constants in %q", out)
	}
	text, err := json.Marshal(constants)
	if err != nil {
		t.Fatal(err)
	}
	var want, got map[string]any
	if err := json.Unmarshal([]byte(theirs), &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("constants (-original +Hearth):\n%s", diff)
	}
}

// declaration begins a type of the original's declarations, member a member
// of it that is not private.
var (
	declaration = regexp.MustCompile(`^export (?:declare class|interface|type) (\w+)`)
	memberName  = regexp.MustCompile(`^    (?:readonly )?(\w+)\??[:(<]`)
)

// TestGuideIsComplete checks that docs/coming-from-ignis.md says of every type,
// option, hook, method and constant of the original what it is in Hearth.
func TestGuideIsComplete(t *testing.T) {
	t.Parallel()
	guide := guideText(t)
	named := map[string]bool{} // words of its code
	for _, code := range regexp.MustCompile("(?s)```ts\n.*?```|`[^`\n]+`").FindAllString(guide, -1) {
		for _, word := range regexp.MustCompile(`\w+`).FindAllString(code, -1) {
			named[word] = true
		}
	}
	var names []string
	for _, file := range []string{"server/helper", "emitter/helper", "common/types"} {
		text, err := os.ReadFile(filepath.Join("peer/node_modules/@venizia/ignis-helpers/dist/modules/socket/websocket", file+".d.ts"))
		if err != nil {
			t.Fatal(err)
		}
		in := ""
		for line := range strings.Lines(string(text)) {
			if m := declaration.FindStringSubmatch(line); m != nil {
				in = m[1]
				names = append(names, in)
			}
			if m := memberName.FindStringSubmatch(line); len(m) > 1 && m[1] != "constructor" {
				names = append(names, in+"."+m[1])
			}
		}
	}
	for name := range constants {
		names = append(names, name)
	}
	if len(names) < 150 {
		t.Fatalf("only %d names are found in the original", len(names))
	}
	for _, name := range names {
		if !named[name[strings.LastIndex(name, ".")+1:]] {
			t.Errorf("the guide does not name %s", name)
		}
	}
}

// TestGuideNamesWhatIsThere checks that what the guide calls by Hearth's names
// exists.
func TestGuideNamesWhatIsThere(t *testing.T) {
	t.Parallel()
	there := map[string]bool{}
	for pkg, dir := range map[string]string{"hearth": "..", "redisbroker": "../redisbroker", "seal": "../seal", "hearthtest": "../hearthtest"} {
		for _, name := range exported(t, dir) {
			there[pkg+"."+name] = true
		}
	}
	for receiver, typ := range map[string]reflect.Type{
		"server": reflect.TypeFor[*hearth.Server](), "emitter": reflect.TypeFor[*hearth.Emitter](),
		"c": reflect.TypeFor[*hearth.Client](), "m": reflect.TypeFor[hearth.Message](), "type": reflect.TypeFor[hearth.State](),
	} {
		for m := range typ.Methods() {
			there[receiver+"."+m.Name] = true
		}
		if typ.Kind() == reflect.Struct {
			for f := range typ.Fields() {
				there[receiver+"."+f.Name] = true
			}
		}
	}
	options := map[string]bool{}
	for f := range reflect.TypeFor[hearth.Options]().Fields() {
		options[f.Name] = true
	}
	checked := 0
	for _, code := range regexp.MustCompile("`[^`\n]+`").FindAllString(guideText(t), -1) {
		for _, name := range regexp.MustCompile(`\b(?:hearth|redisbroker|seal|hearthtest|server|emitter|c|m)\.[A-Z]\w+`).FindAllString(code, -1) {
			checked++
			if !there[name] {
				t.Errorf("%s: there is no %s", code, name)
			}
		}
		word, _, _ := strings.Cut(strings.Trim(code, "`"), "(")
		if regexp.MustCompile(`^[A-Z][a-z]\w+$`).MatchString(word) && !strings.HasPrefix(word, "WebSocket") && word != "RedisHelper" {
			checked++
			if !options[word] && !there["hearth."+word] && !there["server."+word] && !there["c."+word] && !there["type."+word] {
				t.Errorf("there is no %s", word)
			}
		}
	}
	if checked < 80 {
		t.Errorf("only %d names are checked", checked)
	}
}

// exported returns the exported names of a package, and those of its methods'
// receivers' fields left out.
func exported(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for name, object := range f.Scope.Objects {
			if object.Kind != ast.Pkg && ast.IsExported(name) {
				names = append(names, name)
			}
		}
	}
	return names
}

func guideText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/coming-from-ignis.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
