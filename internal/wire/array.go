package wire

// stringsIn returns the strings among the elements of a well-formed JSON value,
// and how many elements are no strings. It reports false when the value is not
// an array.
func stringsIn(value []byte) (list []string, others int, ok bool) {
	if value[0] != '[' {
		return nil, 0, false
	}
	i := skipSpace(value, 1)
	for value[i] != ']' {
		end := skipValue(value, i, 1)
		if element := value[i:end]; isString(element) {
			list = append(list, string(content(element)))
		} else {
			others++
		}
		if i = skipSpace(value, end); value[i] == ',' {
			i = skipSpace(value, i+1)
		}
	}
	return list, others, true
}
