package wire

// object reads the members of a JSON object one after the other:
//
//	o := readObject(b)
//	for o.next() {
//		… o.name, o.value
//	}
//	if !o.complete { … b is not one JSON object }
type object struct {
	name     []byte // unescaped; lone surrogates are kept apart, see unescape
	value    []byte // as it stands in the source
	complete bool   // the object has ended, and nothing but white space follows

	src []byte
	pos int // where the next member, or the end, is expected; -1 when there is none
}

func readObject(src []byte) object {
	i := skipSpace(src, 0)
	if i == len(src) || src[i] != '{' {
		return object{pos: -1}
	}
	i = skipSpace(src, i+1)
	if i < len(src) && src[i] == '}' {
		return object{pos: -1, complete: isSpace(src[i+1:])}
	}
	return object{src: src, pos: i}
}

func (o *object) next() bool {
	if o.pos < 0 {
		return false
	}
	src, start := o.src, o.pos
	o.pos = -1

	nameEnd, escaped := scanString(src, start)
	if nameEnd < 0 {
		return false
	}
	i := skipSpace(src, nameEnd)
	if i == len(src) || src[i] != ':' {
		return false
	}
	valueStart := skipSpace(src, i+1)
	valueEnd := skipValue(src, valueStart, 1)
	if valueEnd < 0 {
		return false
	}

	i = skipSpace(src, valueEnd)
	if i == len(src) {
		return false
	}
	switch src[i] {
	case ',':
		o.pos = skipSpace(src, i+1)
	case '}':
		o.complete = isSpace(src[i+1:])
	default:
		return false
	}
	o.name = src[start+1 : nameEnd-1]
	if escaped {
		o.name = unescape(o.name, keepSurrogates)
	}
	o.value = src[valueStart:valueEnd:valueEnd]
	return true
}

// Member returns the value of a member of obj as it stands there; the last one
// when there are several of that name, as JSON.parse does. It reports false when
// there is none, and when obj is not a JSON object.
func Member(obj []byte, name string) (value []byte, ok bool) {
	o := readObject(obj)
	for o.next() {
		if string(o.name) == name {
			value = o.value
		}
	}
	if !o.complete {
		return nil, false
	}
	return value, value != nil
}
