package connect

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/hearthws/hearth/client"
)

// help is what /help says.
const help = `text                        publishes it into the room you are in
{"event":…,"data":…}        sends this message as it is
/join ROOM…                 joins rooms, and makes the last one yours
/leave ROOM…                leaves them
/room ROOM                  makes one of your rooms the one for text
/publish ROOM EVENT [JSON]  publishes an event into a room
/send EVENT [JSON]          sends an event to the server
//text                      is text that begins with /
/quit                       leaves; so does the end of the input`

// readLines reads lines until in ends, and then says why if it was no end. Reading a
// terminal cannot be called off: the goroutine may be left behind when the process
// ends.
func readLines(in io.Reader) (<-chan string, <-chan error) {
	lines, failed := make(chan string), make(chan error, 1)
	go func() {
		defer close(failed)
		defer close(lines)
		for r := bufio.NewReader(in); ; {
			line, err := r.ReadString('\n')
			if line != "" {
				lines <- line
			}
			if err != nil {
				if !errors.Is(err, io.EOF) {
					failed <- err
				}
				return
			}
		}
	}()
	return lines, failed
}

// typed does what a line of input asks for. Errors of the line are told, and
// only others returned.
func (s *session) typed(ctx context.Context, line string) error {
	err := s.do(ctx, strings.TrimSpace(line))
	var e *client.Error
	if errors.As(err, &e) {
		s.out.talk("not sent: %s", text(e))
		return nil
	}
	return err
}

func (s *session) do(ctx context.Context, line string) error {
	switch {
	case line == "":
		return nil
	case s.cfg.JSON || strings.HasPrefix(line, "{"):
		return s.raw(ctx, line)
	case strings.HasPrefix(line, "//"):
		return s.say(ctx, line[1:])
	case strings.HasPrefix(line, "/"):
		return s.command(ctx, line)
	}
	return s.say(ctx, line)
}

func (s *session) raw(ctx context.Context, line string) error {
	if !strings.HasPrefix(line, "{") || !json.Valid([]byte(line)) {
		s.out.talk("not sent, as it is no JSON object: %s", line)
		return nil
	}
	return s.client.SendRaw(ctx, []byte(line))
}

// chat is the data of typed text. The page of `hearth serve --demo` speaks the
// same.
type chat struct {
	Room string `json:"room"`
	From string `json:"from"`
	Text string `json:"text"`
}

func (s *session) say(ctx context.Context, text string) error {
	if s.room == "" {
		s.out.talk("not sent, as you are in no room: /join one first; /help knows more")
		return nil
	}
	return s.publish(ctx, s.room, s.cfg.Event, chat{s.room, s.user, text})
}

// publish asks the server to send an event to a room; nil leaves the data out.
func (s *session) publish(ctx context.Context, room, event string, data any) error {
	p := map[string]any{"room": room, "event": event}
	if data != nil {
		p["data"] = data
	}
	return s.client.Send(ctx, "publish", p)
}

// join joins rooms, for every connection, and makes the last one that of text.
func (s *session) join(rooms []string) error {
	if len(rooms) == 0 {
		return nil
	}
	if err := s.client.Join(rooms...); err != nil {
		return err
	}
	s.room = rooms[len(rooms)-1]
	return nil
}

func (s *session) command(ctx context.Context, line string) error {
	name, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	words := strings.Fields(rest)
	switch {
	case name == "/join" && len(words) > 0:
		return s.join(words)
	case name == "/leave" && len(words) > 0:
		return s.client.Leave(words...)
	case name == "/room" && len(words) == 1:
		s.room = words[0]
		return nil
	case name == "/publish" && len(words) > 1:
		_, rest, _ = strings.Cut(rest, words[0])
		return s.withData(rest, words[1], func(data any) error { return s.publish(ctx, words[0], words[1], data) })
	case name == "/send" && len(words) > 0:
		return s.withData(rest, words[0], func(data any) error { return s.client.Send(ctx, words[0], data) })
	case name == "/quit":
		return errLeave
	case name == "/help":
		s.out.talk("%s", help)
		return nil
	}
	s.out.talk("not understood: %s\n%s", line, help)
	return nil
}

// withData calls send with the JSON that follows event in rest, or nil.
func (s *session) withData(rest, event string, send func(data any) error) error {
	_, data, _ := strings.Cut(rest, event)
	data = strings.TrimSpace(data)
	switch {
	case data == "":
		return send(nil)
	case !json.Valid([]byte(data)):
		s.out.talk("not sent, as the data is not JSON: %s", data)
		return nil
	}
	return send(json.RawMessage(data))
}
