package plays

import "github.com/hearthws/hearth/internal/transcript"

// Differences that several plays show.
var (
	invalid = &transcript.Difference{
		Name: "numbers, strings, arrays and an `event` that is not a string are ignored",
		Why:  "bad input gets a clear answer instead of silence or an exception in the server",
	}
	untouched = &transcript.Difference{
		Name: "data is not touched",
		Why:  "data travels as it came: no digit is rounded and no member is lost",
	}
	oneReading = &transcript.Difference{
		Name: "repeated names among a message's own members are refused",
		Why:  "two readers of one message must not see different messages",
	}
)

var messages = []transcript.Play{
	{Name: "message: echo", Script: `
		a auth
		a > {"event":"echo","data":{"x":1}}`},
	{Name: "message: echo without data", Script: `
		a auth
		a > {"event":"echo"}`},
	{Name: "message: echo null", Script: `
		a auth
		a > {"event":"echo","data":null}`},
	{Name: "message: unknown event goes to the application", Script: `
		a auth
		a > {"event":"nobody knows this","data":1}`},
	{Name: "message: disconnect, connected, error and encrypted are custom events", Script: `
		a auth
		a > {"event":"disconnect"}
		a > {"event":"connected","data":{"id":"x"}}
		a > {"event":"error","data":{"message":"x"}}
		a > {"event":"encrypted","data":{"iv":"AAAA","ct":"AAAA"}}`},
	{Name: "message: heartbeat has no reply", Script: `
		a auth
		a > {"event":"heartbeat"}
		a > {"event":"heartbeat","data":{"x":1},"id":3}`},
	{Name: "message: event missing", Script: `
		a auth
		a > {}
		a > {"data":1}`},
	{Name: "message: event empty", Script: `
		a auth
		a > {"event":""}`},
	{Name: "message: event null", Script: `
		a auth
		a > {"event":null,"data":1}`},
	{Name: "message: event false", Differs: invalid, Script: `
		a auth
		a > {"event":false}`},
	{Name: "message: event true", Differs: invalid, Script: `
		a auth
		a > {"event":true}`},
	{Name: "message: event 0", Differs: invalid, Script: `
		a auth
		a > {"event":0}`},
	{Name: "message: event 1", Differs: invalid, Script: `
		a auth
		a > {"event":1}`},
	{Name: "message: event is an object", Differs: invalid, Script: `
		a auth
		a > {"event":{"event":"echo"}}`},
	{Name: "message: event is an array of the name", Differs: invalid, Script: `
		a auth
		a > {"event":["echo"],"data":1}`},
	{Name: "message: event is a number before authentication", Differs: invalid, Script: `
		a connect
		a > {"event":1}
		quiet
		a > {"event":"authenticate"}
		a gets 1`},
	{Name: "message: null", Differs: invalid, Script: `
		a auth
		a > null`},
	{Name: "message: true", Differs: invalid, Script: `
		a auth
		a > true`},
	{Name: "message: a number", Differs: invalid, Script: `
		a auth
		a > 42`},
	{Name: "message: a string", Differs: invalid, Script: `
		a auth
		a > "echo"`},
	{Name: "message: an array", Differs: invalid, Script: `
		a auth
		a > [{"event":"echo"}]`},
	{Name: "message: an empty array", Differs: invalid, Script: `
		a auth
		a > []`},
	{Name: "message: null before authentication", Differs: invalid, Script: `
		a connect
		a > null
		quiet
		a > {"event":"authenticate"}
		a gets 1`},
	{Name: "message: empty text", Script: `
		a auth
		a > `},
	{Name: "message: white space", Script: `
		a auth
		a > q"  \t\r\n "`},
	{Name: "message: not JSON", Script: `
		a auth
		a > hello
		a > {event:"echo"}
		a > {'event':'echo'}
		a > {"event":"echo"
		a > {"event":"echo",}
		a > {"event":"echo"}}
		a > {"event":"echo"}{"event":"echo"}
		a > {"event":"echo","data":}
		a > {"event":"echo" "data":1}
		a > undefined
		a > NaN`},
	{Name: "message: not JSON inside data", Script: `
		a auth
		a > {"event":"echo","data":01}
		a > {"event":"echo","data":.5}
		a > {"event":"echo","data":5.}
		a > {"event":"echo","data":+5}
		a > {"event":"echo","data":1e}
		a > {"event":"echo","data":0x10}
		a > {"event":"echo","data":-}
		a > {"event":"echo","data":[1,]}
		a > {"event":"echo","data":[1 2]}
		a > {"event":"echo","data":{"a":1,}}
		a > {"event":"echo","data":{"a"}}
		a > {"event":"echo","data":{1:1}}
		a > {"event":"echo","data":'x'}
		a > {"event":"echo","data":tru}
		a > {"event":"echo","data":Infinity}
		a > {"event":"echo","data":"\x"}
		a > {"event":"echo","data":"\u12"}
		a > {"event":"echo","data":"\u12g4"}`},
	{Name: "message: control characters inside a string", Script: `
		a auth
		a > q"{\"event\":\"echo\",\"data\":\"a\nb\"}"
		a > q"{\"event\":\"echo\",\"data\":\"a\tb\"}"
		a > q"{\"event\":\"echo\",\"data\":\"a\x00b\"}"
		a > q"{\"event\":\"echo\",\"data\":\"a\x1fb\"}"
		a > q"{\"event\":\"echo\",\"data\":\"a\x7fb\"}"`},
	{Name: "message: comment", Script: `
		a auth
		a > {"event":"echo"/*hello*/}
		a > {"event":"echo"} // hello`},
	{Name: "message: byte order mark", Script: `
		a auth
		a > q"\ufeff{\"event\":\"echo\",\"data\":1}"`},
	{Name: "message: white space around everything", Script: `
		a auth
		a > q" \t\r\n{ \"event\" :\n\"echo\" , \"data\" : [ 1 , 2 ] } \n"`},
	{Name: "message: white space that JSON does not know", Script: `
		a auth
		a > q"{\"event\":\u00a0\"echo\"}"
		a > q"{\"event\":\v\"echo\"}"
		a > q"\f{\"event\":\"echo\"}"`},
	{Name: "message: data before event", Script: `
		a auth
		a > {"data":{"x":[1]},"event":"echo"}`},
	{Name: "message: members nobody knows", Script: `
		a auth
		a > {"x":1,"event":"echo","y":{"event":"no"},"data":5,"z":[]}`},
	{Name: "message: id of every type", Script: `
		a auth
		a > {"event":"echo","id":"s","data":1}
		a > {"event":"echo","id":7,"data":2}
		a > {"event":"echo","id":null,"data":3}
		a > {"event":"echo","id":{"a":[]},"data":4}
		a > {"event":"echo","id":false,"data":5}`},
	{Name: "message: event twice", Differs: oneReading, Script: `
		a auth
		a > {"event":"echo","event":"whoami"}`},
	{Name: "message: event twice, the same", Differs: oneReading, Script: `
		a auth
		a > {"event":"echo","event":"echo"}`},
	{Name: "message: data twice", Differs: oneReading, Script: `
		a auth
		a > {"event":"echo","data":1,"data":2}`},
	{Name: "message: event twice, once with escapes", Differs: oneReading, Script: `
		a auth
		a > {"event":"echo","\u0065vent":"whoami"}`},
	{Name: "message: an unknown member twice", Differs: oneReading, Script: `
		a auth
		a > {"event":"echo","x":1,"x":2,"data":3}`},
	{Name: "message: __proto__ as a member", Script: `
		a auth
		a > {"__proto__":{"event":"echo"},"data":1}
		a > {"event":"echo","__proto__":{"x":1},"data":2}
		a > {"constructor":1,"event":"echo","toString":2,"data":3}`},
	{Name: "message: __proto__ as an event", Script: `
		a auth
		a > {"event":"__proto__","data":1}
		a > {"event":"constructor","data":1}
		a > {"event":"toString"}
		a > {"event":"hasOwnProperty"}`},
	{Name: "message: event in Unicode", Script: `
		a auth
		a > {"event":"événement 🦊","data":1}
		a > {"event":"\ud800","data":1}
		a > q"{\"event\":\"\\u0000\"}"`},
	{Name: "message: long event", Script: `
		a auth
		a > {"event":"<e*5000>","data":1}`},
	{Name: "message: hook fails", Script: `
		a auth
		a > {"event":"panic"}
		a > {"event":"echo","data":"still here"}`},
	{Name: "message: hook fails, others live", Script: `
		a auth
		b auth
		a > {"event":"panic"}
		quiet
		b > {"event":"echo","data":"still here"}`},
	{Name: "message: sleep", Script: `
		a auth
		a > {"event":"sleep","data":{"ms":20}}
		a gets 1`},
	{
		Name: "message: hooks of one client run one after the other", Script: `
		a auth
		a > {"event":"sleep","data":{"ms":50}}
		a > {"event":"echo","data":"after"}
		a gets 2`,
		Differs: &transcript.Difference{Name: "the hooks of one client run at the same time", Why: "order"},
	},
	{Name: "message: errors do not wait for a hook", Script: `
		a auth
		a > {"event":"sleep","data":{"ms":50}}
		a > not JSON
		a gets 2`},
	{Name: "message: a client that sleeps does not stop others", Script: `
		a auth
		b auth
		a > {"event":"sleep","data":{"ms":100}}
		b > {"event":"echo","data":1}
		b gets 1
		a gets 1`},
	{Name: "message: whoami", Script: `
		a auth {"userId":"alice"}
		a > {"event":"whoami"}`},
	{Name: "message: burst in one write", Script: `
		a auth
		a burst 40 {"event":"echo","data":<i>}
		a gets 40`},
	{Name: "message: burst to a room keeps its order", Script: `
		a auth
		b auth
		b > {"event":"enter","data":{"room":"burst"}}
		quiet
		a burst 40 {"event":"pub","data":{"room":"burst","body":<i>}}
		b gets 40`},
	{Name: "message: a burst that begins with authenticate", Script: `
		a connect
		a burst 3 {"event":"authenticate","data":{"token":"slow:30"},"n":<i>}
		a gets 3`},
}
