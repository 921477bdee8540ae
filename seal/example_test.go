package seal_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
	"github.com/hearthws/hearth/seal"
)

// A server that demands encryption, and a client that has its key pinned.
func Example() {
	t := &exampleTB{}
	defer t.end()
	encryption, err := seal.New(seal.Options{})
	if err != nil {
		panic(err)
	}
	server := hearthtest.New(t, hearth.Options{
		Encryption:        encryption,
		RequireEncryption: true,
		Authenticate: hearth.AuthenticateWith(func(_ context.Context, _ *hearth.Client, who struct{ Name string }) (hearth.Identity, error) {
			return hearth.Identity{UserID: who.Name}, nil
		}),
		OnMessage: func(_ context.Context, c *hearth.Client, m hearth.Message) error {
			fmt.Println("server:", m.Event, string(m.Data))
			_, err := c.Send("answer", 42)
			return err
		},
	})

	offer, err := seal.NewOffer(seal.ClientOptions{ServerKeys: encryption.PublicKeys()})
	if err != nil {
		panic(err)
	}
	client := server.Dial()
	connected := client.Authenticate(struct {
		Name string `json:"name"`
		seal.Credentials
	}{"ada", offer.Credentials()})
	session, err := offer.Accept(connected.Data)
	if err != nil {
		panic(err) // the server has another key, or none
	}

	client.SendText(string(session.Seal([]byte(`{"event":"question","data":"life"}`))))
	m := client.Next()
	plain, err := session.Open([]byte(m.String()))
	if err != nil {
		panic(err)
	}
	fmt.Println("on the wire:", m.Event)
	fmt.Println("client:", string(plain))
	// Output:
	// server: question "life"
	// on the wire: encrypted
	// client: {"event":"answer","data":42}
}

// exampleTB has what hearthtest needs of a testing.TB, which an example has
// not.
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

func (t *exampleTB) end() {
	for _, cleanup := range slices.Backward(t.cleanups) {
		cleanup()
	}
}
