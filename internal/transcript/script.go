package transcript

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// step is one line of a script.
type step struct {
	line   string
	client string // "" for quiet
	verb   string
	rest   string
}

// parseScript reads a script, without looking into the verbs' arguments.
func parseScript(script string) ([]step, error) {
	var steps []step
	for line := range strings.Lines(script) {
		line = strings.TrimLeft(strings.TrimSuffix(line, "\n"), "\t ")
		if line == "" {
			continue
		}
		if line == "quiet" {
			steps = append(steps, step{line: line, verb: line})
			continue
		}
		client, rest, _ := strings.Cut(line, " ")
		verb, rest, _ := strings.Cut(rest, " ")
		switch verb {
		case "connect", "auth", ">", "binary", "frame", "bytes", "burst", "gets", "ends", "drops":
		default:
			return nil, fmt.Errorf("transcript: no such step: %q", line)
		}
		steps = append(steps, step{line, client, verb, rest})
	}
	return steps, nil
}

var (
	idMacro     = regexp.MustCompile(`<id:(\w+)>`)
	repeatMacro = regexp.MustCompile(`<(.)\*(\d+)>`)
	timeMember  = regexp.MustCompile(`"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"`)
)

// expand replaces the macros of a text. ids are the clients' ids by name.
func expand(text string, ids map[string]string) (string, error) {
	if strings.HasPrefix(text, `q"`) {
		s, err := strconv.Unquote(text[1:])
		if err != nil {
			return "", fmt.Errorf("transcript: %s: %w", text, err)
		}
		text = s
	}
	var err error
	text = idMacro.ReplaceAllStringFunc(text, func(m string) string {
		id, ok := ids[idMacro.FindStringSubmatch(m)[1]]
		if !ok {
			err = fmt.Errorf("transcript: %s is not known", m)
		}
		return id
	})
	text = repeatMacro.ReplaceAllStringFunc(text, func(m string) string {
		parts := repeatMacro.FindStringSubmatch(m)
		n, _ := strconv.Atoi(parts[2])
		return strings.Repeat(parts[1], n)
	})
	return text, err
}

var opcodes = map[string]byte{
	"continuation": opContinuation, "text": opText, "binary": opBinary,
	"close": opClose, "ping": opPing, "pong": opPong,
}

// parseFrame reads the arguments of the step `frame`.
func parseFrame(rest string, ids map[string]string) (frame, error) {
	word, rest, _ := strings.Cut(rest, " ")
	opcode, ok := opcodes[word]
	if !ok {
		n, err := strconv.ParseUint(word, 0, 4)
		if err != nil {
			return frame{}, fmt.Errorf("transcript: opcode %q: %w", word, err)
		}
		opcode = byte(n)
	}
	f := frame{fin: true, opcode: opcode}
	for flags := true; flags; {
		flag, after, _ := strings.Cut(rest, " ")
		switch flag {
		case "-fin":
			f.fin = false
		case "-mask":
			f.unmasked = true
		case "long":
			f.longest = true
		case "rsv1", "rsv2", "rsv3":
			f.rsv |= 8 >> (flag[3] - '0')
		default:
			flags = false
			continue
		}
		rest = after
	}
	if opcode == opClose && rest != "" && rest[0] >= '0' && rest[0] <= '9' {
		digits, after, _ := strings.Cut(rest, " ")
		n, err := strconv.ParseUint(digits, 10, 16)
		if err != nil {
			return frame{}, fmt.Errorf("transcript: close code: %w", err)
		}
		f.payload, rest = binary.BigEndian.AppendUint16(nil, uint16(n)), after
	}
	text, err := expand(rest, ids)
	f.payload = append(f.payload, text...)
	return f, err
}

func parseHex(rest string) ([]byte, error) {
	b, err := hex.DecodeString(strings.ReplaceAll(rest, " ", ""))
	if err != nil {
		return nil, fmt.Errorf("transcript: bytes: %w", err)
	}
	return b, nil
}

// shorten writes runs of 50 and more equal characters as <x*50>, the way a
// script does.
func shorten(s string) string {
	var out strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		n := 1
		for strings.HasPrefix(s[n*size:], s[:size]) {
			n++
		}
		if n >= 50 {
			fmt.Fprintf(&out, "<%c*%d>", r, n)
		} else {
			out.WriteString(s[:n*size])
		}
		s = s[n*size:]
	}
	return out.String()
}
