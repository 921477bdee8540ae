package hearthtest_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
)

// options are those of the application that is tested.
func options() hearth.Options {
	return hearth.Options{
		Authenticate: hearth.AuthenticateWith(func(_ context.Context, _ *hearth.Client, token string) (hearth.Identity, error) {
			if token != "secret" {
				return hearth.Identity{}, hearth.ErrRejected
			}
			return hearth.Identity{UserID: "ann"}, nil
		}),
		OnMessage: func(_ context.Context, c *hearth.Client, _ hearth.Message) error {
			_, err := c.Send("greeting", "hello "+c.UserID())
			return err
		},
	}
}

func Example() {
	test(func(t testing.TB) {
		s := hearthtest.New(t, options())
		c := s.Connect("secret")
		c.Send("greet", nil)
		fmt.Println(c.Expect("greeting"))
	})
	// Output: {"event":"greeting","data":"hello ann"}
}

func ExampleServer_Dial() {
	test(func(t testing.TB) {
		s := hearthtest.New(t, options())
		c := s.Dial()
		fmt.Println(c.Conn().State())
		c.Authenticate("secret")
		fmt.Println(c.Conn().State())
	})
	// Output:
	// unauthorized
	// authenticated
}

func ExampleClient_Expect() {
	test(func(t testing.TB) {
		s := hearthtest.New(t, options())
		c := s.Connect("secret")
		_ = s.ToUser(t.Context(), "ann", "order", map[string]int{"id": 7})
		order, _ := hearth.DataOf[struct{ ID int }](c.Expect("order").Message)
		fmt.Println(order.ID)
	})
	// Output: 7
}

func ExampleClient_ExpectClose() {
	test(func(t testing.TB) {
		s := hearthtest.New(t, options())
		c := s.Dial()
		c.Send("authenticate", "guess")
		fmt.Println(c.Expect("error"))
		fmt.Println(c.ExpectClose())
	})
	// Output:
	// {"event":"error","data":{"message":"Authentication failed"}}
	// 4003 Authentication failed
}

// Messages to a client that does not read queue up, until no more are taken.
func ExampleClient_Stall() {
	test(func(t testing.TB) {
		opts := options()
		opts.BackpressureLimit = 1000 // bytes
		s := hearthtest.New(t, opts)
		c := s.Connect("secret")
		c.Stall()
		for i := range 2 {
			_, err := c.Conn().Send("page", strings.Repeat(".", 2000))
			fmt.Println(i, err)
		}
		c.Unstall()
		c.Expect("page")
	})
	// Output:
	// 0 <nil>
	// 1 hearth: message dropped, the client reads too slowly
}

func ExampleNewCluster() {
	test(func(t testing.TB) {
		nodes := hearthtest.NewCluster(t, 2, options())
		c := nodes[1].Connect("secret")
		_ = nodes[0].Broadcast(t.Context(), "news", "from the other node")
		fmt.Println(c.Expect("news"))
	})
	// Output: {"event":"news","data":"from the other node"}
}

// test stands for a test function: an example has no testing.T.
func test(f func(testing.TB)) {
	t := &exampleTB{}
	defer func() {
		for _, cleanup := range slices.Backward(t.cleanups) {
			cleanup()
		}
	}()
	f(t)
}

type exampleTB struct {
	testing.TB
	cleanups []func()
}

func (t *exampleTB) Helper()                           {}
func (t *exampleTB) Output() io.Writer                 { return os.Stderr }
func (t *exampleTB) Context() context.Context          { return context.Background() }
func (t *exampleTB) Cleanup(f func())                  { t.cleanups = append(t.cleanups, f) }
func (t *exampleTB) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (t *exampleTB) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
