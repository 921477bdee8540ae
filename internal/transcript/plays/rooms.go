package plays

import "github.com/hearthws/hearth/internal/transcript"

// whoamiAfter scripts a client that sends lines and asks for its rooms.
func whoamiAfter(lines string) string {
	return "a auth" + lines + "\nquiet\na > {\"event\":\"whoami\"}"
}

var rooms = []transcript.Play{
	{Name: "join: one room", Script: whoamiAfter(`
		a > {"event":"join","data":{"rooms":["r1"]}}`)},
	{Name: "join: several rooms", Script: whoamiAfter(`
		a > {"event":"join","data":{"rooms":["r1","r2","r3"]}}`)},
	{Name: "join: one room twice", Script: whoamiAfter(`
		a > {"event":"join","data":{"rooms":["r1","r1"]}}
		a > {"event":"join","data":{"rooms":["r1"]}}`)},
	{Name: "join: a room of the server's own prefix", Script: whoamiAfter(`
		a > {"event":"join","data":{"rooms":["ws:x","ws:","ws:room:r","ws:internal:broadcast"]}}`)},
	{Name: "join: the prefix is case-sensitive and belongs to the beginning", Script: `
		a auth
		a > {"event":"join","data":{"rooms":["Ws:x","WS:y"," ws:z","xws:","ws"]}}
		quiet
		a > {"event":"local","data":{"room":"Ws:x","body":1}}
		a > {"event":"local","data":{"room":"WS:y","body":2}}
		a > {"event":"local","data":{"room":" ws:z","body":3}}
		a > {"event":"local","data":{"room":"xws:","body":4}}
		a > {"event":"local","data":{"room":"ws","body":5}}`},
	{Name: "join: a mixed request keeps what is allowed", Script: whoamiAfter(`
		a > {"event":"join","data":{"rooms":["ok","ws:no","",5,null,["x"],{"a":1},true,"fine"]}}`)},
	{Name: "join: empty name", Script: whoamiAfter(`
		a > {"event":"join","data":{"rooms":[""]}}`)},
	{Name: "join: 256 characters", Script: whoamiAfter(`
		a > {"event":"join","data":{"rooms":["<r*256>"]}}`)},
	{Name: "join: 257 characters", Script: whoamiAfter(`
		a > {"event":"join","data":{"rooms":["<r*257>"]}}`)},
	{Name: "join: 256 characters of two bytes", Script: whoamiAfter(`
		a > {"event":"join","data":{"rooms":["<é*256>"]}}`)},
	{Name: "join: 128 characters of two code units", Script: whoamiAfter(`
		a > {"event":"join","data":{"rooms":["<𝄞*128>"]}}`)},
	{Name: "join: 129 characters of two code units", Script: whoamiAfter(`
		a > {"event":"join","data":{"rooms":["<𝄞*129>"]}}`)},
	{Name: "join: 256 escapes", Script: whoamiAfter(`
		a > {"event":"join","data":{"rooms":["\u0072<r*255>"]}}
		a > {"event":"join","data":{"rooms":["\u0073<s*256>"]}}`)},
	{Name: "join: odd names", Script: whoamiAfter(`
		a > {"event":"join","data":{"rooms":["r:*","r:?","r[a]","r\r\nx","r\u0000","r\u202e","s t","ünï","🦊","r\"q\"","r\\","r'"]}}`)},
	{Name: "join: a name that is a lone surrogate", Differs: &transcript.Difference{
		Name: "becomes U+FFFD where the server has to understand a string",
		Why:  "as Redis channels are; what is no character becomes U+FFFD when the name is read, not when it is published",
	}, Script: whoamiAfter(`
		a > {"event":"join","data":{"rooms":["r\ud800"]}}`)},
	{Name: "join: names of JavaScript", Script: `
		a auth
		a > {"event":"join","data":{"rooms":["__proto__","constructor","toString"]}}
		quiet
		a > {"event":"local","data":{"room":"__proto__","body":1}}
		a > {"event":"local","data":{"room":"constructor","body":2}}
		a > {"event":"local","data":{"room":"toString","body":3}}
		a > {"event":"local","data":{"room":"hasOwnProperty","body":4}}`},
	{Name: "join: refused by the hook", Script: whoamiAfter(`
		a > {"event":"join","data":{"rooms":["secret"]}}`)},
	{Name: "join: partly refused by the hook", Script: whoamiAfter(`
		a > {"event":"join","data":{"rooms":["secret1","open","secret2"]}}`)},
	{Name: "join: hook fails", Script: whoamiAfter(`
		a > {"event":"join","data":{"rooms":["open","throw"]}}`)},
	{Name: "join: hook fails, later joins work", Script: whoamiAfter(`
		a > {"event":"join","data":{"rooms":["throw"]}}
		a > {"event":"join","data":{"rooms":["open"]}}`)},
	{Name: "join: no data", Script: whoamiAfter(`
		a > {"event":"join"}`)},
	{Name: "join: data null", Script: whoamiAfter(`
		a > {"event":"join","data":null}`)},
	{Name: "join: data is no object", Script: whoamiAfter(`
		a > {"event":"join","data":"r1"}
		a > {"event":"join","data":5}
		a > {"event":"join","data":true}
		a > {"event":"join","data":["r1"]}`)},
	{Name: "join: rooms missing, null, empty", Script: whoamiAfter(`
		a > {"event":"join","data":{}}
		a > {"event":"join","data":{"rooms":null}}
		a > {"event":"join","data":{"rooms":[]}}`)},
	{Name: "join: rooms is a number or an object", Script: whoamiAfter(`
		a > {"event":"join","data":{"rooms":5}}
		a > {"event":"join","data":{"rooms":{"0":"r1"}}}
		a > {"event":"join","data":{"rooms":true}}`)},
	{Name: "join: rooms is a name twice in one object", Script: whoamiAfter(`
		a > {"event":"join","data":{"rooms":["first"],"rooms":["second"]}}`)},
	{Name: "join: an own default room", Script: whoamiAfter(`
		a > {"event":"join","data":{"rooms":["ws-default"]}}`)},
	{Name: "join: the own id", Script: whoamiAfter(`
		a > {"event":"join","data":{"rooms":["<id:a>"]}}`)},
	{Name: "join: another client's id", Differs: &transcript.Difference{
		Name: "any client may ask for the room named like another client's id", Why: "eavesdropping",
	}, Script: `
		a auth
		b auth
		c auth
		a > {"event":"join","data":{"rooms":["<id:b>"]}}
		quiet
		c > {"event":"room","data":{"room":"<id:b>","body":"private"}}`},
	{Name: "join: many rooms in one request", Script: whoamiAfter(`
		a > {"event":"join","data":{"rooms":["r01","r02","r03","r04","r05","r06","r07","r08","r09","r10","r11","r12","r13","r14","r15","r16","r17","r18","r19","r20"]}}`)},
	{Name: "join: rooms are spelled with escapes", Script: whoamiAfter(`
		a > {"event":"join","data":{"ro\u006fms":["\u0072oom"]}}`)},
	{Name: "join: what follows finds the client in the room", Script: `
		a auth
		b auth
		a > {"event":"join","data":{"rooms":["r1"]}}
		a > {"event":"local","data":{"room":"r1","body":1}}
		a > {"event":"pub","data":{"room":"r1","body":2}}
		a gets 2`},
	{Name: "join: by a binary message", Script: whoamiAfter(`
		a binary {"event":"join","data":{"rooms":["r1"]}}`)},

	{Name: "leave: one room", Script: whoamiAfter(`
		a > {"event":"join","data":{"rooms":["r1","r2"]}}
		quiet
		a > {"event":"leave","data":{"rooms":["r1"]}}`)},
	{Name: "leave: several rooms, some of them strange", Script: whoamiAfter(`
		a > {"event":"join","data":{"rooms":["r1","r2","r3"]}}
		quiet
		a > {"event":"leave","data":{"rooms":["r1","nobody is here",5,null,"","r3"]}}`)},
	{Name: "leave: a room the client is not in", Script: whoamiAfter(`
		a > {"event":"leave","data":{"rooms":["r1"]}}`)},
	{Name: "leave: a default room", Script: whoamiAfter(`
		a > {"event":"leave","data":{"rooms":["ws-default"]}}`)},
	{Name: "leave: the room of the own id", Script: whoamiAfter(`
		a > {"event":"leave","data":{"rooms":["<id:a>"]}}`)},
	{Name: "leave: everything", Script: whoamiAfter(`
		a > {"event":"leave","data":{"rooms":["ws-default","ws-notification","<id:a>"]}}`)},
	{Name: "leave: malformed", Script: whoamiAfter(`
		a > {"event":"leave"}
		a > {"event":"leave","data":null}
		a > {"event":"leave","data":"ws-default"}
		a > {"event":"leave","data":5}
		a > {"event":"leave","data":["ws-default"]}
		a > {"event":"leave","data":{}}
		a > {"event":"leave","data":{"rooms":null}}
		a > {"event":"leave","data":{"rooms":[]}}
		a > {"event":"leave","data":{"rooms":5}}
		a > {"event":"leave","data":{"rooms":{"0":"ws-default"}}}`)},
	{Name: "leave: of a prefixed name the server had the client join", Script: whoamiAfter(`
		a > {"event":"enter","data":{"room":"ws:inside"}}
		a > {"event":"leave","data":{"rooms":["ws:inside"]}}`)},
	{Name: "leave: twice", Script: whoamiAfter(`
		a > {"event":"join","data":{"rooms":["r1"]}}
		quiet
		a > {"event":"leave","data":{"rooms":["r1","r1"]}}
		a > {"event":"leave","data":{"rooms":["r1"]}}`)},
	{Name: "leave: and join again", Script: whoamiAfter(`
		a > {"event":"join","data":{"rooms":["r1"]}}
		quiet
		a > {"event":"leave","data":{"rooms":["r1"]}}
		a > {"event":"join","data":{"rooms":["r1"]}}
		quiet
		a > {"event":"local","data":{"room":"r1","body":1}}`)},
	{Name: "leave: what follows does not arrive", Script: `
		a auth
		a > {"event":"join","data":{"rooms":["r1"]}}
		quiet
		a > {"event":"leave","data":{"rooms":["r1"]}}
		a > {"event":"local","data":{"room":"r1","body":1}}
		a > {"event":"pub","data":{"room":"r1","body":2}}`},
}
