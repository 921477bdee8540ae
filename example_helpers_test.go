package hearth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/hearthws/hearth"
)

// exampleT stands for the *testing.T of a test, which an example has not. end
// is what happens when the test is over.
func exampleT() (t testing.TB, end func()) {
	tb := &exampleTB{}
	return tb, func() {
		for _, cleanup := range slices.Backward(tb.cleanups) {
			cleanup()
		}
	}
}

// exampleTB has what hearthtest needs of a testing.TB. What goes wrong is in
// the way of the output that the example expects.
type exampleTB struct {
	testing.TB
	cleanups []func()
}

func (t *exampleTB) Helper()                           {}
func (t *exampleTB) Output() io.Writer                 { return io.Discard }
func (t *exampleTB) Context() context.Context          { return context.Background() }
func (t *exampleTB) Cleanup(f func())                  { t.cleanups = append(t.cleanups, f) }
func (t *exampleTB) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (t *exampleTB) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// byName lets everybody in under the name that is all of their credentials.
func byName(_ context.Context, _ *hearth.Client, data json.RawMessage) (hearth.Identity, error) {
	var name string
	if err := json.Unmarshal(data, &name); err != nil {
		return hearth.Identity{}, hearth.ErrRejected
	}
	return hearth.Identity{UserID: name}, nil
}

// anyRoom admits everybody everywhere.
func anyRoom(_ context.Context, _ *hearth.Client, rooms []string) ([]string, error) {
	return rooms, nil
}
