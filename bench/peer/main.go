// Peer is a server as one would write it with another library: a room of which
// every client may become a member, and an echo.
//
//	go run ./peer -addr 127.0.0.1:7001 gws
//
// It prints "READY ADDR PID" when it accepts. All but centrifuge, which has a
// protocol of its own, understand authenticate, join, pub and echo.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
)

// peers are made when one is started.
var peers = map[string]func() (http.Handler, error){
	"gws":        newGWS,
	"gorilla":    newGorilla,
	"coder":      newCoder,
	"centrifuge": newCentrifuge,
}

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "host:port to listen on")
	flag.Parse()
	if err := serve(*addr, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

func serve(addr, name string) error {
	create, ok := peers[name]
	if !ok {
		return fmt.Errorf("no peer %q", name)
	}
	handler, err := create()
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Println("READY", ln.Addr(), os.Getpid())
	return http.Serve(ln, handler)
}

// request is what a client sends.
type request struct {
	Event string          `json:"event"`
	Data  json.RawMessage `json:"data"`
}

var errUnknown = errors.New("unknown event")

// connected answers authenticate: here everybody is let in.
var connected = []byte(`{"event":"connected","data":{"id":"peer"}}`)

// published is what members of the room receive for a pub.
func (r *request) published() ([]byte, error) {
	var d struct{ Body json.RawMessage }
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return nil, err
	}
	return json.Marshal(request{"msg", d.Body})
}

// echoed is what a client gets back.
func (r *request) echoed() ([]byte, error) { return json.Marshal(request{"echo", r.Data}) }
