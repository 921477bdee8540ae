package wire

// DecodeSealed reads the data of an `encrypted` message: the texts of its
// members iv and ct. It reports false when one of them is missing or no string,
// when a name is there twice, and when data is not a JSON object.
func DecodeSealed(data []byte) (iv, ct []byte, ok bool) {
	var seen nameSet
	var hasIV, hasCT bool
	o := readObject(data)
	for o.next() {
		if !seen.add(o.name) {
			return nil, nil, false
		}
		switch string(o.name) {
		case "iv":
			if hasIV = isString(o.value); hasIV {
				iv = content(o.value)
			}
		case "ct":
			if hasCT = isString(o.value); hasCT {
				ct = content(o.value)
			}
		}
	}
	return iv, ct, o.complete && hasIV && hasCT
}
