package plays

import "github.com/hearthws/hearth/internal/transcript"

var membership = []transcript.Play{
	{Name: "enter: trusted, no prefix filter and no hook", Script: whoamiAfter(`
		a > {"event":"enter","data":{"room":"ws:inside"}}
		a > {"event":"enter","data":{"room":"secret"}}
		a > {"event":"enter","data":{"room":"throw"}}`)},
	{Name: "enter: longer than 256", Script: whoamiAfter(`
		a > {"event":"enter","data":{"room":"<l*300>"}}`)},
	{Name: "enter: receives what is sent to the room", Script: `
		a auth
		b auth
		a > {"event":"enter","data":{"room":"ws:inside"}}
		quiet
		b > {"event":"local","data":{"room":"ws:inside","body":1}}
		b > {"event":"pub","data":{"room":"ws:inside","body":2}}
		b > {"event":"room","data":{"room":"ws:inside","body":3}}`},
	{Name: "exit: a default room", Script: whoamiAfter(`
		a > {"event":"exit","data":{"room":"ws-default"}}`)},
	{Name: "exit: a room the client is not in", Script: whoamiAfter(`
		a > {"event":"exit","data":{"room":"elsewhere"}}`)},
	{Name: "exit: the room of the own id", Script: whoamiAfter(`
		a > {"event":"exit","data":{"room":"<id:a>"}}`)},
	{Name: "exit: and enter again", Script: `
		a auth
		a > {"event":"enter","data":{"room":"r1"}}
		a > {"event":"exit","data":{"room":"r1"}}
		a > {"event":"local","data":{"room":"r1","body":1}}
		a > {"event":"enter","data":{"room":"r1"}}
		a > {"event":"local","data":{"room":"r1","body":2}}`},
	{Name: "default rooms: both are reached", Script: `
		a auth
		b auth
		a > {"event":"local","data":{"room":"ws-default","body":1}}
		quiet
		a > {"event":"room","data":{"room":"ws-notification","body":2}}`},
	{Name: "default rooms: left, not reached", Script: `
		a auth
		b auth
		b > {"event":"leave","data":{"rooms":["ws-default"]}}
		quiet
		a > {"event":"local","data":{"room":"ws-default","body":1}}
		quiet
		a > {"event":"local","data":{"room":"ws-notification","body":2}}`},
	{Name: "own room: reached by name", Script: `
		a auth
		b auth
		a > {"event":"local","data":{"room":"<id:b>","body":1}}
		a > {"event":"room","data":{"room":"<id:b>","body":2}}`},
	{Name: "own room: left, not reached by room, reached as a client", Script: `
		a auth
		b auth
		b > {"event":"leave","data":{"rooms":["<id:b>"]}}
		quiet
		a > {"event":"local","data":{"room":"<id:b>","body":1}}
		a > {"event":"room","data":{"room":"<id:b>","body":2}}
		quiet
		a > {"event":"client","data":{"id":"<id:b>","body":3}}
		quiet
		a > {"event":"pub","data":{"room":"<id:b>","body":4}}`},
	{Name: "room: gone with its last member", Script: `
		a auth
		b auth
		b > {"event":"enter","data":{"room":"brief"}}
		quiet
		b drops
		a > {"event":"sleep","data":{"ms":50}}
		a gets 1
		a > {"event":"local","data":{"room":"brief","body":1}}
		a > {"event":"pub","data":{"room":"brief","body":2}}`},
	{Name: "room: names are case-sensitive and not trimmed", Script: `
		a auth
		b auth
		a > {"event":"join","data":{"rooms":["Room"]}}
		b > {"event":"join","data":{"rooms":["room"]}}
		quiet
		a > {"event":"local","data":{"room":"Room","body":1}}
		quiet
		a > {"event":"local","data":{"room":"room","body":2}}
		quiet
		a > {"event":"local","data":{"room":"room ","body":3}}`},
	{Name: "room: two spellings of é are two rooms", Script: `
		a auth
		b auth
		a > {"event":"join","data":{"rooms":["\u00e9"]}}
		b > {"event":"join","data":{"rooms":["e\u0301"]}}
		quiet
		a > {"event":"room","data":{"room":"\u00e9","body":1}}`},
	{Name: "room: a pattern is only a name", Script: `
		a auth
		b auth
		a > {"event":"join","data":{"rooms":["x*","x?"]}}
		b > {"event":"join","data":{"rooms":["xy","xz"]}}
		quiet
		b > {"event":"room","data":{"room":"xy","body":1}}
		b > {"event":"room","data":{"room":"x*","body":2}}
		b > {"event":"room","data":{"room":"x?","body":3}}`},
	{Name: "room: odd names are reached through the broker", Script: `
		a auth
		a > {"event":"join","data":{"rooms":["r\r\nx","r\u0000y","🦊","[a]","r\\n","r\"q","__proto__"]}}
		quiet
		a > {"event":"room","data":{"room":"r\r\nx","body":1}}
		a > {"event":"room","data":{"room":"r\u0000y","body":2}}
		a > {"event":"room","data":{"room":"🦊","body":3}}
		a > {"event":"room","data":{"room":"[a]","body":4}}
		a > {"event":"room","data":{"room":"r\\n","body":5}}
		a > {"event":"room","data":{"room":"r\"q","body":6}}
		a > {"event":"room","data":{"room":"__proto__","body":7}}`},
}
