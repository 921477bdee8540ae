package plays

import "github.com/hearthws/hearth/internal/transcript"

// Differences that several plays show.
var (
	origin = &transcript.Difference{
		Name: "the Origin header is not looked at",
		Why:  "cross-site socket hijacking",
	}
	length = &transcript.Difference{
		Name: "a frame or close frame breaks RFC 6455",
		Why:  "section 5.2: the minimal number of bytes, and the most significant bit 0",
	}
)

var frames = []transcript.Play{
	{Name: "upgrade: another path", Script: `
		a connect /elsewhere`},
	{Name: "upgrade: with a query", Script: `
		a connect /ws?token=x
		a > {"event":"authenticate"}
		a gets 1`},
	{Name: "upgrade: one subprotocol", Script: `
		a connect Sec-WebSocket-Protocol: chat
		a > {"event":"authenticate"}
		a gets 2`},
	{Name: "upgrade: two subprotocols, the first is chosen", Script: `
		a connect Sec-WebSocket-Protocol: first, second`},
	{Name: "upgrade: deflate offered where it is off", Script: `
		a connect Sec-WebSocket-Extensions: permessage-deflate`},
	{Name: "upgrade: Origin of the same host", Script: `
		a connect Origin: http://<addr>
		a > {"event":"authenticate"}
		a gets 1`},
	{Name: "upgrade: Origin of another host", Differs: origin, Script: `
		a connect Origin: https://example.com`},
	{Name: "upgrade: Origin of another port", Differs: origin, Script: `
		a connect Origin: http://127.0.0.1:1`},
	{Name: "upgrade: Origin null", Differs: origin, Script: `
		a connect Origin: null`},
	{Name: "binary: a message", Script: `
		a auth
		a binary {"event":"echo","data":"bin"}`},
	{Name: "binary: not JSON", Script: `
		a auth
		a binary hello`},
	{Name: "binary: empty", Script: `
		a auth
		a binary `},
	{Name: "binary: not UTF-8", Script: `
		a auth
		a binary q"\xff\xfe"`},
	{
		Name: "binary: not UTF-8 inside a string of data", Script: `
		a auth
		a binary q"{\"event\":\"echo\",\"data\":\"a\xffb\"}"`,
		Differs: &transcript.Difference{Name: "it is not UTF-8 (a binary frame;", Why: "data is never changed, and this cannot be JSON"},
	},
	{Name: "binary: before authentication", Script: `
		a connect
		a binary {"event":"echo"}
		quiet
		a binary nonsense`},
	{Name: "fragments: two", Script: `
		a auth
		a frame text -fin {"event":"ec
		a frame continuation ho","data":1}`},
	{Name: "fragments: many", Script: `
		a auth
		a frame text -fin {
		a frame continuation -fin "event":
		a frame continuation -fin "echo"
		a frame continuation -fin ,"data":
		a frame continuation -fin
		a frame continuation -fin [1]
		a frame continuation }`},
	{Name: "fragments: of a binary message", Script: `
		a auth
		a frame binary -fin {"event":"echo",
		a frame continuation "data":2}`},
	{Name: "fragments: a ping between them", Script: `
		a auth
		a frame text -fin {"event":"ec
		a frame ping between
		a frame continuation ho","data":1}`},
	{Name: "fragments: a code point split", Script: `
		a auth
		a frame text -fin q"{\"event\":\"echo\",\"data\":\"\xf0\x9f"
		a frame continuation q"\xa6\x8a\"}"`},
	{Name: "fragments: in one write with other messages", Script: `
		a auth
		a burst 2 {"event":"echo","data":<i>}
		a frame text -fin {"event":"echo",
		a frame continuation "data":3}
		a gets 3`},
	{Name: "frame: length in 64 bits though it is short", Differs: length, Script: `
		a auth
		a frame text long {"event":"echo","data":1}`},
	{Name: "frame: empty ping", Script: `
		a auth
		a frame ping
		a gets 1`},
	{Name: "frame: ping with 125 bytes", Script: `
		a auth
		a frame ping <p*125>
		a gets 1`},
	{Name: "frame: ping before authentication", Script: `
		a connect
		a frame ping early
		a gets 1`},
	{Name: "frame: unsolicited pong", Script: `
		a auth
		a frame pong nobody asked
		a > {"event":"echo","data":1}`},
	{Name: "frame: byte by byte", Script: `
		a auth
		a bytes 81
		a bytes 8c 00 00
		a bytes 00 00 7b 22
		a bytes 65 76 65 6e 74
		a bytes 22 3a 22 22 7d
		a > {"event":"echo","data":"whole"}`},
	{Name: "frame: ping of 126 bytes", Script: `
		a auth
		a frame ping <p*126>
		a ends`},
	{Name: "frame: fragmented ping", Script: `
		a auth
		a frame ping -fin x
		a ends`},
	{Name: "frame: stray continuation", Script: `
		a auth
		a frame continuation x
		a ends`},
	{Name: "frame: a text within a fragmented text", Script: `
		a auth
		a frame text -fin {"event":
		a frame text {"event":"echo"}
		a ends`},
	{Name: "frame: unmasked", Script: `
		a auth
		a frame text -mask {"event":"echo"}
		a ends`},
	{Name: "frame: rsv1 without an extension", Script: `
		a auth
		a frame text rsv1 {"event":"echo"}
		a ends`},
	{Name: "frame: rsv2", Script: `
		a auth
		a frame text rsv2 {"event":"echo"}
		a ends`},
	{Name: "frame: opcode 3", Script: `
		a auth
		a frame 3 {"event":"echo"}
		a ends`},
	{Name: "frame: opcode 11", Script: `
		a auth
		a frame 11 x
		a ends`},
	{Name: "frame: text that is not UTF-8", Script: `
		a auth
		a frame text q"\xff\xfe"
		a ends`},
	{Name: "frame: text that is not UTF-8 inside data", Script: `
		a auth
		a frame text q"{\"event\":\"echo\",\"data\":\"\xc3\"}"
		a ends`},
	{Name: "frame: surrogate in UTF-8", Script: `
		a auth
		a frame text q"{\"event\":\"echo\",\"data\":\"\xed\xa0\x80\"}"
		a ends`},
	{Name: "frame: overlong UTF-8", Script: `
		a auth
		a frame text q"{\"event\":\"echo\",\"data\":\"\xc0\xaf\"}"
		a ends`},
	{Name: "frame: length of 2^63", Differs: length, Script: `
		a auth
		a bytes 81 ff 80 00 00 00 00 00 00 00 00 00 00 00
		a ends`},
	{Name: "frame: length of 2^64-1", Differs: length, Script: `
		a auth
		a bytes 81 ff ff ff ff ff ff ff ff ff 00 00 00 00
		a ends`},
	{Name: "frame: length of 1 GiB, nothing follows", Script: `
		a auth
		a bytes 81 ff 00 00 00 00 40 00 00 00 00 00 00 00
		a ends`},
}
