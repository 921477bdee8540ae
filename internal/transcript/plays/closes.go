package plays

import "github.com/hearthws/hearth/internal/transcript"

var closes = []transcript.Play{
	{Name: "close: by the client, 1000", Script: `
		a auth
		a frame close 1000 bye
		a ends`},
	{Name: "close: by the client, without a code", Script: `
		a auth
		a frame close
		a ends`},
	{Name: "close: by the client, 1001", Script: `
		a auth
		a frame close 1001
		a ends`},
	{Name: "close: by the client, 3000", Script: `
		a auth
		a frame close 3000 registered
		a ends`},
	{Name: "close: by the client, 4999", Script: `
		a auth
		a frame close 4999 private
		a ends`},
	{Name: "close: by the client, longest reason", Script: `
		a auth
		a frame close 1000 <r*123>
		a ends`},
	{Name: "close: before authentication", Script: `
		a connect
		a frame close 1000 bye
		a ends`},
	{Name: "close: with a payload of one byte", Script: `
		a auth
		a frame close q"\x03"
		a ends`},
	{Name: "close: code 999", Script: `
		a auth
		a frame close 999 low
		a ends`},
	{Name: "close: code 1005", Script: `
		a auth
		a frame close 1005 never sent
		a ends`},
	{Name: "close: code 1006", Script: `
		a auth
		a frame close 1006 never sent
		a ends`},
	{Name: "close: code 2999", Script: `
		a auth
		a frame close 2999 nobody's
		a ends`},
	{Name: "close: code 5000", Script: `
		a auth
		a frame close 5000 high
		a ends`},
	{Name: "close: reason is not UTF-8", Script: `
		a auth
		a frame close 1000 q"\xff"
		a ends`},
	{Name: "close: messages after it are not handled", Script: `
		a auth
		b auth
		a frame close 1000
		a > {"event":"bcast","data":{"body":"late"}}
		a ends
		b > {"event":"echo","data":1}`},
	{Name: "close: messages before it are handled", Script: `
		a auth
		b auth
		a burst 20 {"event":"pub","data":{"room":"<id:b>","body":<i>}}
		a frame close 1000
		a ends
		b gets 20`},
	{Name: "kick: code and reason", Script: `
		a auth
		b auth
		a > {"event":"kick","data":{"id":"<id:b>","code":4321,"reason":"because"}}
		b ends`},
	{Name: "kick: without a code", Script: `
		a auth
		b auth
		a > {"event":"kick","data":{"id":"<id:b>"}}
		b ends`},
	{Name: "kick: without a reason", Script: `
		a auth
		b auth
		a > {"event":"kick","data":{"id":"<id:b>","code":4000}}
		b ends`},
	{Name: "kick: empty reason", Script: `
		a auth
		b auth
		a > {"event":"kick","data":{"id":"<id:b>","code":4000,"reason":""}}
		b ends`},
	{Name: "kick: Unicode reason", Script: `
		a auth
		b auth
		a > {"event":"kick","data":{"id":"<id:b>","code":4000,"reason":"tschüß 🦊"}}
		b ends`},
	{Name: "kick: longest reason", Script: `
		a auth
		b auth
		a > {"event":"kick","data":{"id":"<id:b>","code":4000,"reason":"<r*123>"}}
		b ends`},
	{Name: "kick: itself", Script: `
		a auth
		a > {"event":"kick","data":{"id":"<id:a>","code":4001,"reason":"enough"}}
		a ends`},
	{Name: "kick: unknown client", Script: `
		a auth
		a > {"event":"kick","data":{"id":"nobody","code":4000}}
		a > {"event":"echo","data":1}`},
	{Name: "kick: what was sent before arrives first", Script: `
		a auth
		b auth
		a burst 10 {"event":"pub","data":{"room":"<id:b>","body":<i>}}
		a > {"event":"kick","data":{"id":"<id:b>","code":4000,"reason":"done"}}
		b ends`},
	{Name: "kick: nothing arrives afterwards", Script: `
		a auth
		b auth
		a > {"event":"kick","data":{"id":"<id:b>","code":4000,"reason":"done"}}
		a > {"event":"pub","data":{"room":"<id:b>","body":"late"}}
		a > {"event":"bcast","data":{"body":"late"}}
		b ends`},
	{Name: "kick: twice", Script: `
		a auth
		b auth
		a > {"event":"kick","data":{"id":"<id:b>","code":4000,"reason":"one"}}
		a > {"event":"kick","data":{"id":"<id:b>","code":4001,"reason":"two"}}
		b ends`},
}

var timers = []transcript.Play{
	{Name: "timer: never authenticates", Script: `
		a connect
		a ends`},
	{Name: "timer: other messages do not help", Script: `
		a connect
		a > {"event":"heartbeat"}
		a > {"event":"echo"}
		a ends`},
	{Name: "timer: authenticates within three times the limit", Script: `
		a connect
		a > {"event":"authenticate","data":{"token":"slow:500"}}
		a gets 1`},
	{Name: "timer: the hook takes too long", Script: `
		a connect
		a > {"event":"authenticate","data":{"token":"slow:3000"}}
		a ends`},
	{Name: "timer: silent client is swept", Script: `
		a auth
		a ends`},
	{Name: "timer: pings and pongs do not count", Script: `
		a auth
		a frame ping x
		a gets 1
		a ends`},
	{Name: "timer: whoever receives only is swept", Script: `
		a auth
		a > {"event":"sleep","data":{"ms":1}}
		a gets 1
		a ends`},
}

var sealed = []transcript.Play{
	{Name: "sealed: no key", Script: `
		a connect
		a > {"event":"authenticate"}
		a ends`},
	{Name: "sealed: empty key", Script: `
		a connect
		a > {"event":"authenticate","data":{"publicKey":""}}
		a ends`},
	{Name: "sealed: key is no base64", Script: `
		a connect
		a > {"event":"authenticate","data":{"publicKey":"!!!!"}}
		a ends`},
	{Name: "sealed: key is no point", Script: `
		a connect
		a > {"event":"authenticate","data":{"publicKey":"AAAA"}}
		a ends`},
	{Name: "sealed: key of another type", Script: `
		a connect
		a > {"event":"authenticate","data":{"publicKey":5}}
		a ends`},
	{Name: "sealed: refused before the handshake", Script: `
		a connect
		a > {"event":"authenticate","data":{"token":"bad"}}
		a ends`},
	{Name: "sealed: before authentication messages are plain", Script: `
		a connect
		a > not JSON
		a > {"event":"echo"}`},
}
