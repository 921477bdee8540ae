package wire

import (
	"bytes"
	"math"
	"strconv"
)

func isNumber(value []byte) bool { return value[0] == '-' || value[0]-'0' <= 9 }

// integer returns the number as an unsigned integer of 64 bits, or 0 when it is
// none, or is not written as one.
func integer(number []byte) uint64 {
	n, err := strconv.ParseUint(string(number), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// numberText returns what String(n) is in JavaScript for a well-formed JSON
// number: ECMA-262, Number::toString, with the shortest digits that read back
// as the same double.
func numberText(number []byte) string {
	f, _ := strconv.ParseFloat(string(number), 64) // out of range is ±Inf, as in JSON.parse
	abs := math.Abs(f)
	switch {
	case f == 0:
		return "0" // also for -0
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case abs >= 1e-6 && abs < 1e21:
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	text := strconv.AppendFloat(nil, f, 'e', -1, 64)
	return string(bytes.Replace(text, []byte("e-0"), []byte("e-"), 1)) // Go writes two digits at least
}
