package wire_test

import "strconv"

// manyMembers is a message of n members besides its event.
func manyMembers(n int) []byte {
	b := []byte(`{"event":"x"`)
	for i := range n {
		b = append(b, `,"m`...)
		b = strconv.AppendInt(b, int64(i), 10)
		b = append(b, `":1`...)
	}
	return append(b, '}')
}
