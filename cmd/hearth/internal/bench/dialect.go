package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Dialect is how a server is spoken to: messages in which $user, $auth, $room,
// $body and $id (of the client, from `connected`) are replaced.
type Dialect struct {
	Name         string `json:"-"`
	Authenticate string `json:"authenticate"`
	Ready        string `json:"ready"` // text of the message that admits a client
	Join         string `json:"join"`
	Publish      string `json:"publish"`
	Echo         string `json:"echo"` // with $room each client has one of its own
	Heartbeat    string `json:"heartbeat"`
	Refusal      string `json:"refusal"` // text of messages that say that something failed

	// Members says that only members of a room can publish into it.
	Members bool `json:"members"`
}

// protocol is what all servers of the protocol have in common. Credentials and
// what publishes are the application's.
var protocol = Dialect{
	Authenticate: `{"event":"authenticate","data":$auth}`,
	Ready:        `{"event":"connected"`,
	Join:         `{"event":"join","data":{"rooms":["$room"]}}`,
	Heartbeat:    `{"event":"heartbeat"}`,
	Refusal:      `{"event":"error"`,
}

// Dialects are those with a name, the one of `hearth serve` first.
func Dialects() []*Dialect {
	serve, lab := protocol, protocol
	serve.Name, serve.Members = "serve", true
	serve.Publish = `{"event":"publish","data":{"room":"$room","event":"msg","data":$body}}`
	serve.Echo = `{"event":"publish","data":{"room":"$room","event":"echo","data":$body}}`
	lab.Name = "lab"
	lab.Publish = `{"event":"pub","data":{"room":"$room","body":$body}}`
	lab.Echo = `{"event":"echo","data":$body}`
	return []*Dialect{&serve, &lab}
}

// ParseDialect reads one from JSON. What is left out is the protocol's.
func ParseDialect(name string, text []byte) (*Dialect, error) {
	d := protocol
	d.Name = name
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return nil, fmt.Errorf("%s is no dialect: %w", name, err)
	}
	return &d, nil
}

// defaultAuth suits `hearth serve --demo` and the lab server.
const defaultAuth = `{"token":"bench","userId":"$user","name":"$user"}`

// fill replaces names by values, which come in pairs.
func fill(template string, pairs ...string) string {
	return strings.NewReplacer(pairs...).Replace(template)
}

// escaped is a string as it is inside of the quotes of a JSON string.
func escaped(s string) string {
	quoted, _ := json.Marshal(s) // a string can always be encoded
	return string(quoted[1 : len(quoted)-1])
}

// halves are what comes before and behind the body in a message.
type halves [2][]byte

func split(template string) halves {
	before, behind, _ := strings.Cut(template, "$body")
	return halves{[]byte(before), []byte(behind)}
}

// clientID is the id in a `connected` message; "" if there is none.
func clientID(connected []byte) string {
	var m struct{ Data struct{ ID string } }
	_ = json.Unmarshal(connected, &m) // other protocols have other messages
	return m.Data.ID
}
