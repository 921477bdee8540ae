package plays

import "github.com/hearthws/hearth/internal/transcript"

var routing = []transcript.Play{
	{Name: "send: to a client", Script: `
		a auth
		b auth
		c auth
		a > {"event":"pub","data":{"room":"<id:b>","body":{"x":1}}}`},
	{Name: "send: to itself", Script: `
		a auth
		a > {"event":"pub","data":{"room":"<id:a>","body":1}}`},
	{Name: "send: to a room", Script: `
		a auth
		b auth
		c auth
		a > {"event":"join","data":{"rooms":["talk"]}}
		b > {"event":"join","data":{"rooms":["talk"]}}
		quiet
		c > {"event":"pub","data":{"room":"talk","body":1}}`},
	{Name: "send: to a room, the sender among its members", Script: `
		a auth
		b auth
		a > {"event":"join","data":{"rooms":["talk"]}}
		b > {"event":"join","data":{"rooms":["talk"]}}
		quiet
		a > {"event":"pub","data":{"room":"talk","body":1}}`},
	{Name: "send: to nobody", Script: `
		a auth
		a > {"event":"pub","data":{"room":"nobody","body":1}}`},
	{Name: "send: empty destination is everybody", Script: `
		a auth
		b auth
		a > {"event":"pub","data":{"room":"","body":1}}`},
	{Name: "send: missing destination is everybody", Script: `
		a auth
		b auth
		a > {"event":"pub","data":{"body":1}}`},
	{Name: "send: everybody", Script: `
		a auth
		b auth
		c connect
		a > {"event":"bcast","data":{"body":[1]}}`},
	{Name: "send: absent data sends nothing", Script: `
		a auth
		a > {"event":"pub","data":{"room":"<id:a>"}}
		a > {"event":"bcast","data":{}}
		a > {"event":"bcast"}`},
	{Name: "send: null is data", Script: `
		a auth
		a > {"event":"pub","data":{"room":"<id:a>","body":null}}
		a > {"event":"bcast","data":{"body":null}}`},
	{Name: "send: a user id is no destination", Script: `
		a auth {"userId":"alice"}
		b auth
		b > {"event":"pub","data":{"room":"alice","body":1}}`},
	{Name: "send: a room named like a user", Script: `
		a auth {"userId":"alice"}
		b auth {"userId":"bob"}
		b > {"event":"join","data":{"rooms":["alice"]}}
		quiet
		a > {"event":"user","data":{"userId":"alice","body":1}}
		quiet
		a > {"event":"pub","data":{"room":"alice","body":2}}`},
	{Name: "to room: this node only", Script: `
		a auth
		b auth
		b > {"event":"join","data":{"rooms":["near"]}}
		quiet
		a > {"event":"local","data":{"room":"near","body":"x"}}`},
	{Name: "to room: absent data leaves the member out", Script: `
		a auth
		a > {"event":"join","data":{"rooms":["near"]}}
		quiet
		a > {"event":"local","data":{"room":"near"}}
		a > {"event":"room","data":{"room":"near"}}`},
	{Name: "to room: null data", Script: `
		a auth
		a > {"event":"join","data":{"rooms":["near"]}}
		quiet
		a > {"event":"local","data":{"room":"near","body":null}}
		a > {"event":"room","data":{"room":"near","body":null}}`},
	{Name: "to room: cluster", Script: `
		a auth
		b auth
		c auth
		a > {"event":"join","data":{"rooms":["far"]}}
		b > {"event":"join","data":{"rooms":["far"]}}
		quiet
		c > {"event":"room","data":{"room":"far","body":1}}`},
	{Name: "to user: all connections of one user", Script: `
		a auth {"userId":"alice"}
		b auth {"userId":"alice"}
		c auth {"userId":"bob"}
		c > {"event":"user","data":{"userId":"alice","body":1}}`},
	{Name: "to user: unknown", Script: `
		a auth
		a > {"event":"user","data":{"userId":"nobody","body":1}}`},
	{Name: "to user: absent data leaves the member out", Script: `
		a auth {"userId":"alice"}
		a > {"event":"user","data":{"userId":"alice"}}`},
	{Name: "to user: after one of its connections has gone", Script: `
		a auth {"userId":"alice"}
		b auth {"userId":"alice"}
		b drops
		a > {"event":"sleep","data":{"ms":50}}
		a gets 1
		a > {"event":"user","data":{"userId":"alice","body":1}}`},
	{Name: "to user: user ids are case-sensitive", Script: `
		a auth {"userId":"Alice"}
		a > {"event":"user","data":{"userId":"alice","body":1}}`},
	{Name: "to client: cluster", Script: `
		a auth
		b auth
		a > {"event":"client","data":{"id":"<id:b>","body":{"deep":[null]}}}`},
	{Name: "to client: unknown", Script: `
		a auth
		a > {"event":"client","data":{"id":"00000000-0000-4000-8000-000000000000","body":1}}`},
	{Name: "to client: absent data leaves the member out", Script: `
		a auth
		a > {"event":"client","data":{"id":"<id:a>"}}`},
	{Name: "to client: gone", Script: `
		a auth
		b auth
		b drops
		a > {"event":"sleep","data":{"ms":50}}
		a gets 1
		a > {"event":"client","data":{"id":"<id:b>","body":1}}
		a > {"event":"pub","data":{"room":"<id:b>","body":2}}`},
	{Name: "to client: an id is case-sensitive", Script: `
		a auth
		a > {"event":"client","data":{"id":" <id:a>","body":1}}`},
	{Name: "to all: cluster", Script: `
		a auth
		b auth
		a > {"event":"all","data":{"body":"hi"}}`},
	{Name: "to all: absent data leaves the member out", Script: `
		a auth
		b auth
		a > {"event":"all","data":{}}`},
	{Name: "to all: includes clients that left every room", Script: `
		a auth
		b auth
		b > {"event":"leave","data":{"rooms":["ws-default","ws-notification","<id:b>"]}}
		quiet
		a > {"event":"bcast","data":{"body":1}}
		quiet
		a > {"event":"all","data":{"body":2}}`},
	{
		Name: "order: a room message and a direct one from the same caller", Script: `
		a auth
		b auth
		b > {"event":"join","data":{"rooms":["talk"]}}
		quiet
		a burst 20 {"event":"pub","data":{"room":"talk","body":<i>}}
		a > {"event":"pub","data":{"room":"<id:b>","body":"direct"}}
		a burst 5 {"event":"pub","data":{"room":"talk","body":<i>}}
		a > {"event":"bcast","data":{"body":"end"}}
		b gets 27`,
	},
	{Name: "order: verbs through the broker", Script: `
		a auth {"userId":"ordered"}
		a > {"event":"room","data":{"room":"<id:a>","body":1}}
		a > {"event":"user","data":{"userId":"ordered","body":2}}
		a > {"event":"client","data":{"id":"<id:a>","body":3}}
		a > {"event":"all","data":{"body":4}}
		a gets 4`},

	{Name: "exclude: one of a room, this node", Script: `
		a auth
		b auth
		a > {"event":"join","data":{"rooms":["pair"]}}
		b > {"event":"join","data":{"rooms":["pair"]}}
		quiet
		a > {"event":"local","data":{"room":"pair","body":1,"exclude":["<id:a>"]}}`},
	{Name: "exclude: one of a room, cluster", Script: `
		a auth
		b auth
		a > {"event":"join","data":{"rooms":["pair"]}}
		b > {"event":"join","data":{"rooms":["pair"]}}
		quiet
		a > {"event":"room","data":{"room":"pair","body":1,"exclude":["<id:b>"]}}`},
	{Name: "exclude: everybody", Script: `
		a auth
		b auth
		a > {"event":"join","data":{"rooms":["pair"]}}
		b > {"event":"join","data":{"rooms":["pair"]}}
		quiet
		a > {"event":"local","data":{"room":"pair","body":1,"exclude":["<id:b>","<id:a>"]}}
		a > {"event":"room","data":{"room":"pair","body":2,"exclude":["<id:a>","<id:b>"]}}`},
	{Name: "exclude: empty list excludes nobody", Script: `
		a auth
		a > {"event":"join","data":{"rooms":["pair"]}}
		quiet
		a > {"event":"local","data":{"room":"pair","body":1,"exclude":[]}}
		a > {"event":"room","data":{"room":"pair","body":2,"exclude":[]}}`},
	{Name: "exclude: null excludes nobody", Script: `
		a auth
		a > {"event":"join","data":{"rooms":["pair"]}}
		quiet
		a > {"event":"local","data":{"room":"pair","body":1,"exclude":null}}
		a > {"event":"room","data":{"room":"pair","body":2,"exclude":null}}`},
	{Name: "exclude: unknown ids and one twice", Script: `
		a auth
		b auth
		a > {"event":"join","data":{"rooms":["pair"]}}
		b > {"event":"join","data":{"rooms":["pair"]}}
		quiet
		a > {"event":"room","data":{"room":"pair","body":1,"exclude":["nobody","<id:b>","<id:b>"]}}`},
	{Name: "exclude: user ids and rooms are no client ids", Script: `
		a auth {"userId":"alice"}
		a > {"event":"join","data":{"rooms":["pair"]}}
		quiet
		a > {"event":"room","data":{"room":"pair","body":1,"exclude":["alice","pair"]}}`},
	{Name: "exclude: a default room", Script: `
		a auth
		b auth
		c auth
		a > {"event":"local","data":{"room":"ws-default","body":1,"exclude":["<id:b>"]}}`},
	{Name: "exclude: a room without members", Script: `
		a auth
		a > {"event":"local","data":{"room":"empty","body":1,"exclude":["<id:a>"]}}
		a > {"event":"room","data":{"room":"empty","body":2,"exclude":["<id:a>"]}}`},
}
