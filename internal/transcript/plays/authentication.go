package plays

import "github.com/hearthws/hearth/internal/transcript"

var authentication = []transcript.Play{
	{Name: "auth: without data", Script: `
		a connect
		a > {"event":"authenticate"}
		a gets 1`},
	{Name: "auth: data null counts as {}", Script: `
		a connect
		a > {"event":"authenticate","data":null}
		a gets 1`},
	{Name: "auth: data {}", Script: `
		a auth {}`},
	{Name: "auth: data is a string", Script: `
		a auth "token"`},
	{Name: "auth: data is a number", Script: `
		a auth 7`},
	{Name: "auth: data is false", Script: `
		a auth false`},
	{Name: "auth: data is an array", Script: `
		a auth [1,2]`},
	{Name: "auth: user id", Script: `
		a auth {"userId":"alice"}`},
	{Name: "auth: user id null is the usual one", Script: `
		a auth {"userId":null}`},
	{Name: "auth: empty user id stays one", Script: `
		a auth {"userId":""}
		a > {"event":"whoami"}`},
	{Name: "auth: an empty user id is no address", Script: `
		a auth {"userId":""}
		b auth
		b > {"event":"user","data":{"userId":"","body":1}}`},
	{Name: "auth: user id in Unicode", Script: `
		a auth {"userId":"Ünïcødé 🦊 \u0000"}
		a > {"event":"whoami"}`},
	{Name: "auth: user id __proto__", Script: `
		a auth {"userId":"__proto__"}
		b auth {"userId":"constructor"}
		b > {"event":"user","data":{"userId":"__proto__","body":1}}
		quiet
		a > {"event":"user","data":{"userId":"constructor","body":2}}`},
	{Name: "auth: publicKey where no encryption is offered", Script: `
		a auth {"publicKey":"AAAA"}
		a > {"event":"whoami"}`},
	{Name: "auth: more members than needed", Script: `
		a connect
		a > {"event":"authenticate","id":"x1","data":{"userId":"bob"},"more":[1]}
		a gets 1`},
	{Name: "auth: refused", Script: `
		a connect
		a > {"event":"authenticate","data":{"token":"bad"}}
		a ends`},
	{Name: "auth: hook fails", Script: `
		a connect
		a > {"event":"authenticate","data":{"token":"throw"}}
		a ends`},
	{Name: "auth: slow hook accepts", Script: `
		a connect
		a > {"event":"authenticate","data":{"token":"slow:50","userId":"late"}}
		a gets 1`},
	{Name: "auth: token of another type", Script: `
		a auth {"token":["bad"]}`},
	{Name: "auth: messages before it", Script: `
		a connect
		a > {"event":"echo","data":1}
		a > {"event":"join","data":{"rooms":["r"]}}
		a > {"event":"leave","data":{"rooms":["r"]}}
		a > {"event":"connected"}
		a > {"event":"disconnect"}
		a > {"event":"error","data":{"message":"no"}}
		a > {"event":"encrypted","data":{"iv":"","ct":""}}
		quiet
		a > {"event":"authenticate"}
		a gets 1`},
	{Name: "auth: heartbeat before it is silent", Script: `
		a connect
		a > {"event":"heartbeat"}
		quiet
		a > {"event":"authenticate"}
		a gets 1`},
	{Name: "auth: not JSON before it", Script: `
		a connect
		a > hello
		quiet
		a > {"event":"authenticate"}
		a gets 1`},
	{Name: "auth: missing event before it is silent", Script: `
		a connect
		a > {"data":1}
		a > {"event":""}
		a > {"event":null}
		quiet
		a > {"event":"authenticate"}
		a gets 1`},
	{Name: "auth: twice", Script: `
		a auth
		a > {"event":"authenticate"}
		quiet
		a > {"event":"whoami"}`},
	{Name: "auth: second with bad credentials changes nothing", Script: `
		a auth {"userId":"alice"}
		a > {"event":"authenticate","data":{"token":"bad"}}
		quiet
		a > {"event":"whoami"}`},
	{Name: "auth: second with another user changes nothing", Script: `
		a auth {"userId":"alice"}
		a > {"event":"authenticate","data":{"userId":"mallory"}}
		quiet
		a > {"event":"whoami"}`},
	{Name: "auth: second during a pending one", Script: `
		a connect
		a > {"event":"authenticate","data":{"token":"slow:100","userId":"first"}}
		a > {"event":"authenticate","data":{"userId":"second"}}
		a gets 2
		a > {"event":"whoami"}`},
	{Name: "auth: second, to be refused, during a pending one", Script: `
		a connect
		a > {"event":"authenticate","data":{"token":"slow:100","userId":"first"}}
		a > {"event":"authenticate","data":{"token":"bad"}}
		a gets 2`},
	{Name: "auth: messages during a pending one", Script: `
		a connect
		a > {"event":"authenticate","data":{"token":"slow:100"}}
		a > {"event":"echo","data":1}
		a > {"event":"heartbeat"}
		a > {"event":"join","data":{"rooms":["r"]}}
		a > not JSON
		a > {"event":""}
		a gets 4
		a > {"event":"whoami"}`},
	{Name: "auth: leaving during a pending one", Script: `
		a connect
		a > {"event":"authenticate","data":{"token":"slow:100","userId":"gone"}}
		a drops
		b auth {"userId":"gone"}
		b > {"event":"sleep","data":{"ms":150}}
		b gets 1
		b > {"event":"user","data":{"userId":"gone","body":1}}`},
	{Name: "auth: refused after trying something else", Script: `
		a connect
		a > {"event":"echo"}
		a > {"event":"authenticate","data":{"token":"bad"}}
		a ends`},
	{Name: "auth: messages after a refusal", Script: `
		a connect
		a burst 1 {"event":"authenticate","data":{"token":"bad"}}
		a ends
		a > {"event":"authenticate"}`},
	{Name: "auth: by a binary message", Script: `
		a connect
		a binary {"event":"authenticate","data":{"userId":"bin"}}
		a gets 1`},
	{Name: "auth: duplicate names in data, the last one counts", Script: `
		a auth {"userId":"one","userId":"two"}`},
	{Name: "auth: event name is case-sensitive", Script: `
		a connect
		a > {"event":"Authenticate"}
		a > {"event":"AUTHENTICATE"}
		a > {"event":" authenticate"}
		quiet
		a > {"event":"authenticate"}
		a gets 1`},
	{Name: "auth: member name is case-sensitive", Script: `
		a connect
		a > {"Event":"authenticate"}
		a > {"EVENT":"authenticate"}
		quiet
		a > {"event":"authenticate","Data":{"userId":"upper"}}
		a gets 1`},
	{Name: "auth: event name spelled with escapes", Script: `
		a connect
		a > {"event":"\u0061uthenticat\u0065"}
		a gets 1`},
	{Name: "auth: member name spelled with escapes", Script: `
		a connect
		a > {"\u0065vent":"authenticate","d\u0061ta":{"us\u0065rId":"esc"}}
		a gets 1`},
	{Name: "auth: four connections of one user", Script: `
		a auth {"userId":"crowd"}
		b auth {"userId":"crowd"}
		c auth {"userId":"crowd"}
		d auth {"userId":"crowd"}
		a > {"event":"user","data":{"userId":"crowd","body":"all of you"}}`},
	{Name: "auth: nothing is sent to an unauthenticated client by broadcast", Script: `
		a connect
		b auth
		b > {"event":"bcast","data":{"body":1}}
		b > {"event":"all","data":{"body":2}}
		quiet
		a > {"event":"authenticate"}
		a gets 1`},
}
