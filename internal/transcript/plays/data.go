package plays

import "github.com/hearthws/hearth/internal/transcript"

var data = []transcript.Play{
	{Name: "data: every simple value", Script: `
		a auth
		a > {"event":"echo","data":true}
		a > {"event":"echo","data":false}
		a > {"event":"echo","data":0}
		a > {"event":"echo","data":""}
		a > {"event":"echo","data":[]}
		a > {"event":"echo","data":{}}`},
	{Name: "data: numbers that a float64 holds", Script: `
		a auth
		a > {"event":"echo","data":[0,-0,1.0,1.50,1e2,1E+2,1e-2,-1.5e3,0.1,1e21,1e-7,123456789012345680000,5e-324,1.7976931348623157e308]}`},
	{Name: "data: the largest safe integer", Script: `
		a auth
		a > {"event":"echo","data":[9007199254740991,-9007199254740991]}`},
	{Name: "data: 20 digits", Differs: untouched, Script: `
		a auth
		a > {"event":"echo","data":12345678901234567890}`},
	{Name: "data: 2 to the 53rd plus 1", Differs: untouched, Script: `
		a auth
		a > {"event":"echo","data":[9007199254740993]}`},
	{Name: "data: many decimals", Differs: untouched, Script: `
		a auth
		a > {"event":"echo","data":3.14159265358979323846264338327950288}`},
	{Name: "data: 1e400", Differs: untouched, Script: `
		a auth
		a > {"event":"echo","data":[1e400,-1e400]}`},
	{Name: "data: 1e-400", Differs: untouched, Script: `
		a auth
		a > {"event":"echo","data":1e-400}`},
	{Name: "data: a name twice", Differs: untouched, Script: `
		a auth
		a > {"event":"echo","data":{"a":1,"a":2}}`},
	{Name: "data: order of members", Script: `
		a auth
		a > {"event":"echo","data":{"b":1,"a":2,"2":3,"1":4,"B":5}}`},
	{Name: "data: __proto__ and friends stay data", Script: `
		a auth
		a > {"event":"echo","data":{"__proto__":{"admin":true},"constructor":{"prototype":{}},"toString":1,"hasOwnProperty":null}}`},
	{Name: "data: names that are empty, long and odd", Script: `
		a auth
		a > {"event":"echo","data":{"":1," ":2,"\u0000":3,"a.b":4,"$ref":5,"<n*300>":6}}`},
	{Name: "data: escapes", Script: `
		a auth
		a > {"event":"echo","data":"\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac"}`},
	{Name: "data: pairs of surrogates", Script: `
		a auth
		a > {"event":"echo","data":"\ud83e\udd8a 🦊"}`},
	{Name: "data: lone surrogates", Script: `
		a auth
		a > {"event":"echo","data":["\ud83e","\udd8a","\udd8a\ud83e","x\ud800y"]}`},
	{Name: "data: lone surrogate as a name", Script: `
		a auth
		a > {"event":"echo","data":{"\ud800":1}}`},
	{Name: "data: control characters by escape", Script: `
		a auth
		a > {"event":"echo","data":"\u0000\u0001\u001f\u007f\u0080\u009f"}`},
	{Name: "data: line separators", Script: `
		a auth
		a > q"{\"event\":\"echo\",\"data\":\"\u2028\u2029\"}"`},
	{Name: "data: HTML stays as it is", Script: `
		a auth
		a > {"event":"echo","data":"<script>alert(1)&amp;</script>"}`},
	{Name: "data: every plane of Unicode", Script: `
		a auth
		a > {"event":"echo","data":"aé€𝄞􏿽 \ufeff مرحبا שלום 你好 e\u0301"}`},
	{Name: "data: non-characters", Script: `
		a auth
		a > q"{\"event\":\"echo\",\"data\":\"\ufffe\uffff\ufffd\"}"`},
	{Name: "data: depth 100", Script: `
		a auth
		a > {"event":"echo","data":<[*100>1<]*100>}`},
	{Name: "data: depth 1000", Script: `
		a auth
		a > {"event":"echo","data":<[*1000>1<]*1000>}`},
	{Name: "data: depth without end", Script: `
		a auth
		a > {"event":"echo","data":<[*1000>}`},
	{Name: "data: looks like a message", Script: `
		a auth
		a > {"event":"echo","data":{"event":"whoami","data":1}}
		a > {"event":"echo","data":"{\"event\":\"whoami\"}"}`},
	{Name: "data: looks like an envelope", Script: `
		a auth
		a > {"event":"echo","data":{"serverId":"emitter","type":"broadcast","event":"msg","data":1}}
		a > {"serverId":"emitter","type":"broadcast","event":"msg","data":1}`},
	{Name: "data: a hundred kilobytes", Script: `
		a auth
		a > {"event":"echo","data":"<x*100000>"}`},
	{Name: "data: largest message", Script: `
		a auth
		a > {"event":"echo","data":"<x*131046>"}`},
	{Name: "data: one byte more than the largest message", Script: `
		a auth
		a > {"event":"echo","data":"<x*131047>"}
		a ends`},
	{Name: "data: too large before authentication", Script: `
		a connect
		a > <x*131073>
		a ends`},
	{Name: "data: largest in characters of two bytes", Script: `
		a auth
		a > {"event":"echo","data":"<é*65523>"}`},
	{Name: "data: too large in characters of two bytes", Script: `
		a auth
		a > {"event":"echo","data":"<é*65524>"}
		a ends`},
	{Name: "data: too large by fragments", Script: `
		a auth
		a frame text -fin {"event":"echo","data":"<x*100000>
		a frame continuation -fin <x*31000>
		a frame continuation <x*1000>"}
		a ends`},
	{Name: "data: largest by fragments", Script: `
		a auth
		a frame text -fin {"event":"echo","data":"<x*100000>
		a frame continuation -fin <x*31000>
		a frame continuation <x*46>"}`},
	{Name: "data: too large to a binary message", Script: `
		a auth
		a binary <x*131073>
		a ends`},
	{Name: "data: through the broker unchanged", Script: `
		a auth {"userId":"through"}
		a > {"event":"user","data":{"userId":"through","body":{"a":[1,2.5,"x",null,true,{}],"é":"\ud83e\udd8a"}}}`},
	{Name: "data: lone surrogates through the broker", Script: `
		a auth {"userId":"through"}
		a > {"event":"user","data":{"userId":"through","body":"\ud83e"}}`},
	{Name: "data: big numbers through the broker", Differs: untouched, Script: `
		a auth {"userId":"through"}
		a > {"event":"user","data":{"userId":"through","body":[12345678901234567890,1e400]}}`},
	{Name: "data: large through the broker", Script: `
		a auth {"userId":"through"}
		a > {"event":"user","data":{"userId":"through","body":"<y*120000>"}}`},
}
